/** The charge for the values of an answer: one for each 8 bytes, except those that the client could already know (`docs/limits.md`). */
import { createHash, type Hash, hash } from 'node:crypto';
import { bufferOf } from '../../protocol/text.ts';
import type { AnswerCell, LastAnswer } from './last-answers.ts';

export const BYTES_OF_VALUE = 8;
/** A longer value is identified by its digest. */
const LONGEST_CELL = 64;
/** So many cells of an answer are remembered, and none after them. */
const MOST_CELLS = 4_096;

export class AnswerValues {
  /** For each column its first value, and the row that contains it. */
  private readonly firsts: ({ readonly cell: AnswerCell; readonly row: number } | undefined)[] = [];
  /** Columns whose first value is in a row that was not shown yet. */
  private fresh: number[] = [];
  private readonly rows: ReadonlyMap<number, AnswerCell>[] = [];
  /** Of rows that were looked at and not shown yet, those that hold values: by their number. */
  private readonly ahead = new Map<number, Map<number, AnswerCell>>();
  private lookedAt = 0;
  private shown = 0;
  private kept = 0;
  private bytes = 0;
  /** Of all that was shown; undefined if it will not be needed, or if not all of it could be seen. */
  private hash: AnswerHash | undefined;

  /** @param before the last answer to the same text; undefined if there is none. */
  constructor(
    private readonly before: LastAnswer | undefined,
    isRemembered: boolean,
  ) {
    if (isRemembered) this.hash = new AnswerHash();
  }

  /** What follows is looked at from the first row that was not shown. */
  begin(): void {
    for (const column of this.fresh) this.firsts[column] = undefined;
    this.fresh.length = 0;
    if (this.ahead.size > 0) this.ahead.clear();
    this.lookedAt = this.shown;
  }

  /** The next row. */
  beginRow(): void {
    this.lookedAt += 1;
  }

  /** @param value null: NULL. Its bytes are copied. @returns what it costs. */
  costOf(column: number, value: Uint8Array | null): number {
    const cell = cellOf(value);
    const row = this.lookedAt - 1;
    if (this.hash) this.cellsOf(row).set(column, cell);
    // INVARIANT 68: told apart by all of its bytes.
    const isFree = cell === this.expected(row, column);
    if (this.firsts[column] === undefined) {
      this.firsts[column] = { cell, row };
      this.fresh.push(column);
    }
    if (isFree) return 0;
    return value === null ? 1 : Math.max(1, Math.ceil(value.length / BYTES_OF_VALUE));
  }

  /**
   * INVARIANT 167: one value alone is free at each place, and what was shown already says which: of two, the one that comes would tell a bit. It is
   * the last answer's there, or, where that was its column's first value again, the first of this answer.
   */
  private expected(row: number, column: number): AnswerCell | undefined {
    const found = this.firsts[column];
    const first = found && found.row < row ? found.cell : undefined;
    const last = this.before?.rows[row]?.get(column);
    const repeats = last === undefined || (row > 0 && last === this.firstBefore(column));
    return first !== undefined && repeats ? first : last;
  }

  private firstBefore(column: number): AnswerCell | undefined {
    return this.before?.rows.find((cells) => cells.has(column))?.get(column);
  }

  private cellsOf(row: number): Map<number, AnswerCell> {
    let cells = this.ahead.get(row);
    if (!cells) {
      cells = new Map();
      this.ahead.set(row, cells);
    }
    return cells;
  }

  /** The last answer had the current row at the same place, whatever columns it has. */
  get wasThere(): boolean {
    return this.before?.rows[this.lookedAt - 1] !== undefined;
  }

  /** So many of the rows that were looked at are shown. */
  show(count: number): void {
    const end = this.shown + count;
    if (!this.hash) this.shown = end;
    for (; this.shown < end; this.shown += 1) {
      const cells = this.ahead.get(this.shown) ?? NONE;
      this.kept += 1 + cells.size;
      if (this.kept > MOST_CELLS) continue;
      this.rows.push(cells);
      for (const cell of cells.values()) this.bytes += 50 + (cell?.length ?? 0);
    }
    if (this.fresh.length > 0) this.fresh = this.fresh.filter((column) => this.firsts[column]!.row >= this.shown);
    this.begin();
  }

  /** The bytes of rows that are shown. @param whole false: of the last of them more will come, which is not seen. */
  hashed(bytes: Uint8Array, whole: boolean): void {
    if (whole) this.hash?.update(bytes);
    else this.hash = undefined;
  }

  /** The answer, once all was shown; undefined if it could be confused with others. */
  end(tag: string): LastAnswer | undefined {
    const whole = this.hash?.end(tag);
    this.hash = undefined;
    return whole === undefined ? undefined : { whole, rows: this.rows, weight: this.bytes };
  }
}

const NONE: ReadonlyMap<number, AnswerCell> = new Map();

/** Of an answer of so many bytes they are kept, and hashed at its end: a `Hash` for each costs the collector more than the hashing. */
const SHORT = 4_096;

class AnswerHash {
  /** Latin-1. */
  private kept = '';
  private long: Hash | undefined;

  update(bytes: Uint8Array): void {
    if (!this.long && this.kept.length + bytes.length <= SHORT) {
      this.kept += bufferOf(bytes).toString('latin1');
      return;
    }
    this.long ??= createHash('sha256').update(this.kept, 'latin1');
    this.long.update(bytes);
  }

  end(tag: string): string {
    return this.long ? this.long.update(tag).digest('base64') : digestOf(this.kept + tag);
  }
}

/** SHA-256 in base64. */
const CHARACTERS_OF_DIGEST = 44;

/** A text that is shorter than every digest stands for itself. At once: a `Hash` that is kept costs the collector more than the hashing. */
export function digestOf(text: string): string {
  return text.length < CHARACTERS_OF_DIGEST ? text : hash('sha256', text, 'base64');
}

function cellOf(value: Uint8Array | null): AnswerCell {
  if (value === null) return null;
  // A digest is longer than any value that is kept unchanged.
  return value.length > LONGEST_CELL
    ? createHash('sha256')
        .update(value)
        .digest('hex')
        .padEnd(LONGEST_CELL + 1, '.')
    : bufferOf(value).toString('latin1');
}
