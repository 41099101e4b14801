/**
 * Proves that a join multiplies no rows: all relations but one are joined by a unique key of their own, so each row of that one occurs at most once
 * in the result. With repeated rows, one person could be given any weight in a sum.
 */

import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RangeTableColumn, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import { as, type Body, type Node, strings } from '../../sql/parse/tree.ts';
import { INT2, INT4, INT8 } from '../../sql/types/oids.ts';
import { behindJoins } from '../rewrite/group-keys.ts';

/** Two columns that are equal in every row; one alone where it equals a constant. */
interface Equality {
  readonly sides: readonly { readonly entry: RangeTableEntry; readonly column: RangeTableColumn }[];
}

interface Joined {
  readonly entries: RangeTableEntry[];
  /** Of inner joins and WHERE. */
  readonly everywhere: Equality[];
  /** Of a relation that an outer join may leave out, its own condition. */
  readonly optional: Map<RangeTableEntry, Equality[]>;
}

/** The relations whose rows occur in the level's rows once each; empty if that cannot be proven. `may`: the candidates. */
export function rowsOf(
  level: QueryLevel,
  analysis: Analysis,
  catalog: Catalog,
  may: (entry: RangeTableEntry) => boolean,
): RangeTableEntry[] {
  const joined: Joined = { entries: [], everywhere: [], optional: new Map() };
  const { select } = level;
  for (const node of select?.fromClause ?? []) if (!collect(node, analysis, joined)) return [];
  joined.everywhere.push(...equalities(select?.whereClause, analysis));
  return joined.entries.filter(
    (entry) => may(entry) && !joined.optional.has(entry) && reachesAll(entry, joined, catalog),
  );
}

/** False where a form is not known to keep rows apart. */
function collect(node: Node, analysis: Analysis, joined: Joined): boolean {
  const entry = entryOf(node, analysis);
  if (entry) {
    joined.entries.push(entry);
    return true;
  }
  const join = as(node, 'JoinExpr');
  if (!join?.larg || !join.rarg || join.isNatural) return false;
  if (join.jointype !== 'JOIN_INNER' && join.jointype !== 'JOIN_LEFT') return false;
  if (!collect(join.larg, analysis, joined)) return false;
  const right = entryOf(join.rarg, analysis);
  if (!right) return false;
  joined.entries.push(right);
  const found = [...equalities(join.quals, analysis), ...merged(join, right, joined)];
  // The condition of an outer join holds only where its right side is there.
  if (join.jointype === 'JOIN_LEFT') joined.optional.set(right, found);
  else joined.everywhere.push(...found);
  return true;
}

function entryOf(node: Node, { marks }: Analysis): RangeTableEntry | undefined {
  return marks.relations.find((mark) => mark.node === node)?.entry;
}

/** USING: the column of that name on the left, where one relation alone has it. */
function merged(join: Body<'JoinExpr'>, right: RangeTableEntry, { entries }: Joined): Equality[] {
  return strings(join.usingClause).flatMap((name) => {
    const here = right.columns.find((column) => column.name === name);
    const there = entries
      .filter((entry) => entry !== right)
      .flatMap((entry) => entry.columns.filter((column) => column.name === name).map((column) => ({ entry, column })));
    return here && there.length === 1 ? [{ sides: [{ entry: right, column: here }, there[0]!] }] : [];
  });
}

/** The equalities that a condition is made of, joined by AND. */
function equalities(condition: Node | undefined, analysis: Analysis): Equality[] {
  const and = as(condition, 'BoolExpr');
  if (and?.boolop === 'AND_EXPR') return (and.args ?? []).flatMap((part) => equalities(part, analysis));
  const body = as(condition, 'A_Expr');
  if (body?.kind !== 'AEXPR_OP' || strings(body.name).at(-1) !== '=' || !body.lexpr || !body.rexpr) return [];
  const sides = [body.lexpr, body.rexpr].map((node) => {
    const reference = analysis.marks.references.get(node);
    if (reference && 'ColumnRef' in node) return behindJoins(reference);
    return analysis.marks.expressions.get(node)?.constant || 'ParamRef' in node ? 'constant' : undefined;
  });
  if (sides.includes(undefined)) return [];
  return [{ sides: sides.filter((side) => typeof side === 'object') }];
}

function reachesAll(root: RangeTableEntry, joined: Joined, catalog: Catalog): boolean {
  const reached = new Set([root]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const entry of joined.entries) {
      if (reached.has(entry)) continue;
      if (!isOne(entry, joined.optional.get(entry) ?? joined.everywhere, reached, catalog)) continue;
      reached.add(entry);
      grew = true;
    }
  }
  return reached.size === joined.entries.length;
}

/** Whether at most one row of the relation belongs to each reached row: each column of its primary key equals one of theirs. */
function isOne(
  entry: RangeTableEntry,
  equal: readonly Equality[],
  reached: ReadonlySet<RangeTableEntry>,
  catalog: Catalog,
): boolean {
  if (entry.source.kind !== 'relation') return false;
  const { view } = entry.source;
  const { relation } = view;
  if (relation.primaryKey.length === 0 || hasChildren(relation, catalog)) return false;
  return relation.primaryKey.every((attnum) =>
    equal.some(({ sides }) => {
      const own = sides.find((side) => side.entry === entry);
      const other = sides.find((side) => side.entry !== entry);
      if (!own || (sides.length > 1 && !other) || (other && !reached.has(other.entry))) return false;
      const column = view.columns[entry.columns.indexOf(own.column)];
      // A mask is not the key, and two values of two types may be equal to a third.
      return column?.column.attnum === attnum && !column.masked && (!other || isSameType(own.column, other.column));
    }),
  );
}

const INTEGERS: readonly number[] = [INT2, INT4, INT8];

function isSameType(a: RangeTableColumn, b: RangeTableColumn): boolean {
  return a.type === b.type || (INTEGERS.includes(a.type) && INTEGERS.includes(b.type));
}

/** A key of a table says nothing of the tables that inherit from it; of partitions it does. */
function hasChildren(relation: Relation, catalog: Catalog): boolean {
  return relation.kind !== 'p' && catalog.data.relations.some((other) => other.parents.includes(relation.oid));
}
