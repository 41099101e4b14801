/** What must be counted so that no group of few is shown (`min_group`): found by `judge-level.ts`, written into the text by `rewrite/groups.ts`. */
import type { QueryLevel, RangeTableColumn, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Node } from '../../sql/parse/tree.ts';

/** One of the things that a group has at least so many of: a subject's key, or the row itself. */
export interface Unit {
  /** The relation whose guarded subquery exports it. */
  readonly entry: RangeTableEntry;
  /** The name under which it does. */
  readonly name: string;
  /** Over the relation's own row. */
  readonly of: { readonly kind: 'column'; readonly name: string } | { readonly kind: 'row' };
}

/** A type in which few values suffice for a sum or a variance to fail, and how large a value may be so that none fails. */
export interface Bounded {
  readonly type: 'float4' | 'float8' | 'numeric';
  readonly most: string;
}

/** An aggregate over one column: shown where enough have a value in it. */
export interface Input {
  /** The call. */
  readonly node: Node;
  readonly argument: Node;
  readonly bounded: Bounded | undefined;
  readonly entry: RangeTableEntry;
  readonly column: RangeTableColumn;
}

/** One query level over data. */
export interface Groups {
  readonly level: QueryLevel;
  readonly least: number;
  /** Of each a group must have `least` different ones. */
  readonly units: readonly Unit[];
  /** The units of the relation whose rows are aggregated: at least `least` of each must have a value in the aggregate. */
  readonly rows: readonly Unit[];
  readonly inputs: readonly Input[];
  /** Its calls of count, and what they are rounded to; absent if they are exact. */
  readonly rounded?: { readonly counts: readonly Node[]; readonly to: number };
}
