/** A report as data, for text, CSV and HTML. Nothing in it is escaped: each format does that itself. */
import { ENGLISH, type Speech } from '../language/speech.ts';

export type Cell = string | number | undefined;

export interface ReportColumn {
  readonly name: string;
  /** `code`: SQL and names, shown unchanged. `time`: as text, never broken. */
  readonly kind: 'text' | 'time' | 'code' | 'number' | 'bytes';
}

export interface Table {
  readonly columns: readonly ReportColumn[];
  readonly rows: readonly (readonly Cell[])[];
  /** How many further rows there are. */
  readonly more?: number;
}

export type Chart =
  /** A bar for each row of the table beside it: the indexes of the columns with name and value. */
  | { readonly form: 'bars'; readonly name: number; readonly value: number }
  /**
   * Along time: `at` is the local time at which a step (milliseconds) began; steps without a point are empty. `marked`: it shows problems, not usage.
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

/** An important figure, shown first. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
}

export interface Report {
  readonly title: string;
  /** The subject of the report and its time. */
  readonly facts: readonly (readonly [string, string])[];
  readonly figures: readonly Figure[];
  readonly sections: readonly Section[];
  /** How it was made, and what it does not say. */
  readonly foot: readonly string[];
  /** The language of its numbers and words. */
  readonly speech: Speech;
}

/** In English. */
function count(amount: number): string {
  return ENGLISH.count(amount);
}

/** `1 row`, `2 rows` */
export function countText(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}

/** `1.2 MB`, in units of 1024. */
export function bytesText(bytes: number): string {
  return ENGLISH.bytes(bytes);
}
