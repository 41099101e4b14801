/** The records of one session: each says only what the file does not say already. See docs/decision-log.md, "The files". */
import { Few } from '../../few.ts';
import type { DecisionEntry, OutcomeEntry, SessionEntry } from '../../session/entries.ts';
import { counted, rounded } from '../counted.ts';
import type { RecordFields } from '../fields.ts';
import { REACH } from '../read/within-reach.ts';
import type { SessionContext, SessionLog } from '../session-log.ts';
import type { SubjectIds } from '../subject-ids.ts';
import type { StatementsWritten } from './statements-written.ts';
import { subjectsText } from './subjects-text.ts';

/** The log as its sessions use it. */
export interface Recorder {
  /** Whether the next record can be written. Then it stands in the file of this `generation`, with the number `seq`. */
  isReady(): boolean;
  generation(): number;
  seq(): number;
  /** INVARIANT: to be called directly after `isReady`, so that the record stands there. */
  writeHere(kind: 'decision' | 'outcome', fields: RecordFields): boolean;
  /** The same of members that are JSON, each behind a comma and in the log's order. INVARIANT: nothing in them comes from a client. */
  writeShort(kind: 'decision' | 'outcome', members: string): boolean;
  write(kind: 'seen', fields: RecordFields): boolean;
  /** What is to stand under `statement`, but for tokens in it. */
  textOf(entry: DecisionEntry): string | undefined;
  readonly statements: StatementsWritten;
  readonly subjects: SubjectIds | undefined;
}

/** Of a record. */
interface Place {
  /** Of the file; another one whenever it was opened again. */
  readonly generation: number;
  readonly seq: number;
}

/** What the file says of the session, and where. */
interface Said extends Place {
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
  /** By whose attributes: the principal's, and those of the people who came last. No other object is theirs. */
  private readonly said = new Map<SessionContext['attributes'], Said>();
  /** Decisions without an outcome, by their ids. */
  private readonly running = new Few<string, Running>();
  private lastWho: Who;
  /** Members that many decisions have, one after the other. */
  private lastNumbers = { who: 0, what: 0, text: '' };

  constructor(
    private readonly log: Recorder,
    private readonly context: SessionContext,
  ) {
    this.lastWho = whoIn(context);
  }

  /** Who the session is now. */
  who(): Who {
    const { context, lastWho } = this;
    if (lastWho.attributes !== context.attributes || lastWho.application !== context.application)
      this.lastWho = whoIn(context);
    return this.lastWho;
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
    if (!log.isReady()) return false;
    const generation = log.generation();
    const seq = log.seq();
    const { id, limit, policy, person, application = asWho.application } = entry;
    const asked = log.statements.asked(entry, log.textOf(entry));
    const what = log.statements.numberOf(asked, generation);
    const attributes = person?.shown ?? asWho.attributes;
    const before = this.said.get(attributes);
    const isSaid =
      before?.application === application && before.policy === policy && isWithinReach(before, generation, seq);
    const who = isSaid ? before.seq : undefined;
    const written =
      who !== undefined && what !== undefined && limit === undefined
        ? log.writeShort('decision', `,"id":"${id}"${this.numbers(who, what)}`)
        : log.writeHere('decision', {
            id,
            who,
            what,
            limit,
            ...(who === undefined && { ...context, user: person?.user, attributes, application, policy }),
            ...(what === undefined && asked.said),
          });
    // INVARIANT: what may not stand in the file is said once more.
    if (!written) this.said.clear();
    else if (who === undefined) this.remember(attributes, { generation, seq, application, policy });
    if (!written) log.statements.forget(asked);
    else if (what === undefined) log.statements.add(asked, seq);
    if (written) this.running.set(id, { generation, seq, quiet: asked.quiet });
    return written;
  }

  private numbers(who: number, what: number): string {
    const last = this.lastNumbers;
    if (last.who === who && last.what === what) return last.text;
    this.lastNumbers = { who, what, text: `,"who":${who},"what":${what}` };
    return this.lastNumbers.text;
  }

  private remember(attributes: SessionContext['attributes'], said: Said): void {
    if (this.said.size >= MOST_PEOPLE) this.said.clear();
    this.said.set(attributes, said);
  }

  private outcome(entry: OutcomeEntry): boolean {
    const { log, context } = this;
    const { id, rows, bytes, changed, status, sqlstate, reason, rule, limit, waited } = entry;
    const running = this.running.take(id);
    if (running?.quiet && isNothing(entry)) return true;
    if (!log.isReady()) return false;
    const decision = running && isWithinReach(running, log.generation(), log.seq()) ? running.seq : undefined;
    // What is no number above nothing would be no JSON.
    const ms = entry.ms > 0 ? rounded(entry.ms) : '0';
    // INVARIANT: no key of a person is written: ids are made of them, or they are dropped.
    const subjects = log.subjects && entry.keys ? log.subjects.ofOutcome(entry) : entry.subjects;
    if (decision !== undefined && status === 'ok' && !(limit || waited || reason || rule || sqlstate)) {
      const taken = `${member('rows', rows)}${member('bytes', bytes)}${member('changed', changed)}`;
      const whom = subjects ? `,"subjects":${subjectsText(subjects)}` : '';
      return log.writeShort(
        'outcome',
        `,"decision":${counted(decision)}${taken}${ms === '0' ? '' : `,"ms":${ms}`}${whom}`,
      );
    }
    return log.writeHere('outcome', {
      id: decision === undefined ? id : undefined,
      decision,
      principal: decision === undefined ? context.principal : undefined,
      rows: rows || undefined,
      bytes: bytes || undefined,
      changed: changed || undefined,
      ms: Number(ms) || undefined,
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

function whoIn({ attributes, application }: SessionContext): Who {
  return { attributes, application };
}

function isWithinReach(before: Place, generation: number, seq: number): boolean {
  return before.generation === generation && seq - before.seq <= REACH;
}

function isNothing({ status, rows, bytes, changed, limit, subjects, waited }: OutcomeEntry): boolean {
  return status === 'ok' && !rows && !bytes && !changed && !limit && !subjects && !waited;
}
