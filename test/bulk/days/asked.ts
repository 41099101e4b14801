/** One statement of an honest day: its time, and what it shows. */

export interface Asked {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly sql: string;
  readonly values: readonly unknown[];
  readonly rows: number;
  /** The size of a row on the wire, at most. */
  readonly rowBytes: number;
  /** Whom it names. */
  readonly pupils: readonly number[];
  /** Values of eight bytes in its rows about people that none of them names. */
  readonly told: number;
  /** The numbers hold for any school; else they depend on what its database holds. */
  readonly exact: boolean;
}

const MINUTE_MS = 60_000;

/** The statements of a day. */
export class Diary {
  readonly asked: Asked[] = [];

  constructor(private readonly midnight: number) {}

  /** `minutes`: since midnight. One row for each pupil where `more` does not say otherwise. */
  ask(
    minutes: number,
    sql: string,
    values: readonly unknown[],
    pupils: readonly number[],
    more: Partial<Pick<Asked, 'rows' | 'rowBytes' | 'told' | 'exact'>> = {},
  ): void {
    const at = Math.round(this.midnight + minutes * MINUTE_MS);
    this.asked.push({ at, sql, values, rows: pupils.length, rowBytes: 80, pupils, told: 0, exact: true, ...more });
  }

  /** In the order of time. */
  inOrder(): Asked[] {
    return this.asked.toSorted((a, b) => a.at - b.at);
  }
}
