/** A report as data: what text, CSV and HTML are made of. Nothing in it is escaped: each form does that for all. */

export type Cell = string | number | undefined;

export interface ReportColumn {
  readonly name: string;
  /** `code`: SQL and names, as they are written there. `time`: as text, never broken. */
  readonly kind: 'text' | 'time' | 'code' | 'number' | 'bytes';
}

export interface Table {
  readonly columns: readonly ReportColumn[];
  readonly rows: readonly (readonly Cell[])[];
  /** How many more rows there are, beyond those shown. */
  readonly more?: number;
}

export type Chart =
  /** A bar for each row of the table beside it: the columns of its name and of its value. */
  | { readonly form: 'bars'; readonly name: number; readonly value: number }
  /**
   * Along time: `at` is what the clock on the wall showed when a step (milliseconds) began; steps without a point are empty.
   * `marked`: what is drawn is no use, but something that went wrong.
   */
  | {
      readonly form: 'time';
      readonly name: string;
      readonly step: number;
      readonly points: readonly (readonly [at: number, value: number])[];
      readonly marked?: boolean;
    };

export interface Section {
  readonly heading: string;
  readonly notes: readonly string[];
  readonly table?: Table;
  readonly charts?: readonly Chart[];
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
export function countText(amount: number, one: string, many = `${one}s`): string {
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
