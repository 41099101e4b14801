/** What a decision contains about its statement and judgement, as JSON. Made once for a repeated statement. */
import type { DecisionEntry } from '../../session/log-entries.ts';
import { membersText } from './text.ts';

/** Keeps the statements themselves. */
export interface KeepsStatements {
  /** Changes with each file of the log: statements must then be kept again. */
  readonly generation: number;
  /** A file of the log begins. */
  beginFile(): void;
  /** The name for the decision; undefined if the statement cannot be kept. Never throws. */
  keep(entry: DecisionEntry): string | undefined;
}

interface Known {
  readonly entry: DecisionEntry;
  readonly json: string;
  readonly kept: string | undefined;
  readonly generation: number;
}

/** Characters of a statement with `text: full`. */
const FULL_TEXT_CAP = 1024 * 1024;

export class StatementTexts {
  /** By the list of columns: a repeated statement's judgement has the same list. */
  private readonly known = new WeakMap<readonly string[], Known>();

  /** `text`: the form of the field `statement`. */
  constructor(
    private readonly text: 'normalized' | 'full' | 'none',
    private readonly store?: KeepsStatements,
  ) {}

  /** Members from `command` to `kept`, each preceded by a comma. */
  of(entry: DecisionEntry): string {
    const generation = this.store?.generation ?? 0;
    const found = this.known.get(entry.columns);
    const known = found?.generation === generation && isDecidedAlike(found.entry, entry) ? found : undefined;
    if (known && this.text !== 'full') return known.json;
    const kept = known ? known.kept : this.keep(entry);
    const json = this.made(entry, kept);
    // The client's own text may be long, so it is not kept in memory.
    if (!known)
      this.known.set(entry.columns, { entry: { ...entry, text: '', person: undefined }, json, kept, generation });
    return json;
  }

  private keep(entry: DecisionEntry): string | undefined {
    switch (this.text) {
      case 'none':
        return undefined;
      case 'full':
        // The record itself contains everything.
        return isWhole(entry) ? undefined : this.store?.keep(entry);
      case 'normalized':
        return this.store?.keep(entry);
    }
  }

  private made(entry: DecisionEntry, kept: string | undefined): string {
    const { command, fingerprint, tables, columns, effect, would, reason, rule, sqlstate } = entry;
    const statement = this.statementOf(entry);
    return membersText({
      command,
      fingerprint,
      statement,
      tables,
      columns,
      effect,
      would,
      reason,
      rule,
      sqlstate,
      kept,
    });
  }

  /** Only `full` writes the client's own text. */
  private statementOf({ statement, text }: DecisionEntry): string | undefined {
    switch (this.text) {
      case 'none':
        return undefined;
      case 'normalized':
        return statement;
      case 'full':
        return text.length > FULL_TEXT_CAP ? `${text.slice(0, FULL_TEXT_CAP)}…` : text;
    }
  }
}

/** The text alone determines the judgement. */
function isWhole({ text, extent, types = [], runs }: DecisionEntry): boolean {
  const isOne = !extent || /^[\s;]*$/.test(text.slice(0, extent.start) + text.slice(extent.end));
  return isOne && types.length === 0 && !runs && text.length <= FULL_TEXT_CAP;
}

/** Equal in everything that `made` reads; the list of columns is the same object. */
function isDecidedAlike(a: DecisionEntry, b: DecisionEntry): boolean {
  return (
    a.statement === b.statement &&
    a.command === b.command &&
    a.fingerprint === b.fingerprint &&
    a.tables === b.tables &&
    a.effect === b.effect &&
    a.would === b.would &&
    a.reason === b.reason &&
    a.rule === b.rule &&
    a.sqlstate === b.sqlstate &&
    a.runs?.text === b.runs?.text &&
    a.types?.join() === b.types?.join()
  );
}
