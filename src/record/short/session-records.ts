/** The records of one session: each says only what the file does not say already. See docs/decision-log.md, "The files". */
import { Few } from '../../few.ts';
import type { DecisionEntry, OutcomeEntry, SessionEntry } from '../../session/entries.ts';
import { counted } from '../counted.ts';
import type { RecordFields } from '../fields.ts';
import { printable } from '../printable.ts';
import { REACH } from '../read/within-reach.ts';
import type { SessionContext, SessionLog } from '../session-log.ts';
import type { SubjectIds } from '../subject-ids.ts';
import { QUIET_COMMANDS } from './quiet.ts';
import type { StatementsWritten } from './statements-written.ts';

/** The log as its sessions use it. */
export interface Recorder {
  /** Which file the next record will stand in, and its number; undefined where it cannot be written. */
  next(): Place | undefined;
  /** INVARIANT: to be called directly after `next`, so that the record stands there. */
  writeHere(kind: 'decision' | 'outcome', fields: RecordFields): boolean;
  /** The same of members that are JSON, each behind a comma and in the log's order. INVARIANT: nothing in them comes from a client. */
  writeShort(kind: 'decision' | 'outcome', members: string): boolean;
  write(kind: 'seen', fields: RecordFields): boolean;
  /** What is to stand under `statement`. */
  statementOf(entry: DecisionEntry): string | undefined;
  readonly statements: StatementsWritten;
  readonly subjects: SubjectIds | undefined;
}

/** Of a record. */
export interface Place {
  /** Of the file; another one whenever it was opened again. */
  readonly generation: number;
  readonly seq: number;
}

/** What the file says of the session, and where. */
interface Said extends Place {
  /** Of the principal, or of the person behind it: then no other object is theirs. */
  readonly attributes: SessionContext['attributes'];
  readonly application: string;
  readonly policy: string;
}

interface Running extends Place {
  /** It can show and change nothing. */
  readonly quiet: boolean;
}

/** Of so many people a session remembers where the file says who they are. */
const MOST_PEOPLE = 64;

/** What may change in a session. */
export type Who = Pick<SessionContext, 'attributes' | 'application'>;

export class SessionRecords implements Pick<SessionLog, 'append'> {
  /** By whose attributes: the principal's, and those of the people who came last. */
  private readonly said = new Map<SessionContext['attributes'], Said>();
  /** Decisions without an outcome, by their ids. */
  private readonly running = new Few<string, Running>();

  constructor(
    private readonly log: Recorder,
    private readonly context: SessionContext,
  ) {}

  /** Who the session is now. */
  who(): Who {
    const { attributes, application } = this.context;
    return { attributes, application };
  }

  /** `who`: as it was when the entry was made. */
  append(entry: SessionEntry, who = this.who()): boolean {
    switch (entry.kind) {
      case 'decision':
        return this.decision(entry, who);
      case 'outcome':
        return this.outcome(entry);
      case 'seen':
        return this.seen(entry.id, this.log.subjects?.ofSeen(entry.keys));
    }
  }

  private decision(entry: DecisionEntry, asWho: Who): boolean {
    const { log, context } = this;
    const place = log.next();
    if (!place) return false;
    const { id, command, limit, policy, person, application = asWho.application } = entry;
    const { fingerprint, tables, columns, effect, would, reason, rule, sqlstate } = entry;
    const statement = log.statementOf(entry);
    const asked = { command, fingerprint, statement, tables, columns, effect, would, reason, rule, sqlstate };
    const what = log.statements.numberOf(asked, place.generation);
    const attributes = person?.shown ?? asWho.attributes;
    const saying: Said = { generation: place.generation, seq: place.seq, attributes, application, policy };
    const before = this.said.get(attributes);
    const who = before && isSaid(before, saying) ? before.seq : undefined;
    const written =
      who !== undefined && what !== undefined && limit === undefined
        ? log.writeShort('decision', `,"id":"${id}","who":${who},"what":${what}`)
        : log.writeHere('decision', {
            id,
            who,
            what,
            limit,
            ...(who === undefined && { ...context, user: person?.user, attributes, application, policy }),
            ...(what === undefined && asked),
          });
    // INVARIANT: what may not stand in the file is said once more.
    if (!written) this.said.clear();
    else if (who === undefined) this.remember(saying);
    if (!written) log.statements.forget(asked);
    else if (what === undefined) log.statements.add(asked, place.seq);
    const quiet = QUIET_COMMANDS.has(command);
    if (written) this.running.set(id, { generation: place.generation, seq: place.seq, quiet });
    return written;
  }

  private remember(saying: Said): void {
    if (this.said.size >= MOST_PEOPLE) this.said.clear();
    this.said.set(saying.attributes, saying);
  }

  private outcome(entry: OutcomeEntry): boolean {
    const { log, context } = this;
    const { id, rows, bytes, changed, status, sqlstate, reason, rule, limit, waited } = entry;
    const running = this.running.get(id);
    this.running.delete(id);
    if (running?.quiet && isNothing(entry)) return true;
    const place = log.next();
    if (!place) return false;
    const decision = running && isWithinReach(running, place) ? running.seq : undefined;
    const ms = Math.round(entry.ms * 1000) / 1000;
    // INVARIANT: no key of a person is written: ids are made of them, or they are dropped.
    const subjects = log.subjects && entry.keys ? log.subjects.ofOutcome(entry) : entry.subjects;
    if (decision !== undefined && status === 'ok' && !(limit || waited || reason || rule || sqlstate)) {
      const taken = `${member('rows', rows)}${member('bytes', bytes)}${member('changed', changed)}${member('ms', ms)}`;
      const whom = subjects ? `,"subjects":${printable(JSON.stringify(subjects))}` : '';
      return log.writeShort('outcome', `,"decision":${counted(decision)}${taken}${whom}`);
    }
    return log.writeHere('outcome', {
      id: decision === undefined ? id : undefined,
      decision,
      principal: decision === undefined ? context.principal : undefined,
      rows: rows || undefined,
      bytes: bytes || undefined,
      changed: changed || undefined,
      ms: ms || undefined,
      status: status === 'ok' ? undefined : status,
      reason,
      rule,
      sqlstate,
      limit,
      subjects,
      waited: waited || undefined,
    });
  }

  private seen(id: string, subjects: RecordFields['subjects']): boolean {
    return subjects === undefined || this.log.write('seen', { id, principal: this.context.principal, subjects });
  }
}

/** Zero is not written. */
function member(name: string, value: number): string {
  return value ? `,"${name}":${value}` : '';
}

function isWithinReach(before: Place, { generation, seq }: Place): boolean {
  return before.generation === generation && seq - before.seq <= REACH;
}

function isSaid(said: Said, who: Said): boolean {
  return (
    isWithinReach(said, who) &&
    said.attributes === who.attributes &&
    said.application === who.application &&
    said.policy === who.policy
  );
}

function isNothing({ status, rows, bytes, changed, limit, subjects, waited }: OutcomeEntry): boolean {
  return status === 'ok' && !rows && !bytes && !changed && !limit && !subjects && !waited;
}
