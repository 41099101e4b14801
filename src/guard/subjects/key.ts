/** The key of one person in the rows of a query level, and what is proven of it: which others it equals, and whether the statement gives it. */
import type { QueryLevel, RangeTableColumn, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Oid } from '../../sql/catalog/catalog.ts';
import type { GivenKeys } from './disclosure.ts';

/** The origin of a key in a FROM item: a column, or the query of the item, which does not show it. */
export interface KeyOrigin {
  readonly entry: RangeTableEntry;
  readonly column?: RangeTableColumn;
  readonly inner?: Key;
}

/**
 * Data under a key influence a row only if the key has the value that the row gives it. Two keys of a level that are `united` are equal in every row,
 * or both missing. A key that `follows` another is missing, or equals it, and while it is missing only data under that other key have influence: so
 * it discloses no person but the other key's.
 */
export class Key {
  private united: Key | undefined;
  private readonly followed = new Set<Key>();
  private readonly above = new Set<Key>();
  private readonly places: KeyOrigin[] = [];
  private given: GivenKeys | undefined;
  private isPresent = false;

  /** `comparable`: two that are equal are the same key (`isOneKey`). */
  constructor(
    readonly level: QueryLevel,
    readonly type: Oid,
    readonly comparable: boolean,
  ) {}

  /** The representative of all united keys. */
  get one(): Key {
    let one: Key = this;
    while (one.united) one = one.united;
    return one;
  }

  /** Equal in every row that can come, by a condition of an inner join or of WHERE. */
  unite(other: Key): void {
    const [a, b] = [this.one, other.one];
    if (a === b) return;
    b.united = a;
    for (const key of b.followed) a.followed.add(key);
    for (const key of b.above) a.above.add(key);
    a.places.push(...b.places);
    a.given ??= b.given;
    a.isPresent ||= b.isPresent;
  }

  /** `other`: of the same level, or of one around it. */
  follow(other: Key): void {
    this.one.followed.add(other);
  }

  /** The query around shows it under this key, and takes no row of it under any other value. */
  showAs(other: Key): void {
    this.one.above.add(other);
  }

  /** A condition that every row with it fulfils gives it. */
  give(given: GivenKeys): void {
    this.one.given ??= given;
  }

  /** It is never missing. */
  setPresent(): void {
    this.one.isPresent = true;
  }

  get present(): boolean {
    return this.one.isPresent;
  }

  get origins(): readonly KeyOrigin[] {
    return this.one.places;
  }

  standsIn(origin: KeyOrigin): void {
    this.one.places.push(origin);
  }

  /** Those that it follows, each once. */
  leaders(): readonly Key[] {
    const { one } = this;
    return [...new Set([...one.followed].map((key) => key.one))].filter((key) => key !== one);
  }

  /** Where the statement gives it: by itself, or as the key that it equals or follows. undefined: nowhere. */
  givenKeys(seen = new Set<Key>()): GivenKeys | undefined {
    const { one } = this;
    if (seen.has(one)) return undefined;
    seen.add(one);
    if (one.given) return one.given;
    for (const key of [...one.followed, ...one.above]) {
      const found = key.givenKeys(seen);
      if (found) return found;
    }
    return undefined;
  }
}

/** The keys of the same level that a key leads to in the end, itself if it follows none; and those of outer levels. */
export function endsOf(key: Key): { readonly own: ReadonlySet<Key>; readonly outer: ReadonlySet<Key> } {
  const own = new Set<Key>();
  const outer = new Set<Key>();
  const seen = new Set<Key>();
  const visit = (one: Key): void => {
    if (seen.has(one)) return;
    seen.add(one);
    if (one.level !== key.level) {
      outer.add(one);
      return;
    }
    const leaders = one.leaders();
    if (leaders.length === 0) own.add(one);
    for (const leader of leaders) visit(leader);
  };
  visit(key.one);
  return { own, outer };
}
