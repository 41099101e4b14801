/** A report as data: what text, CSV and HTML are made of. Nothing in it is escaped: each form does that for all. */

export type Cell = string | number | undefined;

export interface Column {
  readonly name: string;
  /** `code`: SQL and names, as they are written there. */
  readonly kind: 'text' | 'code' | 'number' | 'bytes';
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** How many more rows there are, beyond those shown. */
  readonly more?: number;
}

/** Of the columns of the table beside which it stands. */
export type Chart =
  | { readonly form: 'bars'; readonly name: number; readonly value: number }
  /** Along time, each row a step; the last of `parts` is a part of the first that is drawn in another colour. */
  | { readonly form: 'time'; readonly at: number; readonly value: number };

export interface Section {
  readonly heading: string;
  readonly notes: readonly string[];
  readonly table?: Table;
  readonly charts?: readonly Chart[];
  /** Is to be filled in by hand: how many lines. */
  readonly blank?: number;
}

/** A figure to be seen first. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
}

export interface Report {
  readonly title: string;
  /** What it is about and of what time. */
  readonly facts: readonly (readonly [string, string])[];
  readonly figures: readonly Figure[];
  readonly sections: readonly Section[];
  /** How it was made, and what it does not say. */
  readonly foot: readonly string[];
}

export function count(amount: number): string {
  return amount.toLocaleString('en-GB');
}

/** `1 row`, `2 rows` */
export function counted(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1.2 MB`; of 1024. */
export function bytesText(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : Math.round(amount * 10) / 10} ${UNITS[unit]}`;
}
