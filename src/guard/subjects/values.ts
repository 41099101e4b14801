/** Which expressions depend on other people than those whose keys are in their row: their result is a value. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { collects } from '../../sql/analyze/collects.ts';
import type { Expression, QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import { as, type Body, fieldsOf, type Node } from '../../sql/parse/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { columnOf, someIn } from './conditions.ts';
import { endsOf, type Key } from './key.ts';
import { below } from './key-equivalence.ts';
import type { ProvenRows } from './rows.ts';
import type { ColumnOf, ShownKeys } from './shown-keys.ts';
import { functionMayRead } from './subject-relations.ts';

export interface LevelProofs {
  rowsOf(level: QueryLevel): ProvenRows;
  keysOf(level: QueryLevel): readonly Key[];
}

export class Values {
  /** Subqueries of conditions whose people are those of the row. */
  readonly tied = new Set<Node>();
  private readonly columns = new Map<RangeTableEntry, ReadonlySet<number>>();
  private readonly wholeRows: ReadonlyMap<Node, RangeTableEntry>;
  private readonly rowStars: ReadonlyMap<Node, readonly ColumnOf[]>;

  constructor(
    private readonly analysis: Analysis,
    private readonly shown: ShownKeys,
    private readonly proofs: LevelProofs,
  ) {
    const { marks } = analysis;
    this.wholeRows = new Map(marks.wholeRows.map(({ node, entry }) => [node, entry]));
    this.rowStars = new Map(marks.rowStars.map(({ item, columns }) => [item, columns]));
  }

  /** Columns of a FROM item that are values. */
  note(entry: RangeTableEntry, columns: ReadonlySet<number>): void {
    if (columns.size > 0) this.columns.set(entry, columns);
  }

  isColumn(found: ColumnOf): boolean {
    const { entry, column } = behindJoins(found);
    // The location of a tuple depends on what was written before it.
    if (column.implicit) return true;
    if (entry.source.kind === 'join') return [...below(entry)].some((one) => this.columns.has(one));
    return this.columns.get(entry)?.has(entry.columns.indexOf(column)) === true;
  }

  /** Whether the expression, which belongs to that level, contains one. */
  isIn(part: unknown, level: QueryLevel | undefined): boolean {
    if (typeof part !== 'object' || part === null) return false;
    this.analysis.parsed.workLimit.spend();
    if (Array.isArray(part)) return part.some((inner) => this.isIn(inner, level));
    const node = part as Node;
    const { marks } = this.analysis;
    if ('SubLink' in part || marks.sublinks.has(node)) return this.isSubquery(node, level);
    const reference = marks.references.get(node);
    if (reference) return this.isColumn(reference);
    if ('ColumnRef' in part) return this.isRow(node);
    const call = as(node, 'FuncCall');
    const fn = call && marks.calls.get(call)?.fn;
    if (fn && functionMayRead(fn)) return true;
    const over = call?.over ?? windowOfJson(node);
    if (over && !this.isOwnWindow(over, level)) return true;
    return fieldsOf(part).some(([, inner]) => this.isIn(inner, level));
  }

  private isSubquery(node: Node, level: QueryLevel | undefined): boolean {
    const inner = this.analysis.marks.sublinks.get(node);
    const link = as(node, 'SubLink');
    if (!inner) return true;
    if (!this.tied.has(node)) {
      const { keys, loose, values } = this.proofs.rowsOf(inner);
      // All of its people are those of a row around, and so is all that it does with them: order, LIMIT, counting.
      if (loose || keys.length > 0) return true;
      if (values.size > 0 && link?.subLinkType !== 'EXISTS_SUBLINK') return true;
    }
    return this.isIn(link?.testexpr, level);
  }

  /** A whole row, as itself or as the columns of ROW(t.*). A node that was resolved as neither is not known. */
  private isRow(node: Node): boolean {
    const columns = this.rowStars.get(node);
    if (columns) return columns.some((column) => this.isColumn(column));
    const entry = this.wholeRows.get(node);
    return !entry || [...below(entry)].some((one) => this.columns.has(one));
  }

  /** A window over rows that all have the keys of their row. */
  private isOwnWindow(over: Body<'WindowDef'>, level: QueryLevel | undefined): boolean {
    if (!level) return false;
    const parts = (windowOf(over, level).partitionClause ?? []).flatMap((node) => {
      const column = columnOf(this.analysis, node);
      return (column && this.shown.get(column)?.one) ?? [];
    });
    // Exactly the key: a key that may be missing would group all rows without it.
    return this.proofs.keysOf(level).every((key) => [...endsOf(key).own].every((end) => parts.includes(end)));
  }

  hasWindow(level: QueryLevel): boolean {
    return level.roots.some(({ node }) => this.hasBarrier(node, 'window'));
  }

  /** Whether the list of a level has calls that give any number of rows. */
  givesRows(level: QueryLevel): boolean {
    return level.roots.some(({ node, inFrom }) => !inFrom && this.givesRowsIn(node));
  }

  givesRowsIn(node: Node): boolean {
    return this.hasBarrier(node, 'set-returning');
  }

  private hasBarrier(node: Node, kind: Expression['barrier']): boolean {
    return this.hasIn(node, (part) => this.analysis.marks.expressions.get(part)?.barrier === kind);
  }

  /** Whether the level puts values of many rows into one (json_agg and similar functions). */
  collects({ outputs }: QueryLevel): boolean {
    const { calls, expressions } = this.analysis.marks;
    const isList = (node: Node): boolean => {
      if (expressions.get(node)?.barrier !== 'aggregate') return false;
      const call = as(node, 'FuncCall');
      const fn = call && calls.get(call)?.fn;
      return fn ? collects(fn) !== undefined : 'JsonArrayAgg' in node || 'JsonObjectAgg' in node;
    };
    return outputs.some(({ node }) => this.hasIn(node, isList));
  }

  /** Whether such a node is in an expression, but for its subqueries. */
  private hasIn(expression: Node | undefined, is: (node: Node) => boolean): boolean {
    const { sublinks } = this.analysis.marks;
    return someIn(this.analysis, expression, (node) => !sublinks.has(node) && (is(node) || undefined));
  }
}

function windowOfJson(node: Node): Body<'WindowDef'> | undefined {
  const made = as(node, 'JsonArrayAgg') ?? as(node, 'JsonObjectAgg');
  // Every object has a `constructor`; the tree's own is a field.
  if (!made || !Object.hasOwn(made, 'constructor')) return undefined;
  return (made.constructor as { over?: Body<'WindowDef'> }).over;
}

/** The definition that `OVER name` and `OVER (name …)` take. */
function windowOf(over: Body<'WindowDef'>, level: QueryLevel): Body<'WindowDef'> {
  const name = over.refname ?? (over.partitionClause || over.orderClause ? undefined : over.name);
  if (name === undefined) return over;
  const named = (level.select?.windowClause ?? []).map((node) => as(node, 'WindowDef'));
  const found = named.find((window) => window?.name === name);
  return found && found !== over ? found : over;
}
