/** Makes whole records of the short ones in which a file of the log is written. See docs/decision-log.md, "The files". */
import { StatementsSaid } from './statements-said.ts';
import { WithinReach } from './within-reach.ts';

/** A record as it stands in a line, or whole. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** What a decision says of its session, or refers to under `who`. */
export const OF_SESSION = [
  'session',
  'principal',
  'user',
  'role',
  'attributes',
  'client',
  'certificate',
  'database',
  'application',
  'policy',
] as const;
/** What a decision says of its statement and of what was decided on it, or refers to under `what`. */
export const OF_STATEMENT = [
  'command',
  'fingerprint',
  'statement',
  'tables',
  'columns',
  'effect',
  'would',
  'reason',
  'rule',
  'sqlstate',
] as const;

/** What an outcome has where it does not say it. */
export const NOTHING_TAKEN = { rows: 0, bytes: 0, changed: 0, ms: 0, status: 'ok' } as const;

/**
 * For one file, from its first record on. What stood in a part of the file that is missing cannot be given back: such a record stays short,
 * with the numbers of those that are missing.
 */
export class Expander {
  private guard: unknown;
  private readonly sessions = new WithinReach<LogRecord>();
  private readonly statements: StatementsSaid;
  /** Without their outcome so far. */
  private readonly decisions = new WithinReach<LogRecord>();

  /** `mostStatements`: how many are kept; all where absent. */
  constructor(mostStatements = Number.POSITIVE_INFINITY) {
    this.statements = new StatementsSaid(mostStatements);
  }

  /** The whole record. To be called with each record of the file, in its order. */
  whole(record: LogRecord): LogRecord {
    switch (record.kind) {
      case 'segment':
      // A guard that was renamed goes on in the open file.
      case 'start':
        this.guard = record.guard;
        return record;
      case 'outcome':
        return this.outcome(record);
      case 'decision':
        return this.decision(record);
      default:
        return record;
    }
  }

  private decision(record: LogRecord): LogRecord {
    const { time, kind, seq, id, who, what, ...said } = record;
    const session = this.sessionOf(record);
    const statement = this.statementOf(record);
    const whole = {
      ...this.head(time, kind, seq),
      id,
      ...(session ?? { who }),
      ...(statement ?? { what }),
      ...said,
    };
    this.decisions.add(Number(seq), { id, ...(session && { principal: session.principal }) });
    return whole;
  }

  private outcome(record: LogRecord): LogRecord {
    const { time, kind, seq, decision, ...said } = record;
    const head = this.head(time, kind, seq);
    if (decision === undefined) return { ...head, ...NOTHING_TAKEN, ...said };
    const known = this.decisions.get(decision);
    this.decisions.delete(decision);
    return { ...head, ...(known ?? { decision }), ...NOTHING_TAKEN, ...said };
  }

  private head(time: unknown, kind: unknown, seq: unknown): LogRecord {
    return { time, kind, ...(this.guard !== undefined && { guard: this.guard }), seq };
  }

  private sessionOf(record: LogRecord): LogRecord | undefined {
    if (record.who !== undefined) return this.sessions.get(record.who);
    const said = part(record, OF_SESSION);
    this.sessions.add(Number(record.seq), said);
    return said;
  }

  private statementOf(record: LogRecord): LogRecord | undefined {
    if (record.what !== undefined) return this.statements.get(record.what);
    const said = part(record, OF_STATEMENT);
    this.statements.add(record.seq, said);
    return said;
  }
}

function part(record: LogRecord, fields: readonly string[]): LogRecord {
  return Object.fromEntries(fields.filter((name) => name in record).map((name) => [name, record[name]]));
}
