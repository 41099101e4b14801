/** The last answer to each of a principal's recent statements: an answer that is the same again discloses nothing new (`docs/limits.md`). */
import { LRUCache } from 'lru-cache';

/** A value of the row: its bytes, or a digest of a long one. null: NULL. */
export type AnswerCell = string | null;

export interface LastAnswer {
  /** All that was sent of it, in its order, with its tag, or its digest. */
  readonly whole: string;
  /** By row, from the first on, and column, as far as they were kept. */
  readonly rows: readonly ReadonlyMap<number, AnswerCell>[];
  /** About so many bytes. */
  readonly weight: number;
}

/** Text and values of a statement, as digests, or, if they are short, the values themselves; with all else on which it depends that its answer is the same. */
export interface AskedStatement {
  readonly text: string;
  readonly values: string;
}

/** Bytes. */
const MOST_REMEMBERED = 4 * 1024 * 1024;

export class LastAnswers {
  private readonly answers = new LRUCache<string, LastAnswer>({
    maxSize: MOST_REMEMBERED,
    sizeCalculation: ({ weight }) => weight + 200,
  });

  /**
   * INVARIANT 73: one answer alone, fixed before the statement runs: the last one with these values, or where these values are new the last one
   * with others. Of several to choose from, which one comes would tell something.
   */
  before({ text, values }: AskedStatement): LastAnswer | undefined {
    return this.answers.get(`${text}:${values}`) ?? this.answers.get(text);
  }

  remember({ text, values }: AskedStatement, answer: LastAnswer): void {
    this.answers.set(`${text}:${values}`, answer);
    this.answers.set(text, answer);
  }
}
