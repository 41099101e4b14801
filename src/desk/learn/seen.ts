/** What the log says that a role's principals have sent: each distinct statement once, with its evidence, and what of it must not be learned. */
import type { LogRecord } from '../../decision-log/fields.ts';
import type { KeptStatement } from '../../decision-log/statements/read.ts';
import { QUIET_COMMANDS } from '../../decision-log/writer/quiet-commands.ts';

/** How often something was seen, and from which principals and addresses. */
export class Occurrences {
  count = 0;
  first = '';
  last = '';
  readonly addresses = new Map<string, number>();
  readonly days = new Map<string, number>();
  readonly principals = new Set<string>();

  add(
    other: Pick<Occurrences, 'count' | 'first' | 'last'> & {
      readonly [K in 'addresses' | 'days']: ReadonlyMap<string, number>;
    } & { readonly principals: Iterable<string> },
  ): void {
    if (other.count === 0) return;
    this.count += other.count;
    if (this.first === '' || other.first < this.first) this.first = other.first;
    if (other.last > this.last) this.last = other.last;
    for (const [address, count] of other.addresses)
      this.addresses.set(address, (this.addresses.get(address) ?? 0) + count);
    for (const [day, count] of other.days) this.days.set(day, (this.days.get(day) ?? 0) + count);
    for (const principal of other.principals) this.principals.add(principal);
  }
}

/** Why a statement, or some of its runs, are not learned from. */
export type NotLearned = 'except' | 'refused' | 'failed' | 'canary' | 'locked' | 'not ended';

export interface SeenStatement {
  /** As it was kept, or as the log has it. */
  readonly text: string | undefined;
  readonly types: readonly number[];
  readonly runs: KeptStatement['runs'];
  /** Of what may be learned. */
  readonly evidence: Occurrences;
  /** How often it was not learned from, by why. */
  readonly left: ReadonlyMap<NotLearned, number>;
  /** In observe mode: what would have been done. */
  readonly would: string | undefined;
  readonly reason: string | undefined;
  readonly kept: KeptStatement | undefined;
}

interface Session {
  readonly principal: string;
  readonly address: string;
  first: string;
  last: string;
  /** It has met a canary. */
  met: boolean;
}

interface Runs {
  count: number;
  first: string;
  last: string;
  readonly days: Map<string, number>;
}

interface Group extends Omit<SeenStatement, 'evidence'> {
  readonly bySession: Map<string, Runs>;
  readonly left: Map<NotLearned, number>;
}

export interface SeenOptions {
  readonly wants: (role: string) => boolean;
  /** Whether a record is left out by `--except`. */
  readonly isExcepted: (record: LogRecord) => boolean;
  readonly statements: ReadonlyMap<string, KeptStatement>;
  /** ISO time to the day that a calendar on the wall shows. */
  readonly dayOf: (time: string) => string;
}

/** How much of the use comes from an address, from 0 to 1. By the time in which there was some, so that no flood makes itself the usual. */
export type Shares = (address: string) => number;

/** Of fewer nothing can be told but by counting. */
const ENOUGH_MINUTES = 10;

/** A lock ends sessions that were used so short a time before. */
const DAY_MS = 86_400_000;

export class Seen {
  private readonly groups = new Map<string, Group>();
  private readonly sessions = new Map<string, Session>();
  private readonly open = new Map<string, { readonly group: Group; readonly session: string; readonly time: string }>();
  private readonly locks: { readonly principal: string; readonly at: string }[] = [];
  /** All of the role's, also from statements that are not learned from. */
  readonly names = { principals: new Set<string>(), applications: new Set<string>(), roles: new Set<string>() };
  span: { from: string; to: string } | undefined;
  /** Minutes in which something was learned from, by address, and all of them. */
  private readonly minutes = new Map<string, Set<number>>();
  private readonly allMinutes = new Set<number>();

  constructor(private readonly options: SeenOptions) {}

  /** @returns whether an outcome is of a statement that may be learned from. */
  add(record: LogRecord): boolean {
    switch (record.kind) {
      case 'decision':
        this.decide(record);
        return false;
      case 'outcome':
        return this.end(record);
      case 'canary': {
        const session = this.sessions.get(this.open.get(String(record.id))?.session ?? '');
        if (session) session.met = true;
        return false;
      }
      case 'lock':
        if (record.status !== 'failed')
          this.locks.push({ principal: String(record.principal), at: String(record.time) });
        return false;
      default:
        return false;
    }
  }

  /** The statements, and the sessions that nothing is learned from. */
  result(): { readonly statements: readonly SeenStatement[]; readonly badSessions: number; readonly shares: Shares } {
    for (const { group } of this.open.values()) leave(group, 'not ended');
    this.open.clear();
    const bad = new Map<string, NotLearned>();
    for (const [name, session] of this.sessions) {
      if (session.met) bad.set(name, 'canary');
      else if (this.locks.some((lock) => isEndedBy(session, lock))) bad.set(name, 'locked');
    }
    const statements = [...this.groups.values()].map((group): SeenStatement => {
      const evidence = new Occurrences();
      for (const [name, runs] of group.bySession) {
        const { principal, address } = this.sessions.get(name)!;
        const why = bad.get(name);
        if (why) leave(group, why, runs.count);
        else evidence.add({ ...runs, addresses: new Map([[address, runs.count]]), principals: [principal] });
      }
      const { bySession: _, ...statement } = group;
      return { ...statement, evidence };
    });
    return { statements, badSessions: bad.size, shares: this.shares() };
  }

  private shares(): Shares {
    const counts = new Map<string, number>();
    let all = 0;
    for (const { bySession } of this.groups.values())
      for (const [name, { count }] of bySession) {
        const { address } = this.sessions.get(name)!;
        counts.set(address, (counts.get(address) ?? 0) + count);
        all += count;
      }
    const byTime = this.allMinutes.size >= ENOUGH_MINUTES;
    return (address) =>
      byTime
        ? (this.minutes.get(address)?.size ?? 0) / this.allMinutes.size
        : (counts.get(address) ?? 0) / Math.max(1, all);
  }

  private decide(record: LogRecord): void {
    const role = String(record.role);
    this.names.roles.add(role);
    if (!this.options.wants(role)) return;
    const { effect, id, command } = record;
    const [time, principal, application] = [
      String(record.time),
      String(record.principal),
      String(record.application ?? ''),
    ];
    this.span ??= { from: time, to: time };
    this.span.to = time;
    this.names.principals.add(principal);
    this.names.applications.add(application);
    const group = this.groupOf(record);
    if (this.options.isExcepted(record)) leave(group, 'except');
    else if (effect !== 'allow' && effect !== 'rewrite') leave(group, 'refused');
    // They have an outcome only where it is not a good one.
    else if (QUIET_COMMANDS.has(String(command))) this.count(group, this.sessionOf(record, time), time);
    else this.open.set(String(id), { group, session: this.sessionOf(record, time), time });
  }

  private end({ id, status }: LogRecord): boolean {
    const open = this.open.get(String(id));
    if (!open) return false;
    this.open.delete(String(id));
    // Statements that were cut off or cancelled did run.
    if (status === 'ok' || status === 'cut' || status === 'cancelled') {
      this.count(open.group, open.session, open.time);
      return true;
    }
    leave(open.group, 'failed');
    return false;
  }

  private count(group: Group, session: string, time: string): void {
    const day = this.options.dayOf(time);
    let runs = group.bySession.get(session);
    if (!runs) {
      runs = { count: 0, first: time, last: time, days: new Map() };
      group.bySession.set(session, runs);
    }
    runs.count += 1;
    runs.last = time;
    runs.days.set(day, (runs.days.get(day) ?? 0) + 1);
    const minute = Math.floor(Date.parse(time) / 60_000);
    const { address } = this.sessions.get(session)!;
    const minutes = this.minutes.get(address) ?? new Set();
    this.minutes.set(address, minutes);
    minutes.add(minute);
    this.allMinutes.add(minute);
  }

  private sessionOf(record: LogRecord, time: string): string {
    const name = `${record.guard} ${record.session}`;
    const known = this.sessions.get(name);
    if (known) known.last = time;
    else {
      const address = String(record.client ?? '').replace(/:[0-9]+$/, '');
      this.sessions.set(name, { principal: String(record.principal), address, first: time, last: time, met: false });
    }
    return name;
  }

  private groupOf({ kept: by, statement, would, reason, tables, columns }: LogRecord): Group {
    const kept = typeof by === 'string' ? this.options.statements.get(by) : undefined;
    const key = `${kept ? by : `${statement}\0${tables}\0${columns}`}\0${would}\0${reason}`;
    let group = this.groups.get(key);
    if (!group) {
      const text = kept?.text ?? (typeof statement === 'string' && statement !== '' ? statement : undefined);
      group = {
        text,
        types: kept?.types ?? [],
        runs: kept?.runs,
        would: typeof would === 'string' ? would : undefined,
        reason: typeof reason === 'string' ? reason : undefined,
        kept,
        bySession: new Map(),
        left: new Map(),
      };
      this.groups.set(key, group);
    }
    return group;
  }
}

function leave(group: Group, why: NotLearned, count = 1): void {
  group.left.set(why, (group.left.get(why) ?? 0) + count);
}

function isEndedBy(
  { principal, first, last }: Session,
  lock: { readonly principal: string; readonly at: string },
): boolean {
  if (lock.principal !== principal || first > lock.at) return false;
  // Statements that were sent as the lock began may be slightly later in the log.
  const behind = Date.parse(last) - Date.parse(lock.at);
  return behind < 1000 && behind > -DAY_MS;
}
