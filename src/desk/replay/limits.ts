/**
 * What was taken, by the log's outcomes in order of time, compared with the limits of a policy. Results are lower bounds: the log does not have every
 * charge on data subjects.
 */
import type { LogRecord } from '../../decision-log/fields.ts';
import { CalendarDays } from '../../metering/days.ts';
import { SlotLine } from '../../metering/window-slots.ts';
import { type LimitInForce, limitsInForce } from '../../policy/model/limits-in-force.ts';
import type { Principal, RolePolicy } from '../../policy/model/policy.ts';
import type { RuleRef } from '../../policy/source/rule.ts';

export interface Exceeded {
  readonly principal: string;
  /** `subjects.student 300 per day` */
  readonly name: string;
  readonly effect: LimitInForce['effect'];
  readonly rule: RuleRef;
  /** Statements after which more had been taken than it allows. */
  count: number;
  /** ISO time of the first. */
  readonly first: string;
}

interface Held {
  limits: readonly LimitInForce[];
  /** The first instant at which others may hold. */
  until: number;
}

interface Counted extends Held {
  readonly principal: Principal;
  readonly role: RolePolicy;
  /** By the limit's name. */
  readonly windows: Map<string, RunningWindow>;
}

export class LimitRun {
  private readonly days: CalendarDays;
  private readonly counted = new Map<string, Counted | undefined>();
  private readonly ofRoles = new Map<RolePolicy, Held>();
  private readonly found = new Map<string, Exceeded>();

  constructor(
    private readonly account: (
      principal: string,
    ) => { readonly principal: Principal; readonly role: RolePolicy } | undefined,
    private readonly timeZone: string,
  ) {
    this.days = new CalendarDays(timeZone);
  }

  /** Of limits that refuse or lock, first those that were passed most often. */
  get exceeded(): Exceeded[] {
    return [...this.found.values()].sort((a, b) => b.count - a.count);
  }

  add(record: LogRecord): void {
    if (record.kind !== 'outcome' || typeof record.principal !== 'string' || record.status === 'refused') return;
    const name = record.principal;
    if (!this.counted.has(name)) {
      const account = this.account(name);
      this.counted.set(name, account && { ...account, limits: [], until: 0, windows: new Map() });
    }
    const counted = this.counted.get(name);
    if (!counted) return;
    const now = Date.parse(String(record.time));
    if (now >= counted.until) Object.assign(counted, this.limitsAt(counted, now));
    for (const limit of counted.limits) this.count(counted, limit, record, now);
  }

  /** Limits that refuse. Asked every quarter of an hour if a role has `during`: once for all its principals without limits of their own. */
  private limitsAt({ role, principal }: Counted, now: number): Held {
    const isOfRole = Object.keys(principal.limits).length === 0 && principal.during === undefined;
    const known = isOfRole ? this.ofRoles.get(role) : undefined;
    if (known && now < known.until) return known;
    const { windows, until } = limitsInForce({ role, principal, now, timeZone: this.timeZone });
    const held = { limits: windows.filter(({ effect }) => effect === 'deny' || effect === 'lock'), until };
    if (isOfRole) this.ofRoles.set(role, held);
    return held;
  }

  private count(counted: Counted, limit: LimitInForce, record: LogRecord, now: number): void {
    let window = counted.windows.get(limit.name);
    if (!window) {
      window = new RunningWindow(new SlotLine(limit.window, this.days));
      counted.windows.set(limit.name, window);
    }
    window.goOnTo(now);
    const before = window.total;
    if (limit.measure.startsWith('subjects.')) countPeople(window, limit.measure.slice('subjects.'.length), record);
    else window.add(amountOf(limit.measure, record));
    if (window.total <= limit.amount || window.total === before) return;
    const key = `${counted.principal.name} ${limit.name}`;
    const known = this.found.get(key);
    if (known) known.count += 1;
    else {
      const { name, effect, rule } = limit;
      const first = String(record.time);
      this.found.set(key, { principal: counted.principal.name, name, effect, rule, count: 1, first });
    }
  }
}

/** The content of a window as time goes on; each person once, in the slot in which they were last seen. */
export class RunningWindow {
  total = 0;
  private slot = Number.NEGATIVE_INFINITY;
  private readonly amounts = new Map<number, number>();
  private readonly people = new Map<string, number>();

  constructor(private readonly line: SlotLine) {}

  goOnTo(now: number): void {
    const slot = this.line.slotOf(now);
    if (slot <= this.slot) return;
    this.slot = slot;
    const oldest = this.line.oldestAt(now);
    for (const [at, amount] of this.amounts) {
      if (at >= oldest) continue;
      this.amounts.delete(at);
      this.total -= amount;
    }
  }

  add(amount: number): void {
    this.amounts.set(this.slot, (this.amounts.get(this.slot) ?? 0) + amount);
    this.total += amount;
  }

  see(id: string): void {
    const last = this.people.get(id);
    if (last === this.slot) return;
    const held = last === undefined ? undefined : this.amounts.get(last);
    if (last !== undefined && held !== undefined) {
      this.amounts.set(last, held - 1);
      this.total -= 1;
    }
    this.people.set(id, this.slot);
    this.add(1);
  }
}

type Shown = Record<string, { people?: number; values?: number; ids?: string[] }>;

export function countPeople(window: RunningWindow, subject: string, { subjects }: LogRecord): void {
  const { people = 0, values = 0, ids } = (subjects as Shown | undefined)?.[subject] ?? {};
  // If an outcome has only the number of people, those seen before are not known: the window has at least the largest of these numbers.
  if (ids) for (const id of ids) window.see(id);
  else if (people > window.total) window.add(people - window.total);
  if (values > 0) window.add(values);
}

/** The amount that the outcome took of the measure; 0 if it has none. */
export function amountOf(measure: LimitInForce['measure'], { rows, bytes, changed, subjects }: LogRecord): number {
  switch (measure) {
    case 'statements':
      return 1;
    case 'rows':
      return Number(rows ?? 0);
    case 'bytes':
      return Number(bytes ?? 0);
    case 'changed':
      return Number(changed ?? 0);
    default: {
      const subject = measure.slice('answers.'.length);
      return Number((subjects as Record<string, { values?: number }> | undefined)?.[subject]?.values ?? 0);
    }
  }
}
