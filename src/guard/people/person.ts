/** Who stands in the rows of a query: people of one subject, and which columns of its result name them. */
import type { Entry, EntryColumn, Level } from '../../sql/analyze/model.ts';

/** Somebody in each row of a level: all references of it that are known to be about the same person. */
export class Person {
  private united: Person | undefined;
  /** The same person of a level around, or the same one in every row: what the level's conditions say. */
  private around: Person | undefined;
  private isPinned = false;

  constructor(readonly level: Level) {}

  /** The one that stands for all that are united. */
  get one(): Person {
    let one: Person = this;
    while (one.united) one = one.united;
    return one;
  }

  unite(other: Person): void {
    const [a, b] = [this.one, other.one];
    if (a === b) return;
    b.united = a;
    a.around ??= b.around;
    a.isPinned ||= b.isPinned;
  }

  get outer(): Person | undefined {
    return this.one.around?.one;
  }

  /** INVARIANT: of one person of a level around at most: two that equal this one need not equal each other where there is no row of this one. */
  tieOutside(person: Person): void {
    this.one.around ??= person;
  }

  /** Its key equals a constant or a parameter. */
  get pinned(): boolean {
    return this.one.isPinned;
  }

  pin(): void {
    this.one.isPinned = true;
  }
}

/** The columns of FROM items that show the key of somebody, as it stands. */
export class Shown {
  private readonly people = new Map<Entry, Map<EntryColumn, Person>>();

  set(entry: Entry, column: EntryColumn, person: Person): void {
    const columns = this.people.get(entry) ?? new Map<EntryColumn, Person>();
    this.people.set(entry, columns.set(column, person));
  }

  get({ entry, column }: Column): Person | undefined {
    if (column.from) return this.get(column.from);
    if (entry.source.kind === 'join') return this.merged(entry, column);
    return this.people.get(entry)?.get(column)?.one;
  }

  /** A column that USING or NATURAL made of two. INVARIANT: it is the key only where its value is that of the side that has it. */
  private merged({ source }: Entry, column: EntryColumn): Person | undefined {
    if (source.kind !== 'join') return undefined;
    const [left, right] = source.arms.map((arm) => {
      const own = arm.columns.find((c) => c.name === column.name && c.access === 'granted');
      return own?.type === column.type ? this.get({ entry: arm, column: own }) : undefined;
    });
    switch (source.join.jointype) {
      case 'JOIN_INNER':
        return left ?? right;
      case 'JOIN_LEFT':
        return left;
      case 'JOIN_RIGHT':
        return right;
      default:
        return left === right ? left : undefined;
    }
  }
}

export interface Column {
  readonly entry: Entry;
  readonly column: EntryColumn;
}

/** One of those who stand in a row that a level gives. */
export interface InRow {
  /** The numbers of its columns, from 0, that show the key. */
  readonly keys: readonly number[];
  /** Who it is of a level around. */
  readonly outer?: Person | undefined;
  readonly pinned: boolean;
}

/** What a level says of the rows that it gives. */
export interface RowPeople {
  readonly people: readonly InRow[];
  /** More, whose keys never show. */
  readonly unnamed: number;
  /** Columns that show the key of somebody of a level around. */
  readonly passed: readonly { readonly index: number; readonly person: Person }[];
  /** What brings any number of people into one row. */
  readonly gathers: string | undefined;
}

export const NOBODY: RowPeople = { people: [], unnamed: 0, passed: [], gathers: undefined };

/** How many are kept apart. Of more it is not asked who they are, only how many. */
const KEPT_APART = 100;

/** INVARIANT: those who are not kept apart are counted. */
export function atMost(row: RowPeople): RowPeople {
  if (row.people.length <= KEPT_APART) return row;
  const rest = row.people.length - KEPT_APART;
  return { ...row, people: row.people.slice(0, KEPT_APART), unnamed: row.unnamed + rest };
}

/** How many people a row holds who are not of a level around. */
export function countOf({ people, unnamed }: RowPeople): number {
  return people.filter(({ outer }) => !outer).length + unnamed;
}
