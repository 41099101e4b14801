/** What chooses and sorts the rows of a level: LIMIT, ORDER BY, DISTINCT, conditions; and whether any of it depends on people who are not named. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { askInteger } from '../../sql/parse/constants.ts';
import { as, fieldsOf, type Node, stringOf } from '../../sql/parse/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { columnOf } from './conditions.ts';
import { uniqueKeys } from './constraints.ts';
import { allReachTheAnswer } from './cut-rows.ts';
import type { Key } from './key.ts';
import type { ColumnOf, ShownKeys } from './shown-keys.ts';
import type { LevelProofs, Values } from './values.ts';

const isZero = (number: number): boolean => number === 0;

export class RowChoice {
  constructor(
    private readonly analysis: Analysis,
    private readonly catalog: Catalog,
    private readonly values: Values,
    private readonly proofs: LevelProofs,
  ) {}

  limitsOf({ select }: QueryLevel): { readonly limits: 'none' | 'some' | 'loose'; readonly skips: boolean } {
    const { limitCount, limitOffset, limitOption } = select ?? {};
    if (!limitCount && !limitOffset) return { limits: 'none', skips: false };
    const parts = [limitCount, limitOffset].filter((node) => node !== undefined);
    const plain =
      limitOption === undefined || limitOption === 'LIMIT_OPTION_COUNT' || limitOption === 'LIMIT_OPTION_DEFAULT';
    const limits = plain && !parts.some((node) => this.values.isIn(node, undefined)) ? 'some' : 'loose';
    const zero = as(limitOffset, 'A_Const')?.ival;
    return { limits, skips: limitOffset !== undefined && !(zero && askInteger(zero, isZero)) };
  }

  /**
   * Whether other people's data influence which rows there are: in conditions, keys of groups and windows, arguments of set-returning functions.
   * `assigned`: expressions of SET lists, which choose no rows.
   */
  byValues(level: QueryLevel, assigned: ReadonlySet<Node>): boolean {
    const { values } = this;
    return level.roots.some(({ node, target }) => {
      if (assigned.has(node)) return false;
      if (target && !level.groupKeys.includes(node)) return values.givesRowsIn(node) && values.isIn(node, level);
      return values.isIn(node, level);
    });
  }

  /** ORDER BY and DISTINCT ON of an output column, `values` being the columns that are other people's data. */
  sortsByValues(level: QueryLevel, values: ReadonlySet<number>): boolean {
    if (values.size === 0) return false;
    const { sortClause = [], distinctClause = [] } = level.select ?? {};
    const sorts = sortClause.map((sort) => as(sort, 'SortBy')?.node);
    const distinct = distinctClause.filter((node) => Object.keys(node).length > 0);
    return [...sorts, ...distinct].some((node) => {
      if (!node || this.analysis.marks.expressions.has(node)) return false;
      const name = stringOf(as(node, 'ColumnRef')?.fields?.[0]);
      // A number may mean any of them.
      return name === undefined || level.outputs.some((output, i) => output.name === name && values.has(i));
    });
  }

  /**
   * Rows that are dropped after a sort or a hash table influence the order of equal rows, and where a hash table begins: HAVING, a LIMIT whose order
   * is not total, a condition above, a subquery over people that chooses rows. `arranged`: FROM items whose rows were sorted or hashed; `chooses`:
   * the level has LIMIT or DISTINCT ON.
   */
  leavesOrderOpen(level: QueryLevel, arranged: readonly RangeTableEntry[], chooses: boolean): boolean {
    if (level.select?.havingClause || (chooses && !ordersAll(this.analysis, level, this.catalog))) return true;
    if (level.roots.some(({ node, target }) => !target && this.asksPeople(node))) return true;
    const items = { level, items: arranged, chosen: undefined, chooses };
    return arranged.length > 0 && !allReachTheAnswer(this.analysis, items);
  }

  /** DISTINCT ON chooses once for each group: where its order is open, of one person's rows alone. */
  leavesGroupsOpen(
    level: QueryLevel,
    arranged: readonly RangeTableEntry[],
    keys: readonly Key[],
    shown: ShownKeys,
  ): boolean {
    const groups = (level.select?.distinctClause ?? []).map((node) => {
      const column = sortedBy(this.analysis, level, node);
      return column && shown.comparable(column)?.one;
    });
    return !keys.every((key) => groups.includes(key.one)) && this.leavesOrderOpen(level, arranged, true);
  }

  /** Whether it contains a subquery over people. */
  private asksPeople(part: unknown): boolean {
    if (typeof part !== 'object' || part === null) return false;
    this.analysis.parsed.workLimit.spend();
    const inner = this.analysis.marks.sublinks.get(part as Node);
    if (!inner) return fieldsOf(part).some(([, more]) => this.asksPeople(more));
    const { keys, loose } = this.proofs.rowsOf(inner);
    return inner.kind === 'set' || loose || keys.length > 0 || this.proofs.keysOf(inner).length > 0;
  }
}

/** `on`: DISTINCT ON (…). */
export function distinctOf({ select }: QueryLevel): 'none' | 'all' | 'on' {
  const [first] = select?.distinctClause ?? [];
  if (!first) return 'none';
  return Object.keys(first).length === 0 ? 'all' : 'on';
}

/** INVARIANT 75: the sort keys contain, as plain columns, a unique key of each table in FROM, and nothing else returns rows. */
function ordersAll(analysis: Analysis, level: QueryLevel, catalog: Catalog): boolean {
  const sorted = (level.select?.sortClause ?? []).flatMap(
    (sort) => sortedBy(analysis, level, as(sort, 'SortBy')?.node) ?? [],
  );
  return level.entries.every((entry) => entry.source.kind === 'join' || isToldApart(entry, sorted, catalog));
}

function isToldApart(entry: RangeTableEntry, sorted: readonly ColumnOf[], catalog: Catalog): boolean {
  if (entry.source.kind !== 'relation') return false;
  const { view } = entry.source;
  const names = new Set<string>();
  for (const one of sorted) {
    const shown = one.entry === entry ? view.columns[entry.columns.indexOf(one.column)] : undefined;
    // The value of a mask is not the unique value.
    if (shown && shown.access === 'granted' && !shown.masked && shown.column.notNull) names.add(shown.column.name);
  }
  return uniqueKeys(view.relation, catalog).some((key) => key.every((name) => names.has(name)));
}

/** The column that is sorted by; undefined if it is not a column, or not known. */
function sortedBy(analysis: Analysis, level: QueryLevel, node: Node | undefined): ColumnOf | undefined {
  if (!node) return undefined;
  if (analysis.marks.expressions.has(node)) return columnOf(analysis, node);
  const [first, more] = as(node, 'ColumnRef')?.fields ?? [];
  const name = more === undefined ? stringOf(first) : undefined;
  const named = level.outputs.filter((output) => name !== undefined && output.name === name);
  const [source] = named.map((output) => output.source);
  return named.length === 1 && source ? behindJoins(source) : undefined;
}
