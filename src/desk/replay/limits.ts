/** What has been taken, by the log's outcomes in the order of time, held against the limits of a policy. Lower bounds: what people count is not all that is told of them. */
import type { LogRecord } from '../../decision-log/fields.ts';
import { CalendarDays } from '../../metering/days.ts';
import { SlotLine, Slots } from '../../metering/window-slots.ts';
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

interface Counted {
  readonly principal: Principal;
  readonly role: RolePolicy;
  limits: readonly LimitInForce[];
  until: number;
  readonly slots: Map<string, Slots>;
  /** By subject: when each id was last seen. */
  readonly people: Map<string, Map<string, number>>;
}

export class LimitRun {
  private readonly days: CalendarDays;
  private readonly counted = new Map<string, Counted | undefined>();
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
      this.counted.set(name, account && { ...account, limits: [], until: 0, slots: new Map(), people: new Map() });
    }
    const counted = this.counted.get(name);
    if (!counted) return;
    const now = Date.parse(String(record.time));
    if (now >= counted.until) {
      const { windows, until } = limitsInForce({ ...counted, now, timeZone: this.timeZone });
      counted.limits = windows.filter(({ effect }) => effect === 'deny' || effect === 'lock');
      counted.until = until;
    }
    for (const limit of counted.limits) this.count(counted, limit, record, now);
  }

  private count(counted: Counted, limit: LimitInForce, record: LogRecord, now: number): void {
    let slots = counted.slots.get(limit.name);
    if (!slots) {
      slots = new Slots(new SlotLine(limit.window, this.days), now);
      counted.slots.set(limit.name, slots);
    }
    const before = slots.at(now);
    if (limit.measure.startsWith('subjects.')) this.countPeople(counted, limit, slots, record, now);
    else slots.add(now, amountOf(limit.measure, record));
    const taken = slots.at(now);
    if (taken <= limit.amount || taken === before) return;
    const key = `${counted.principal.name} ${limit.name}`;
    const known = this.found.get(key);
    if (known) known.count += 1;
    else {
      const { name, effect, rule } = limit;
      const first = String(record.time);
      this.found.set(key, { principal: counted.principal.name, name, effect, rule, count: 1, first });
    }
  }

  private countPeople(counted: Counted, limit: LimitInForce, slots: Slots, record: LogRecord, now: number): void {
    const subject = limit.measure.slice('subjects.'.length);
    const shown = (
      record.subjects as Record<string, { people?: number; values?: number; ids?: string[] }> | undefined
    )?.[subject];
    if (!shown) return;
    const { people = 0, values = 0, ids } = shown;
    // Where only their number stands, who came again is not known: as many as the largest of the results at least.
    if (!ids) slots.add(now, Math.max(0, people - slots.at(now)) + values);
    else {
      const seen = counted.people.get(limit.name) ?? new Map<string, number>();
      counted.people.set(limit.name, seen);
      for (const id of ids) {
        const last = seen.get(id);
        if (last !== undefined) slots.remove(last, 1);
        slots.add(now, 1);
        seen.set(id, now);
      }
      slots.add(now, values);
    }
  }
}

function amountOf(measure: LimitInForce['measure'], { rows, bytes, changed, subjects }: LogRecord): number {
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
