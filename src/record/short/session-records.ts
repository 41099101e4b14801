/** The records of one session: each says only what the file does not say already. See docs/decision-log.md, "The files". */
import type { DecisionEntry, OutcomeEntry, SessionEntry } from '../../session/entries.ts';
import type { RecordFields } from '../fields.ts';
import type { SessionContext, SessionLog } from '../session-log.ts';
import type { SubjectIds } from '../subject-ids.ts';
import { QUIET_COMMANDS } from './quiet.ts';
import type { StatementsWritten } from './statements-written.ts';

/** The log as its sessions use it. */
export interface Recorder {
  /** Which file the next record will stand in; undefined where it cannot be written. */
  generation(): number | undefined;
  /** INVARIANT: to be called directly after `generation`, so that the record stands in that file. */
  writeHere(kind: 'decision', fields: RecordFields): boolean;
  write(kind: 'outcome' | 'seen', fields: RecordFields): boolean;
  /** What is to stand under `statement`. */
  statementOf(entry: DecisionEntry): string | undefined;
  readonly statements: StatementsWritten;
  readonly subjects: SubjectIds | undefined;
}

/** What the file says of the session. */
interface Said {
  readonly generation: number;
  readonly attributes: SessionContext['attributes'];
  readonly application: string;
  readonly policy: string;
}

export class SessionRecords implements Pick<SessionLog, 'append'> {
  private said: Said | undefined;
  /** Decisions on statements that show and change nothing. */
  private readonly quiet = new Set<string>();

  constructor(
    private readonly log: Recorder,
    private readonly context: SessionContext,
  ) {}

  append(entry: SessionEntry): boolean {
    switch (entry.kind) {
      case 'decision':
        return this.decision(entry);
      case 'outcome':
        return this.outcome(entry);
      case 'seen':
        return this.seen(entry.id, this.log.subjects?.ofSeen(entry.keys));
    }
  }

  private decision(entry: DecisionEntry): boolean {
    const { log, context } = this;
    const generation = log.generation();
    if (generation === undefined) return false;
    const { command, fingerprint, tables, columns, policy, application = context.application } = entry;
    const what = { command, fingerprint, statement: log.statementOf(entry), tables, columns };
    const knowsWhat = log.statements.has(what, generation);
    const { session, principal, attributes } = context;
    const who: Said = { generation, attributes, application, policy };
    const { id, effect, would, reason, rule, sqlstate, limit } = entry;
    const written = log.writeHere('decision', {
      id,
      session,
      principal,
      fingerprint,
      effect,
      would,
      reason,
      rule,
      sqlstate,
      limit,
      ...(!knowsWhat && what),
      ...(!isSaid(this.said, who) && { ...context, application, policy }),
    });
    // INVARIANT: what may not stand in the file is said once more.
    this.said = written ? who : undefined;
    if (!written) log.statements.forget(fingerprint);
    else if (!knowsWhat) log.statements.add(what);
    if (written && QUIET_COMMANDS.has(command)) this.quiet.add(id);
    return written;
  }

  private outcome(entry: OutcomeEntry): boolean {
    const { log, context } = this;
    const { id, rows, bytes, changed, ms, status, sqlstate, reason, rule, limit, waited } = entry;
    if (this.quiet.delete(id) && isNothing(entry)) return true;
    return log.write('outcome', {
      id,
      principal: context.principal,
      rows: rows || undefined,
      bytes: bytes || undefined,
      changed: changed || undefined,
      ms: Math.round(ms * 1000) / 1000 || undefined,
      status,
      reason,
      rule,
      sqlstate,
      limit,
      // INVARIANT: no key of a person is written: ids are made of them, or they are dropped.
      subjects: log.subjects && entry.keys ? log.subjects.ofOutcome(entry) : entry.subjects,
      waited: waited || undefined,
    });
  }

  private seen(id: string, subjects: RecordFields['subjects']): boolean {
    return subjects === undefined || this.log.write('seen', { id, principal: this.context.principal, subjects });
  }
}

function isSaid(said: Said | undefined, who: Said): boolean {
  return (
    said !== undefined &&
    said.generation === who.generation &&
    said.attributes === who.attributes &&
    said.application === who.application &&
    said.policy === who.policy
  );
}

function isNothing({ status, rows, bytes, changed, limit, subjects, waited }: OutcomeEntry): boolean {
  return status === 'ok' && !rows && !bytes && !changed && !limit && !subjects && !waited;
}
