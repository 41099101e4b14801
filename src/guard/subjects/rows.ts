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
  /** OFFSET has dropped rows of people who are named nowhere. */
  readonly skips: boolean;
  /** A condition on one of its columns could as well be inside, with its own conditions. */
  readonly open: boolean;
  /** They have been sorted or put into a hash table, so the order of some depends on the others. */
  readonly arranged: boolean;
  /** The order of its rows, or of equal rows, may depend on people whose rows are not returned. */
  readonly openOrder: boolean;
  /** The same of its first rows, if the client does not ask for the others. Of the statement's own level alone. */
  readonly openStart?: boolean;
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

/**
 * Whether people who are not named decide which rows of people who are known come: what OFFSET passes by, and what an open order leaves to LIMIT. A
 * question pays for one such choice.
 */
export function isOthersChoice({ cut, skips, openOrder }: ProvenRows): boolean {
  return skips || (cut && openOrder);
}

export const NO_ROWS: ProvenRows = {
  keys: [],
  passed: [],
  values: new Set(),
  loose: false,
  cut: false,
  skips: false,
  open: false,
  arranged: false,
  openOrder: false,
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
