/** What a decision says of its statement and of what was decided on it, as JSON. Made once for a statement that comes again. */
import type { DecisionEntry } from '../../session/log-entries.ts';
import { membersText } from './text.ts';

interface Known {
  readonly entry: DecisionEntry;
  readonly json: string;
}

/** Characters of a statement under `text: full`. */
const FULL_TEXT_CAP = 1024 * 1024;

export class StatementTexts {
  /** By the list of columns: the judgement of a statement that comes again has the same one. */
  private readonly known = new WeakMap<readonly string[], Known>();

  /** `text`: what stands under `statement`. */
  constructor(private readonly text: 'normalized' | 'full' | 'none') {}

  /** Members from `command` to `sqlstate`, each behind a comma. */
  of(entry: DecisionEntry): string {
    if (this.text === 'full') return this.made(entry);
    const known = this.known.get(entry.columns);
    if (known && isDecidedAlike(known.entry, entry)) return known.json;
    const json = this.made(entry);
    // The client's own text may be long.
    this.known.set(entry.columns, { entry: { ...entry, text: '', person: undefined }, json });
    return json;
  }

  private made(entry: DecisionEntry): string {
    const { command, fingerprint, tables, columns, effect, would, reason, rule, sqlstate } = entry;
    const statement = this.statementOf(entry);
    return membersText({ command, fingerprint, statement, tables, columns, effect, would, reason, rule, sqlstate });
  }

  /** The client's own text is written under `full` alone. */
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

/** In all that `made` reads; the list of columns is one. */
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
    a.sqlstate === b.sqlstate
  );
}
