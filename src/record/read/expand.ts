/** Makes whole records of the short ones in which a file of the log is written. See docs/decision-log.md, "The files". */

/** A record as it stands in a line, or whole. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** Of a session: in its first decision in a file, and again, all of them, when one has changed. */
const OF_SESSION = [
  'user',
  'role',
  'attributes',
  'client',
  'certificate',
  'database',
  'application',
  'policy',
] as const;
/** Of a statement: in the first decision in a file with its fingerprint, and again, all of them, when one differs. */
const OF_STATEMENT = ['command', 'fingerprint', 'statement', 'tables', 'columns'] as const;
/** Always written where the others are: by these is known that a record is no short one. */
const MARK_OF_SESSION = 'role';
const MARK_OF_STATEMENT = 'command';

const NOTHING_TAKEN = { rows: 0, bytes: 0, changed: 0, ms: 0 };

type Memory = Pick<Map<unknown, LogRecord>, 'get'> & { set(key: unknown, record: LogRecord): unknown };

/**
 * For one file, from its first record on. What stood in a part of the file that is missing cannot be given back: such a record stays short.
 * Keeps what each session and each fingerprint of the file has said last.
 */
export class Expander {
  /** A memory that forgets leaves records short, as a part that is missing does: for whoever must not keep all of a file. */
  constructor(
    private readonly sessions: Memory = new Map<unknown, LogRecord>(),
    private readonly statements: Memory = new Map<unknown, LogRecord>(),
  ) {}

  /** The whole record. To be called with each record of the file, in its order. */
  whole(record: LogRecord): LogRecord {
    switch (record.kind) {
      case 'outcome':
        return this.outcome(record);
      case 'decision':
        return this.decision(record);
      default:
        return record;
    }
  }

  private decision(record: LogRecord): LogRecord {
    const { time, kind, guard, seq, id, session, principal } = record;
    const head = { time, kind, guard, seq, id, session, principal };
    const who = remembered(this.sessions, session, record, OF_SESSION, MARK_OF_SESSION);
    const what = remembered(this.statements, record.fingerprint, record, OF_STATEMENT, MARK_OF_STATEMENT);
    return { ...head, ...who, ...what, ...record };
  }

  private outcome(record: LogRecord): LogRecord {
    const { time, kind, guard, seq, id, principal } = record;
    return { time, kind, guard, seq, id, principal, ...NOTHING_TAKEN, ...record };
  }
}

/** What the record says of `fields`; where it leaves them out, what was said last under the same key. */
function remembered(
  memory: Memory,
  key: unknown,
  record: LogRecord,
  fields: readonly string[],
  mark: string,
): LogRecord | undefined {
  if (record[mark] === undefined) return memory.get(key);
  const said = Object.fromEntries(fields.filter((name) => name in record).map((name) => [name, record[name]]));
  memory.set(key, said);
  return said;
}
