/** The records of one session. What many of them share (the session's identity, a statement) is made into JSON once. */
import { SmallMap } from '../../core/small-map.ts';
import type { DecisionEntry, OutcomeEntry, SessionEntry } from '../../session/log-entries.ts';
import type { RecordFields } from '../fields.ts';
import type { SessionContext, SessionLog } from '../record-sink.ts';
import type { SubjectIds, SubjectsOfOutcome } from '../subject-ids.ts';
import { rounded } from './number-text.ts';
import { QUIET_COMMANDS } from './quiet-commands.ts';
import type { StatementTexts } from './statement-texts.ts';
import { chainMembersText, json, membersText } from './text.ts';

/** The log as its sessions use it. */
export interface LogRecorder {
  /** Members are JSON, each preceded by a comma, in the log's order. False if they cannot be made, or if the record may not be in the log. */
  write(kind: 'decision' | 'outcome', members: () => string): boolean;
  append(kind: 'seen', fields: RecordFields): boolean;
  readonly statements: StatementTexts;
  readonly subjects: SubjectIds | undefined;
}

/** What may change during a session. */
export type SessionIdentity = Pick<SessionContext, 'attributes' | 'application'>;

/** What decisions contain about the session, and the values that it was made from. */
interface WhoText {
  readonly user: string | undefined;
  readonly application: string;
  readonly policy: string;
  readonly json: string;
}

export class SessionRecords implements Pick<SessionLog, 'append'> {
  /** By attributes: the principal's, and those of each end user. */
  private readonly whoTexts = new WeakMap<SessionContext['attributes'], WhoText>();
  /** Ids of decisions without an outcome that need none. */
  private readonly quiet = new SmallMap<string, true>();
  private lastWho: SessionIdentity;
  private principal: string | undefined;

  constructor(
    private readonly log: LogRecorder,
    private readonly context: SessionContext,
  ) {
    this.lastWho = whoIn(context);
  }

  /** The session's present identity. */
  who(): SessionIdentity {
    const { context, lastWho } = this;
    if (lastWho.attributes !== context.attributes || lastWho.application !== context.application)
      this.lastWho = whoIn(context);
    return this.lastWho;
  }

  /** `who`: the identity when the entry was made. */
  append(entry: SessionEntry, who = this.who()): boolean {
    switch (entry.kind) {
      case 'decision':
        return this.decision(entry, who);
      case 'outcome':
        return this.outcome(entry);
      case 'seen': {
        const subjects = this.log.subjects?.ofSeen(entry.keys);
        const { principal } = this.context;
        return subjects === undefined || this.log.append('seen', { id: entry.id, principal, subjects });
      }
    }
  }

  private decision(entry: DecisionEntry, who: SessionIdentity): boolean {
    const { id, command, limit } = entry;
    const written = this.log.write('decision', () => {
      const used = limit ? membersText({ limit }) : '';
      return `,"id":"${id}"${this.whoText(entry, who)}${this.log.statements.of(entry)}${used}`;
    });
    if (written && QUIET_COMMANDS.has(command)) this.quiet.set(id, true);
    return written;
  }

  private whoText({ person, policy, application: named }: DecisionEntry, who: SessionIdentity): string {
    const attributes = person?.shown ?? who.attributes;
    const { user } = person ?? {};
    const application = named ?? who.application;
    const known = this.whoTexts.get(attributes);
    if (known?.policy === policy && known.application === application && known.user === user) return known.json;
    const json = membersText({ ...this.context, user, attributes, application, policy });
    this.whoTexts.set(attributes, { user, application, policy, json });
    return json;
  }

  private outcome(entry: OutcomeEntry): boolean {
    const { log } = this;
    const { id, rows, bytes, changed, status, plan } = entry;
    if (this.quiet.delete(id) && isNothing(entry)) return true;
    return log.write('outcome', () => {
      this.principal ??= membersText({ principal: this.context.principal });
      // NaN or negative: write 0.
      const ms = entry.ms > 0 ? rounded(entry.ms) : '0';
      const taken = `"rows":${rows},"bytes":${bytes},"changed":${changed},"ms":${ms}`;
      const by = plan ? `,"plan":"${plan}"` : '';
      return `,"id":"${id}"${this.principal},${taken},"status":"${status}"${by}${this.detailsOf(entry)}`;
    });
  }

  private detailsOf(entry: OutcomeEntry): string {
    const { reason, rule, sqlstate, limit, waited = 0, subjects: counts, keys } = entry;
    if (!(reason || rule || sqlstate || limit || waited || counts || keys)) return '';
    // INVARIANT 84: no key of a data subject is written: keys are turned into ids, or dropped.
    const subjects = this.log.subjects && keys ? this.log.subjects.ofOutcome(entry) : counts;
    const told = subjects ? subjectsText(subjects) : '';
    const why = reason || rule || sqlstate || limit ? membersText({ reason, rule, sqlstate, limit }) : '';
    return `${why}${told}${waited ? membersText({ waited }) : ''}`;
  }
}

function whoIn({ attributes, application }: SessionContext): SessionIdentity {
  return { attributes, application };
}

/**
 * The member `subjects`, put together from its few numbers: nearly every outcome has one where people are counted. Questions and values are
 * rarely above 0.
 */
function subjectsText(subjects: SubjectsOfOutcome): string {
  let all = '';
  for (const name in subjects) {
    const { people, questions, values, ids } = subjects[name]!;
    const others = `${questions ? `,"questions":${questions}` : ''}${values ? `,"values":${values}` : ''}`;
    const shown = ids ? chainMembersText({ ids }) : '';
    all += `${all === '' ? '' : ','}${nameOf(name)}:{"people":${people}${others}${shown}}`;
  }
  return `,"subjects":{${all}}`;
}

/** As JSON. Policies have few. */
const names = new Map<string, string>();

function nameOf(subject: string): string {
  let text = names.get(subject);
  if (text === undefined) {
    text = json(subject);
    names.set(subject, text);
  }
  return text;
}

function isNothing({ status, rows, bytes, changed, limit, subjects, waited }: OutcomeEntry): boolean {
  return status === 'ok' && !rows && !bytes && !changed && !limit && !subjects && !waited;
}
