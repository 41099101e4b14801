/** The results of the honest days, and what a thief could take, as tables of what-honest-days-take.md and docs/limits.md. */
import { Accounts } from '../../../src/metering/accounts.ts';
import type { Ceiling } from '../../../src/metering/measure.ts';
import { limitsInForce } from '../../../src/policy/model/limits-in-force.ts';
import type { Principal, RolePolicy } from '../../../src/policy/model/policy.ts';
import { type DayReport, type LimitUsage, SUBJECT, TIME_ZONE } from './clockwork.ts';

export function honestTable(lives: ReadonlyMap<string, readonly DayReport[]>): string {
  const lines = [...lives].flatMap(([principal, reports]) => {
    const byLimit = new Map<string, LimitUsage[]>();
    for (const stand of reports.flatMap(({ stands }) => stands)) {
      byLimit.set(stand.limit, [...(byLimit.get(stand.limit) ?? []), stand]);
    }
    return [...byLimit].map(([limit, stands]) => {
      const used = stands.map((stand) => stand.used).toSorted((a, b) => a - b);
      const [{ amount = 0, effect = '' } = {}] = stands;
      const p99 = quantile(used, 0.99);
      const shown = [quantile(used, 0.5), p99, used.at(-1) ?? 0].map((n) => amountText(limit, n));
      return `| ${principal} | ${limit} | ${effect} | ${shown.join(' | ')} | ${Math.round((100 * p99) / amount)} % |`;
    });
  });
  return `| account | limit | effect | a day in the middle | 99 of 100 days | the worst day | of the limit |
|---|---|---|---|---|---|---|
${lines.join('\n')}
`;
}

export interface Stolen {
  readonly principal: Principal;
  readonly role: RolePolicy;
  readonly scope: number;
  readonly besides: string;
}

const HOUR_MS = 3_600_000;
const YEAR_HOURS = 365 * 24;

/** By one who knows the limits, stays below those that lock, and takes as much as they leave, every hour of a year. */
export function thiefTable(stolen: readonly Stolen[]): string {
  const lines = stolen.map(({ principal, role, scope, besides }) => {
    const taken = taking(role, principal);
    const of = (people: number): string => (scope === 0 ? 'none' : grouped(Math.min(people, scope)));
    return `| ${principal.name} | ${scope === 0 ? 'all, none by name' : grouped(scope)} | ${of(taken.day)} | ${of(taken.month)} | ${of(taken.year)} | ${besides} |`;
  });
  return `By one who stays below those that lock and takes what is left each hour:

| account | pupils in its scope | a thief has on the first day | after 30 days | after a year | what else holds |
|---|---|---|---|---|---|
${lines.join('\n')}
`;
}

function taking(role: RolePolicy, principal: Principal): { day: number; month: number; year: number } {
  const begin = Date.parse('2026-09-01T00:00:00+02:00');
  const accounts = new Accounts(TIME_ZONE);
  const owner = 'thief';
  const got = { day: 0, month: 0, year: 0 };
  for (let hour = 0; hour < YEAR_HOURS; hour += 1) {
    const now = begin + hour * HOUR_MS;
    const { windows, throttle } = limitsInForce({ role, principal, now, timeZone: TIME_ZONE });
    const ceilings = (measure: string): Ceiling[] =>
      windows
        .filter((limit) => limit.measure === measure && (limit.effect === 'deny' || limit.effect === 'lock'))
        .map(({ window, amount }) => ({ window, limit: amount }));
    // Throttled from the first one on, a thief still gets this number in an hour.
    const slowed = windows.some(({ effect }) => effect === 'throttle') ? (throttle?.rows?.amount ?? 0) * 3_600 : 0;
    const most = slowed > 0 ? slowed : Number.MAX_SAFE_INTEGER;
    const rows = accounts.take({ owner, measure: 'rows', ceilings: ceilings('rows'), want: most }, now);
    const people = accounts.take(
      { owner, measure: `subjects.${SUBJECT}`, ceilings: ceilings(`subjects.${SUBJECT}`), want: rows.granted },
      now,
    );
    accounts.giveBack({ owner, measure: 'rows', windows: [], amount: rows.granted - people.granted, at: rows.at });
    got.year += people.granted;
    if (hour < 24) got.day += people.granted;
    if (hour < 30 * 24) got.month += people.granted;
  }
  return got;
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? 0;
}

function amountText(limit: string, amount: number): string {
  return limit.startsWith('bytes') ? `${Math.round(amount / 1024)} kB` : grouped(Math.round(amount));
}

function grouped(amount: number): string {
  return amount.toLocaleString('en-US');
}
