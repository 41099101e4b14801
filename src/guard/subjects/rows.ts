/** What is proven of the rows that a query level gives. */
import type { Key } from './key.ts';

/**
 * For given values of all its keys, the rows are determined only by the statement's data under those keys, tables without people, parameters and the
 * outer row: whether they exist, how many there are, and the content of their columns except `values`.
 */
export interface ProvenRows {
  /** Each is one person of a row. A key that follows one of an outer level is not a key of the rows. */
  readonly keys: readonly RowsKey[];
  /** Columns (from 0) that show the key of a level around, or nothing. */
  readonly passed: readonly { readonly column: number; readonly key: Key }[];
  /** Columns that depend on other people. */
  readonly values: ReadonlySet<number>;
  /** This does not hold: which rows there are depends on other people as well. */
  readonly loose: boolean;
  /** This holds only for all rows together, as LIMIT, OFFSET or DISTINCT ON chose them: dropping some of them would disclose others. */
  readonly cut: boolean;
  /** The order of some, or of equal ones, may depend on people whose rows are not returned. */
  readonly openOrder: boolean;
  /** A condition on one of its columns could as well be inside, with its own conditions. */
  readonly open: boolean;
}

export interface RowsKey {
  readonly key: Key;
  /** Columns that show it. */
  readonly columns: readonly number[];
  /** Columns that show it, or nothing. */
  readonly perhaps: readonly number[];
  /** Each row covers many people, whose keys the guard can collect (`array_agg`) with the level's own aggregates. */
  readonly list: boolean;
}

/** Whether people who are not named decide which rows of people who are known come. A question pays for one such choice. */
export function isOthersChoice({ cut, openOrder }: ProvenRows): boolean {
  return cut && openOrder;
}

export const NO_ROWS: ProvenRows = {
  keys: [],
  passed: [],
  values: new Set(),
  loose: false,
  cut: false,
  openOrder: false,
  open: false,
};

/** Whatever is not understood. */
export function unknownRows({ keys }: Pick<ProvenRows, 'keys'>, columns: number): ProvenRows {
  return {
    ...NO_ROWS,
    keys: keys.map((one) => ({ ...one, columns: [], perhaps: [] })),
    values: new Set(Array.from({ length: columns }, (_, i) => i)),
    loose: true,
  };
}
