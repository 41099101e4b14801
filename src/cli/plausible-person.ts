/** Makes up a person who looks like those of a table: values that belong together come from one row, the others from other rows. */

/** By column, as text; NULL is null. */
export type SampleRow = Readonly<Record<string, string | null>>;

export type ColumnKind = 'key' | 'unique' | 'reference' | 'text' | 'date' | 'plain' | 'other';

export interface SampledColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly notNull: boolean;
}

/** A whole number from 0, below `n`. */
export type Random = (n: number) => number;

/** A column with few values that classifies people, such as `sex`: the row that gives the first name must have the same value. */
const MOST_OF_A_KIND = 5;
/** Longer texts could identify a person. */
const LONGEST_TEXT = 120;
const MOST_DAYS = 45;
const DAY_MS = 86_400_000;

export class SampledPeople {
  private readonly kinds: readonly SampledColumn[];
  private readonly together: ReadonlySet<string>;

  constructor(
    private readonly rows: readonly SampleRow[],
    private readonly columns: readonly SampledColumn[],
    private readonly random: Random,
  ) {
    this.kinds = columns.filter(({ name, kind }) => kind === 'text' && this.values(name).size <= MOST_OF_A_KIND);
    const references = columns.filter(({ kind }) => kind === 'reference').map(({ name }) => name);
    const texts = columns.filter(({ kind }) => kind === 'text').map(({ name }) => name);
    this.together = new Set(texts.filter((text) => references.some((reference) => this.follows(text, reference))));
  }

  /** A person without keys and unique columns. `given`: values that are fixed. */
  make(given: SampleRow = {}): SampleRow {
    const like = this.rows.filter((row) => Object.entries(given).every(([name, value]) => row[name] === value));
    const base = this.one(like.length > 0 ? like : this.rows);
    const same = this.rows.filter((row) => this.kinds.every(({ name }) => row[name] === base[name]));
    const made: Record<string, string | null> = {};
    for (const { name, kind, notNull } of this.columns) {
      if (kind === 'key' || kind === 'unique') continue;
      made[name] = this.valueOf(name, kind, notNull, base, same);
    }
    return { ...made, ...given };
  }

  /** A value in the pattern of the column's: what is the same in all of them stays, the rest is mixed, place by place. */
  inPattern(column: string): string {
    const value = this.one(this.rows.filter((row) => row[column] !== null))[column] ?? '';
    return this.mixed(column, value, /[0-9]/.test(value) ? /[0-9]/ : /\p{L}/u, true);
  }

  private valueOf(
    name: string,
    kind: ColumnKind,
    notNull: boolean,
    base: SampleRow,
    same: readonly SampleRow[],
  ): string | null {
    const own = base[name] ?? null;
    switch (kind) {
      case 'text': {
        if (this.together.has(name) || this.kinds.some((one) => one.name === name)) return own;
        const lent = this.one(same)[name] ?? null;
        if (lent !== null && lent.length > LONGEST_TEXT) return notNull ? lent.slice(0, LONGEST_TEXT) : null;
        return lent === null ? null : this.mixed(name, lent, /[0-9]/, false);
      }
      case 'date':
        return own === null ? null : this.shifted(own);
      case 'other':
        return notNull ? own : null;
      default:
        return own;
    }
  }

  /** Of everything that a person could be known by, at most one value comes from the same person. */
  private mixed(column: string, value: string, places: RegExp, letters: boolean): string {
    const alike = this.rows.map((row) => row[column] ?? '').filter((other) => other.length === value.length);
    return [...value]
      .map((character, at) => {
        const digit = /[0-9]/.test(character);
        if (!places.test(character) && !(letters && /[A-Z]/.test(character))) return character;
        const others = alike
          .map((other) => other[at] ?? '')
          .filter((other) => /[0-9]/.test(other) === digit && /[\p{L}0-9]/u.test(other));
        return others[this.random(Math.max(1, others.length))] ?? character;
      })
      .join('');
  }

  /** For a date, or a date with a time, in ISO form. A date that no calendar of today contains stays: it identifies no one. */
  private shifted(text: string): string {
    if (text.endsWith(' BC')) return text;
    const days = (1 + this.random(MOST_DAYS)) * (this.random(2) === 0 ? 1 : -1);
    const time = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
    if (Number.isNaN(time)) return text;
    return new Date(time + days * DAY_MS).toISOString().slice(0, 10) + text.slice(10);
  }

  /** In each row with the same `reference`, `column` has the same value, as a town follows from a school. */
  private follows(column: string, reference: string): boolean {
    const known = new Map<string, string | null>();
    let repeats = 0;
    for (const row of this.rows) {
      const from = row[reference] ?? null;
      if (from === null) continue;
      const value = row[column] ?? null;
      if (!known.has(from)) known.set(from, value);
      else if (known.get(from) !== value) return false;
      else repeats += 1;
    }
    return repeats >= known.size / 2;
  }

  private values(column: string): Set<string | null> {
    return new Set(this.rows.map((row) => row[column] ?? null));
  }

  private one(rows: readonly SampleRow[]): SampleRow {
    return rows[this.random(Math.max(1, rows.length))] ?? {};
  }
}
