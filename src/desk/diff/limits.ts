/** What limits leave, before and after. */
import {
  type LimitEffect,
  type Limits,
  type OF_SUBJECTS,
  STATEMENT_LIMIT_KEYS,
  STATEMENT_LIMITS,
  type WindowLimit,
} from '../../policy/model/limits.ts';
import { amountName, windowName } from '../../policy/model/limits-in-force.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import { compareFields, less, more, type PolicyDifference } from './change.ts';

/** From what refuses nothing to what refuses for longest. */
const STRICTER: readonly LimitEffect[] = ['warn', 'throttle', 'deny', 'lock'];

type OfRole = Pick<RolePolicy, 'whenExceeded' | 'throttle'>;

/** @param roles a limit without an effect has that of its role. @param whose a prefix: `each end user: `. */
export function compareLimits(
  before: Limits = {},
  after: Limits = {},
  roles: readonly [OfRole, OfRole],
  whose = '',
): PolicyDifference[] {
  const lists =
    (measure: string, word: string) =>
    (one: readonly WindowLimit[] | undefined, other: readonly WindowLimit[] | undefined): PolicyDifference[] =>
      compareWindows(one ?? [], other ?? [], roles, { measure, word, whose });
  const most =
    (name: string, unit: (amount: number) => string = String) =>
    (one: number | undefined, other: number | undefined): PolicyDifference[] => [
      amountChange(one, other, `${whose}${name}`, unit),
    ];
  const bySubject =
    (key: (typeof OF_SUBJECTS)[number]) =>
    (one: Limits['subjects'], other: Limits['subjects']): PolicyDifference[] =>
      [...new Set([...(one?.keys() ?? []), ...(other?.keys() ?? [])])].flatMap((subject) => {
        const changes = lists(key, key === 'answers' ? `values of ${subject}` : subject)(
          one?.get(subject),
          other?.get(subject),
        );
        // An account of their own relieves that of people, which had paid for them.
        return key === 'answers' && !one?.has(subject) ? changes.map(({ words }) => more(words)) : changes;
      });
  const ofStatement = Object.fromEntries(
    STATEMENT_LIMIT_KEYS.map((key) => [
      key,
      most(STATEMENT_LIMITS[key], (n) => amountName(key === 'bytesPerStatement' ? 'bytes' : key, n)),
    ]),
  ) as Record<(typeof STATEMENT_LIMIT_KEYS)[number], ReturnType<typeof most>>;
  return compareFields(before, after, {
    ...ofStatement,
    rows: lists('rows', 'rows'),
    bytes: lists('bytes', ''),
    statements: lists('statements', 'statements'),
    changed: lists('changed', 'changed rows'),
    subjects: bySubject('subjects'),
    answers: bySubject('answers'),
    connections: most('connections'),
    statementTimeout: most('statement_timeout', (ms) => `${ms} ms`),
    rules: 'derived',
  });
}

/** A smaller amount gives less; so does a new limit. */
function amountChange(
  before: number | undefined,
  after: number | undefined,
  name: string,
  shown: (amount: number) => string,
): PolicyDifference {
  const text = (amount: number | undefined): string => (amount === undefined ? 'no limit' : shown(amount));
  const words = `${name}: ${text(after)} (${text(before)} before)`;
  const isLess = after !== undefined && (before === undefined || after <= before);
  return isLess ? less(words) : more(words);
}

interface Named {
  readonly measure: string;
  readonly word: string;
  readonly whose: string;
}

function compareWindows(
  before: readonly WindowLimit[],
  after: readonly WindowLimit[],
  [roleBefore, roleAfter]: readonly [OfRole, OfRole],
  { measure, word, whose }: Named,
): PolicyDifference[] {
  const olds = before.map((limit) => ({ ...limit, effect: effectOf(limit, roleBefore) }));
  const news = after.map((limit) => ({ ...limit, effect: effectOf(limit, roleAfter) }));
  const shown = ({ amount, window, effect }: WindowLimit): string =>
    `${[amountName(measure, amount), word].filter((part) => part !== '').join(' ')} ${windowName(window)} ${effect}`;
  const same = (a: WindowLimit, b: WindowLimit): boolean => shown(a) === shown(b);
  const [lost, added] = [olds, news].map((list, at) =>
    list.filter((one) => ![news, olds][at]!.some((other) => same(one, other))),
  ) as [WindowLimit[], WindowLimit[]];
  if (lost.length + added.length === 0) return [];
  const lists = (limits: readonly WindowLimit[]): string => (limits.length > 0 ? limits.map(shown).join(', ') : 'any');
  const words = `${whose}may take ${lists(news)} (${lists(olds)} before)`;
  // For each old limit there is a new one with the same window that allows no more and is no milder.
  const isHeld = (old: WindowLimit): boolean => news.some((limit) => holdsNoLess(limit, old));
  return [olds.every(isHeld) ? less(words) : more(words)];
}

function holdsNoLess(limit: WindowLimit, old: WindowLimit): boolean {
  const { count, unit } = limit.window;
  return (
    count === old.window.count &&
    unit === old.window.unit &&
    limit.amount <= old.amount &&
    STRICTER.indexOf(limit.effect!) >= STRICTER.indexOf(old.effect!)
  );
}

function effectOf({ effect }: WindowLimit, { whenExceeded, throttle }: OfRole): LimitEffect {
  const said = effect ?? whenExceeded ?? 'deny';
  return said === 'throttle' && !throttle ? 'deny' : said;
}
