/** What chooses and sorts the rows of a level: LIMIT, ORDER BY, DISTINCT, conditions; and whether any of it depends on people who are not named. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { as, type Node, stringOf } from '../../sql/parse/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { columnOf, someIn } from './conditions.ts';
import type { Key } from './key.ts';
import type { ColumnOf, ShownKeys } from './shown-keys.ts';
import { haveUniqueKey } from './unique-key.ts';
import type { LevelProofs, Values } from './values.ts';

export class RowChoice {
  constructor(
    private readonly analysis: Analysis,
    private readonly catalog: Catalog,
    private readonly values: Values,
    private readonly proofs: LevelProofs,
  ) {}

  limitsOf({ select }: QueryLevel): 'none' | 'some' | 'loose' {
    const { limitCount, limitOffset, limitOption } = select ?? {};
    if (!limitCount && !limitOffset) return 'none';
    const parts = [limitCount, limitOffset].filter((node) => node !== undefined);
    const plain =
      limitOption === undefined || limitOption === 'LIMIT_OPTION_COUNT' || limitOption === 'LIMIT_OPTION_DEFAULT';
    return plain && !parts.some((node) => this.values.isIn(node, undefined)) ? 'some' : 'loose';
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
   * Rows that are dropped after a sort or a hash table influence the order of equal rows, and where a hash table begins: by HAVING, OFFSET, a subquery
   * over people in a condition, a LIMIT (`chooses`) whose order is not total.
   */
  leavesOrderOpen(level: QueryLevel, chooses: boolean): boolean {
    if (level.select?.havingClause || level.select?.limitOffset || (chooses && !this.ordersAll(level))) return true;
    return level.roots.some(({ node, target }) => !target && this.readsPeople(node));
  }

  /** INVARIANT 75: the sort keys contain, as plain columns, a unique key of each table in FROM, and nothing else returns rows. */
  private ordersAll(level: QueryLevel): boolean {
    const sorted = (level.select?.sortClause ?? []).flatMap(
      (sort) => this.sortedBy(level, as(sort, 'SortBy')?.node) ?? [],
    );
    return level.entries.every(
      (entry) => entry.source.kind === 'join' || haveUniqueKey(sorted, entry, this.catalog, true),
    );
  }

  /** DISTINCT ON chooses once for each group: it may do so among one person's rows. */
  choosesForEach(level: QueryLevel, keys: readonly Key[], shown: ShownKeys): boolean {
    const groups = (level.select?.distinctClause ?? []).map((node) => {
      const column = this.sortedBy(level, node);
      return column && shown.comparable(column)?.one;
    });
    return !keys.every((key) => groups.includes(key.one));
  }

  /** The column that is sorted by; undefined if it is not a column, or not known. */
  private sortedBy({ outputs }: QueryLevel, node: Node | undefined): ColumnOf | undefined {
    if (node && this.analysis.marks.expressions.has(node)) return columnOf(this.analysis, node);
    const [first, more] = as(node, 'ColumnRef')?.fields ?? [];
    const name = more === undefined ? stringOf(first) : undefined;
    const [output, another] = outputs.filter((one) => name !== undefined && one.name === name);
    return output?.source && !another ? behindJoins(output.source) : undefined;
  }

  /** Whether it contains a subquery over people. */
  private readsPeople(expression: Node): boolean {
    return someIn(this.analysis, expression, (node) => {
      const inner = this.analysis.marks.sublinks.get(node);
      if (!inner) return undefined;
      const { keys, loose } = this.proofs.rowsOf(inner);
      return inner.kind === 'set' || loose || keys.length > 0 || this.proofs.keysOf(inner).length > 0;
    });
  }
}

/** `on`: DISTINCT ON (…). */
export function distinctOf({ select }: QueryLevel): 'none' | 'all' | 'on' {
  const [first] = select?.distinctClause ?? [];
  if (!first) return 'none';
  return Object.keys(first).length === 0 ? 'all' : 'on';
}
