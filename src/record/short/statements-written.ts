/** What the open file says of each statement already, and of what was decided on it: that needs not be said again. */
import { LRUCache } from 'lru-cache';
import type { DecisionEntry } from '../../session/entries.ts';
import { withoutTokens } from '../../without-tokens.ts';
import { QUIET_COMMANDS } from './quiet.ts';

/** What a record says of what was decided on a statement. */
type Decided = Pick<
  DecisionEntry,
  'command' | 'fingerprint' | 'tables' | 'columns' | 'effect' | 'would' | 'reason' | 'rule' | 'sqlstate'
>;

/** And of the statement. */
type Said = Decided & { readonly statement: string | undefined };

export interface Asked {
  readonly said: Said;
  /** Roles may be answered differently to one statement, and each of the answers is kept. */
  readonly key: string;
  /** It can show and change nothing. */
  readonly quiet: boolean;
}

interface Known extends Asked {
  /** Of which `statement` was made. */
  readonly text: string | undefined;
}

interface Written {
  /** The same, whoever has made it. */
  said: Said;
  readonly seq: number;
}

/** Of what is forgotten the whole is written once more. */
export const MOST_STATEMENTS = 10_000;
const MOST_CHARACTERS = 16 * 1024 * 1024;

export class StatementsWritten {
  private readonly written = new LRUCache<string, Written>({
    max: MOST_STATEMENTS,
    maxSize: MOST_CHARACTERS,
    sizeCalculation: ({ said: { statement = '' } }) => statement.length + 1,
  });
  /** What was asked for last: nothing was since that it would have to be moved in front of. */
  private last: { readonly key: string; readonly written: Written } | undefined;
  private generation = 0;
  /** A statement that comes again comes with the same list of its columns: what was made of it last is mostly what it is again. */
  private readonly known = new WeakMap<readonly string[], Known>();

  /** @param text that is to stand under `statement`, but for tokens in it. */
  asked(entry: DecisionEntry, text: string | undefined): Asked {
    const known = this.known.get(entry.columns);
    if (known && known.text === text && isDecidedAlike(known.said, entry)) return known;
    const made = askedOf(entry, text);
    // The client's own text is another one each time, and may be long.
    if (text === undefined || text === entry.statement) this.known.set(entry.columns, { ...made, text });
    return made;
  }

  /** The number of the record in the file of this generation that says it, word for word; undefined where there is none. */
  numberOf({ key, said }: Asked, generation: number): number | undefined {
    if (generation !== this.generation) {
      this.written.clear();
      this.last = undefined;
      this.generation = generation;
      return undefined;
    }
    if (this.last?.key !== key) {
      const written = this.written.get(key);
      this.last = written && { key, written };
    }
    const written = this.last?.written;
    if (!written || (written.said !== said && !isSame(written.said, said))) return undefined;
    written.said = said;
    return written.seq;
  }

  add({ key, said }: Asked, seq: number): void {
    this.written.set(key, { said, seq });
    this.last = undefined;
  }

  /** Nobody knows whether it stands there. */
  forget({ key }: Asked): void {
    this.written.delete(key);
    this.last = undefined;
  }
}

function askedOf(entry: DecisionEntry, text: string | undefined): Asked {
  const { command, fingerprint, tables, columns, effect, would, reason, rule, sqlstate } = entry;
  const statement = text === undefined ? undefined : withoutTokens(text);
  return {
    said: { command, fingerprint, statement, tables, columns, effect, would, reason, rule, sqlstate },
    key: `${fingerprint}${effect}${reason ?? ''}${rule ?? ''}`,
    quiet: QUIET_COMMANDS.has(command),
  };
}

function isSame(a: Said, b: Said): boolean {
  return a.statement === b.statement && isDecidedAlike(a, b);
}

function isDecidedAlike(a: Decided, b: Decided): boolean {
  return (
    a.command === b.command &&
    a.fingerprint === b.fingerprint &&
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
