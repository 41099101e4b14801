/** Ids of data subjects that statements have shown, in place of their keys: keyed hashes, which cannot be reversed without the key. */
import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KeysShown, OutcomeEntry, SubjectCount } from '../session/log-entries.ts';

/** The key of the ids. Destroying it with every copy makes its ids anonymous. */
export interface SubjectKey {
  /** The prefix of each id: `k3`. */
  readonly name: string;
  readonly secret: string;
}

/** The field `subjects` of a record. An outcome has the numbers; a `seen` has only ids. */
export type SubjectsShown = Readonly<Record<string, Partial<SubjectCount> & { readonly ids?: readonly string[] }>>;

/** The same in an outcome. */
export type SubjectsOfOutcome = Readonly<Record<string, SubjectCount & { readonly ids?: readonly string[] }>>;

/** 96 bits: no two of 12 million people share an id. */
const LENGTH = 16;
/** Cache size: an account that works with a class shows the same pupils again. */
const MOST_REMEMBERED = 20_000;

/** `k3:9fA…`. @param key in the server's text form: `4711`, not `04711`. */
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
   * Uses this key for ids from now on. False if a different key has the same name: ids could then not be attributed to a key, so the old one stays.
   */
  rotate(key: SubjectKey): boolean {
    if (key.name === this.key.name) return key.secret === this.key.secret;
    this.key = key;
    this.remembered.clear();
    return true;
  }

  /** The data subjects that a statement has shown, for its outcome. */
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
