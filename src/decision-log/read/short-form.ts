/**
 * Reads logs that were written before December 2026, in a short form. A decision refers by number (`who`, `what`) to an earlier record with the same
 * session or statement, an outcome (`decision`) to its decision. Zeros, the status `ok` and the guard's name are left out.
 */
import { LRUCache } from 'lru-cache';
import type { LogRecord } from '../fields.ts';

const OF_SESSION = 'session principal user role attributes client certificate database application policy'.split(' ');
const OF_STATEMENT = 'command fingerprint statement tables columns effect would reason rule sqlstate'.split(' ');
const NOTHING_TAKEN = { rows: 0, bytes: 0, changed: 0, ms: 0, status: 'ok' };

/** How many records back a reference goes; to a statement further, while it is among the last MOST_STATEMENTS. */
const REACH = 100_000;
const MOST_STATEMENTS = 10_000;

interface Statement {
  readonly seq: unknown;
  readonly said: LogRecord;
}

/** For one file, from its first record on. If a referenced record is missing, the reference's number stays. */
export class ShortForm {
  private guard: unknown;
  private readonly sessions = new Map<unknown, LogRecord>();
  private readonly decisions = new Map<unknown, LogRecord>();
  private readonly bySeq = new Map<unknown, Statement>();
  private readonly statements = new LRUCache<string, Statement>({
    max: MOST_STATEMENTS,
    dispose: ({ seq }) => this.bySeq.delete(seq),
  });

  /** The complete record. Call it with each record of the file, in order; one that is complete is returned unchanged. */
  whole(record: LogRecord): LogRecord {
    const { kind, guard } = record;
    if (guard !== undefined) this.guard = guard;
    else if (kind === 'decision') return this.decision(record);
    else if (kind === 'outcome') return this.outcome(record);
    return record;
  }

  private decision({ time, kind, seq, id, who, what, ...said }: LogRecord): LogRecord {
    const session = who === undefined ? part(said, OF_SESSION) : this.sessions.get(who);
    const statement = what === undefined ? part(said, OF_STATEMENT) : this.statementAt(what);
    if (session && who === undefined) remember(this.sessions, seq, session);
    if (statement && what === undefined) this.rememberStatement({ seq, said: statement });
    remember(this.decisions, seq, { id, ...(session && { principal: session.principal }) });
    const head = { time, kind, guard: this.guard, seq, id };
    return { ...head, ...(session ?? { who }), ...(statement ?? { what }), ...said };
  }

  private outcome({ time, kind, seq, decision, ...said }: LogRecord): LogRecord {
    const head = { time, kind, guard: this.guard, seq };
    const known = decision === undefined ? {} : (this.decisions.get(decision) ?? { decision });
    this.decisions.delete(decision);
    return { ...head, ...known, ...NOTHING_TAKEN, ...said };
  }

  private statementAt(seq: unknown): LogRecord | undefined {
    const found = this.bySeq.get(seq);
    return found && this.statements.get(keyOf(found.said))?.said;
  }

  private rememberStatement(statement: Statement): void {
    this.statements.set(keyOf(statement.said), statement);
    this.bySeq.set(statement.seq, statement);
  }
}

/** The key by which the writer identified statements. */
function keyOf({ fingerprint, effect, reason, rule }: LogRecord): string {
  return JSON.stringify([fingerprint, effect, reason, rule]);
}

function remember(bySeq: Map<unknown, LogRecord>, seq: unknown, said: LogRecord): void {
  bySeq.set(seq, said);
  for (const first of bySeq.keys()) {
    if (Number(seq) - Number(first) <= REACH) break;
    bySeq.delete(first);
  }
}

function part(record: LogRecord, fields: readonly string[]): LogRecord {
  return Object.fromEntries(fields.filter((name) => name in record).map((name) => [name, record[name]]));
}
