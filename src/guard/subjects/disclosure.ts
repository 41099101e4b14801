/**
 * What the answer of a statement can disclose about data subjects, as far as the statement itself shows it: the proofs that make it cheap. Plain
 * data, made once for each judgement; the session counts what was really sent, based on this.
 */
import type { Oid } from '../../sql/catalog/catalog.ts';

/** For one statement and the subjects of one kind. A statement that touches no data of a subject has none. */
export interface Disclosure {
  readonly subject: string;
  readonly access: SubjectAccess;
  /**
   * Whether it may end in an error that depends on data: an error is an answer, so one is set aside for it, beside what the answer shows.
   * `at-commit`: one of its constraints may be deferred, so that the error can come as late as COMMIT; or what it leaves behind may tell more than its
   * answer. It is never free.
   */
  readonly canFail: 'no' | 'at-once' | 'at-commit';
  /**
   * Present: its rows are named, each by these keys. A row whose keys are all NULL is not named. Empty: its rows depend on no person. Absent: no row
   * is named.
   */
  readonly named?: readonly RowKey[];
  /**
   * Result columns (of the client's, from 0) that are values although the row is named: they do not depend on its own people alone. In a row that is
   * not named every column is a value, whatever is listed here.
   */
  readonly values: readonly number[];
  /**
   * Which of its answers is free, because it was known beforehand. `known`: every row is named, without values, and none was
   * left out: the answer that is read to its end and shows only people who are counted already, or no row. `repeated`: the same answer as the last one to this text. An error is never free.
   */
  readonly free: 'known' | 'repeated';
  /** Where it fails, numbers of sequences tell how many rows came before: one more is set aside for them. */
  readonly leavesNumbers?: true;
  /** It locks rows that others find locked: where the answer need not tell which, none that repeats and has rows is free. */
  readonly locks?: true;
  /** Code that it calls may read data of people, too, which then stand in none of its tables. */
  readonly elsewhere?: true;
  /** Present where it writes. */
  readonly write?: WriteDisclosure;
  /**
   * Effects that cannot be counted as they happen: rows that are locked but not sent, an unknown number of rows written, functions whose effects can
   * be read later. If the subject is counted, it must not run.
   */
  readonly uncountable?: string;
  /** The same where it is pinned, and one of the places cannot be read as it runs; of a cursor, where FETCH or MOVE passes rows by. */
  readonly unread?: string;
}

/**
 * How its people are counted.
 * - `pinned`: the statement gives the keys of its people. They are counted before it runs, whether or not a row comes; an empty list: it
 *   reads no data of anyone. If one of the places cannot be read when it runs, it is a question.
 * - `held`: one row is asked for by a unique key that is not the person's. It costs the people that the row names, and one if no row came.
 *   It is named.
 * - `question`: everything else.
 */
export type SubjectAccess =
  | { readonly kind: 'pinned'; readonly people: readonly GivenKeys[] }
  | { readonly kind: 'held' }
  | { readonly kind: 'question' };

/**
 * A place in the client's text that contains keys: constants and parameters, separated by commas if there are many. It is a place, and not the
 * values, because one judgement serves all texts that differ only in constants, and long lists of constants are judged by a few of them.
 * `given-keys.ts` reads it.
 */
export interface GivenKeys {
  /** Characters of the client's text. */
  readonly start: number;
  readonly end: number;
  /** The base type of the key column: constants and bound values are read by its rules. */
  readonly type: Oid;
  /** The place contains only an array of keys (`= ANY ($1)`). */
  readonly array: boolean;
  /** The place contains rows of VALUES, in brackets: the key is the item of this number (from 0) in each. */
  readonly column?: number;
  /** For PREPARE, if the place contains only these parameters: EXECUTE gives the keys, and does not know the text. */
  readonly parameters?: readonly number[];
}

/** The places of one person's key in a row. Each place that is not NULL shows the same key. */
export interface RowKey {
  /** Result columns of the client's, from 0. Includes places that the server does not report as a table's column (UNION). */
  readonly columns: readonly number[];
  /**
   * Its numbers among the added keys. A list names every person in it. A missing or empty list, and each null in one, means that a person is missing:
   * the row is not named by it.
   */
  readonly added: readonly number[];
  /** Of the key: binary values are read by it. */
  readonly type: Oid;
}

/** For one statement: what it discloses of each subject that it touches, and what it returns only for the guard, in an added last column. */
export interface Disclosures {
  readonly subjects: readonly Disclosure[];
  readonly added?: AddedKeys;
}

/**
 * Keys that are returned only for the guard, in one text that is never NULL. `fixed`: each with this many characters, one after the other, padded
 * with blanks in front; only blanks for NULL. `json`: an array with an element for each: a string, null, or (from json_agg and similar functions) an
 * array of such elements, one for each of their rows.
 */
export type AddedKeys =
  | { readonly format: 'fixed'; readonly widths: readonly number[] }
  | { readonly format: 'json'; readonly count: number };

export interface WriteDisclosure {
  /**
   * Values that each changed row costs as it is written, whatever becomes of the answer. 0: nothing but its own people's data is put into it, and they alone
   * choose it. Where it is more, that is so for the longest values of the columns' types; of types without a length it is not to be counted.
   */
  readonly row: number;
  /** Its tag is a value: the choice of rows depends on people whom no row names. */
  readonly tag: boolean;
  /** Each of its rows costs one: by ON CONFLICT it could reveal whether another's row exists. The place of these rows. */
  readonly given?: GivenRows;
}

/** A place in the client's text with rows of VALUES, in brackets, separated by commas. */
export interface GivenRows {
  /** Characters of the client's text. */
  readonly start: number;
  readonly end: number;
}
