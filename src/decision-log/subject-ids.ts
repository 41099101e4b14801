/** Ids of the people whom statements have shown, in the place of their keys: keyed hashes, that nobody turns back who has not the key. */
import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KeysShown, OutcomeEntry, SubjectCount } from '../session/log-entries.ts';

/** The key of the ids. Whoever destroys it, and every copy of it, makes all ids that it has made mean nobody. */
export interface SubjectKey {
  /** Stands before each id: `k3`. */
  readonly name: string;
  readonly secret: string;
}

/** Under `subjects` in a record. The numbers are those of an outcome; a `seen` has ids alone. */
export type SubjectsShown = Readonly<Record<string, Partial<SubjectCount> & { readonly ids?: readonly string[] }>>;

/** Those of an outcome. */
export type SubjectsOfOutcome = Readonly<Record<string, SubjectCount & { readonly ids?: readonly string[] }>>;

/** 96 bits: among 12 million people no two have the same. */
const LENGTH = 16;
/** So many are remembered: whoever works with a class sees the same pupils again. */
const MOST_REMEMBERED = 20_000;

/** `k3:9fA…`. @param key as the server gives it as text: `4711`, not `04711`. */
export function subjectId({ name, secret }: SubjectKey, subject: string, key: string): string {
  const hash = createHmac('sha256', secret).update(`${subject}\0${key}`).digest('base64url');
  return `${name}:${hash.slice(0, LENGTH)}`;
}

export class SubjectIds {
  private readonly remembered = new LRUCache<string, string>({ max: MOST_REMEMBERED });

  constructor(private key: SubjectKey) {}

  get keyName(): string {
    return this.key.name;
  }

  /**
   * From now on ids are made with this key. False where it is another one of the same name: nobody could tell with which an id was
   * made, so the key in use stays.
   */
  rotate(key: SubjectKey): boolean {
    if (key.name === this.key.name) return key.secret === this.key.secret;
    this.key = key;
    this.remembered.clear();
    return true;
  }

  /** Of the people whom a statement has shown, as its outcome says it. */
  ofOutcome({ subjects = {}, keys = {} }: Pick<OutcomeEntry, 'subjects' | 'keys'>): SubjectsOfOutcome {
    return Object.fromEntries(
      Object.entries(subjects).map(([subject, counted]) => {
        const known = keys[subject];
        return [subject, known ? { ...counted, ids: this.of(subject, known) } : counted];
      }),
    );
  }

  ofSeen(keys: KeysShown): SubjectsShown {
    return Object.fromEntries(
      Object.entries(keys).map(([subject, known]) => [subject, { ids: this.of(subject, known) }]),
    );
  }

  private of(subject: string, keys: readonly string[]): string[] {
    return keys.map((key) => {
      const person = `${subject}\0${key}`;
      let id = this.remembered.get(person);
      if (id === undefined) {
        id = subjectId(this.key, subject, key);
        this.remembered.set(person, id);
      }
      return id;
    });
  }
}
