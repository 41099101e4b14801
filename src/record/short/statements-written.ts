/** What the open file says of each statement already, and of what was decided on it: that needs not be said again. */
import { LRUCache } from 'lru-cache';
import type { DecisionEntry } from '../../session/entries.ts';

type Said = Pick<DecisionEntry, 'command' | 'fingerprint' | 'tables' | 'columns' | 'effect'> &
  Record<'statement' | 'would' | 'reason' | 'rule' | 'sqlstate', string | undefined>;

interface Written extends Said {
  readonly seq: number;
}

/** Of what is forgotten the whole is written once more. */
export const MOST_STATEMENTS = 10_000;
const MOST_CHARACTERS = 16 * 1024 * 1024;

export class StatementsWritten {
  private readonly written = new LRUCache<string, Written>({
    max: MOST_STATEMENTS,
    maxSize: MOST_CHARACTERS,
    sizeCalculation: ({ statement = '' }) => statement.length + 1,
  });
  private generation = 0;
  /** A statement that comes again comes with the same list of its columns: its key need not be made once more. */
  private readonly keys = new WeakMap<readonly string[], { readonly of: Said; readonly key: string }>();

  /** The number of the record in the file of this generation that says it, word for word; undefined where there is none. */
  numberOf(said: Said, generation: number): number | undefined {
    if (generation !== this.generation) {
      this.written.clear();
      this.generation = generation;
      return undefined;
    }
    const last = this.written.get(this.keyFor(said));
    return last && isSame(last, said) ? last.seq : undefined;
  }

  private keyFor(said: Said): string {
    const known = this.keys.get(said.columns);
    if (known && isAlike(known.of, said)) return known.key;
    const key = keyOf(said);
    this.keys.set(said.columns, { of: said, key });
    return key;
  }

  add(said: Said, seq: number): void {
    this.written.set(keyOf(said), { ...said, seq });
  }

  /** Nobody knows whether it stands there. */
  forget(said: Said): void {
    this.written.delete(keyOf(said));
  }
}

/** Roles may be answered differently to one statement, and each of the answers is kept. */
function keyOf({ fingerprint, effect, reason = '', rule = '' }: Said): string {
  return `${fingerprint}${effect}${reason}${rule}`;
}

function isAlike(a: Said, b: Said): boolean {
  return a.fingerprint === b.fingerprint && a.effect === b.effect && a.reason === b.reason && a.rule === b.rule;
}

function isSame(a: Said, b: Said): boolean {
  return (
    a.command === b.command &&
    a.fingerprint === b.fingerprint &&
    a.statement === b.statement &&
    a.effect === b.effect &&
    a.would === b.would &&
    a.reason === b.reason &&
    a.rule === b.rule &&
    a.sqlstate === b.sqlstate &&
    isSameList(a.tables, b.tables) &&
    isSameList(a.columns, b.columns)
  );
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, index) => name === b[index]));
}
