/** Principals whose `valid_until` is near. */
import { localTime } from '../source/calendar.ts';
import type { Principal } from './policy.ts';

const DAY_MS = 86_400_000;
/** How many days before the end to warn. */
const WARNED_DAYS = 30;

export type EndingPrincipal = Pick<Principal, 'name' | 'rule'> & { readonly validUntil: number };

/** Those that may log in for at most 30 more days, the earliest end first. */
export function endingPrincipals(principals: Iterable<Principal>, now: number): EndingPrincipal[] {
  return [...principals]
    .flatMap(({ name, rule, validUntil }) => (validUntil === undefined ? [] : [{ name, rule, validUntil }]))
    .filter(({ validUntil }) => now <= validUntil && validUntil - now < WARNED_DAYS * DAY_MS)
    .sort((a, b) => a.validUntil - b.validUntil || (a.name < b.name ? -1 : 1));
}

/** `2027-07-31, 12 days from now` */
export function lastDayText({ validUntil }: EndingPrincipal, now: number, timeZone: string): string {
  const [last, today] = [localTime(validUntil, timeZone).date, localTime(now, timeZone).date];
  const days = Math.round((Date.parse(last) - Date.parse(today)) / DAY_MS);
  return `${last}, ${days === 0 ? 'today' : `${days} ${days === 1 ? 'day' : 'days'} from now`}`;
}
