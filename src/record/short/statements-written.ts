/** What the open file says of each statement already: that needs not be said again. */
import { LRUCache } from 'lru-cache';
import type { DecisionEntry } from '../../session/entries.ts';

type Said = Pick<DecisionEntry, 'command' | 'fingerprint' | 'tables' | 'columns'> & {
  readonly statement: string | undefined;
};

/** Of what is forgotten the whole is written once more. */
const MOST = 10_000;
const MOST_CHARACTERS = 16 * 1024 * 1024;

export class StatementsWritten {
  private readonly byFingerprint = new LRUCache<string, Said>({
    max: MOST,
    maxSize: MOST_CHARACTERS,
    sizeCalculation: ({ statement = '' }) => statement.length + 1,
  });
  private generation = 0;

  /** Whether the file of this generation says it, word for word, of this fingerprint. */
  has(said: Said, generation: number): boolean {
    if (generation !== this.generation) {
      this.byFingerprint.clear();
      this.generation = generation;
      return false;
    }
    const last = this.byFingerprint.get(said.fingerprint);
    return (
      last !== undefined &&
      last.command === said.command &&
      last.statement === said.statement &&
      isSame(last.tables, said.tables) &&
      isSame(last.columns, said.columns)
    );
  }

  add({ command, fingerprint, statement, tables, columns }: Said): void {
    this.byFingerprint.set(fingerprint, { command, fingerprint, statement, tables, columns });
  }

  /** Nobody knows whether it stands there. */
  forget(fingerprint: string): void {
    this.byFingerprint.delete(fingerprint);
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, index) => name === b[index]));
}
