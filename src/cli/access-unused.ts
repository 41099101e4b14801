/** `rowgate access --unused`: grants and functions that nothing has used, by the decision log; the lines to delete, where the log is long enough to say so. */
import { keptPolicy } from '../decision-log/policies/kept-policies.ts';
import { gapsOf } from '../decision-log/reports/coverage.ts';
import { type GrantUse, grantUse } from '../decision-log/reports/used-grants.ts';
import { roundedUp } from '../desk/learn/taken.ts';
import {
  findUnused,
  monthsNotSeen,
  seesWholeYear,
  type Unused,
  type UnusedVerdict,
  WHOLE_YEAR_DAYS,
} from '../desk/unused.ts';
import { CalendarDays } from '../metering/days.ts';
import { amountName } from '../policy/model/limits-in-force.ts';
import type { Policy } from '../policy/model/policy.ts';
import { shownTime } from '../policy/source/calendar.ts';
import { table } from './ask-guard.ts';
import { groundOf } from './ground.ts';
import { type IndexOptions, type LogCommandOptions, logSource, WrongCall, withRecords } from './log-source.ts';

interface UnusedOptions extends LogCommandOptions, IndexOptions {
  readonly catalog?: string;
}

/** A limit of one statement that is far above what any has taken. */
interface HighLimit {
  readonly role: string;
  readonly rule: string;
  readonly limit: 'rows_per_statement' | 'bytes_per_statement';
  readonly of: number;
  readonly most: number;
  /** The most that was used, and half of it. */
  readonly proposed: number;
}

export interface UnusedAnswer {
  /** ISO times of the first and last record. */
  readonly logBegins?: string;
  readonly logEnds?: string;
  readonly monthsNotSeen: readonly string[];
  /** Roles in observe mode at some time: what they did is evidence, but was held to nothing. */
  readonly observed: readonly string[];
  readonly withoutOutcome: number;
  readonly gaps: readonly string[];
  readonly unused: readonly Unused[];
  readonly limits: readonly HighLimit[];
  readonly timeZone: string;
}

const DAY_MS = 86_400_000;
/** A limit so many times the most that was used is far above it. */
const FAR_ABOVE = 4;

/** Undefined if nothing could be found out: the problem was printed, and the exit code is set. */
export async function unusedGrants(options: UnusedOptions): Promise<UnusedAnswer | undefined> {
  const log = logSource(options);
  const ground = log && (await groundOf(options, 'whole'));
  if (!ground) return undefined;
  const { policy, catalog, files } = ground;
  const { timeZone } = log;
  const days = new CalendarDays(timeZone);
  const now = Date.now();
  const since = now - WHOLE_YEAR_DAYS * DAY_MS;
  return withRecords(log, options, async (source) => {
    const use = await grantUse(source, since, timeZone);
    const { first, last } = use.coverage;
    if (first === undefined) throw new WrongCall('the log is empty: it says of nothing whether it was used');
    const keptFiles = (kept: string) => {
      const found = keptPolicy(log.policiesKept, kept);
      return 'problem' in found ? undefined : found;
    };
    const question = { policy, catalog, files, use, keptFiles, days, timeZone, now };
    return {
      logBegins: new Date(first).toISOString(),
      ...(last !== undefined && { logEnds: new Date(last).toISOString() }),
      monthsNotSeen: monthsNotSeen(question),
      observed: use.observed,
      withoutOutcome: use.unended,
      gaps: gapsOf(use.coverage),
      unused: findUnused(question),
      limits: seesWholeYear(question) ? highLimits(policy, use) : [],
      timeZone,
    };
  });
}

function highLimits(policy: Policy, use: GrantUse): HighLimit[] {
  return [...policy.roles.values()].flatMap(({ name: role, limits, rule }): HighLimit[] => {
    const { mostRows = 0, mostBytes = 0 } = use.roles.get(role) ?? {};
    const each = [
      { limit: 'rows_per_statement', of: limits.rowsPerStatement, most: mostRows },
      { limit: 'bytes_per_statement', of: limits.bytesPerStatement, most: mostBytes },
    ] as const;
    return each.flatMap(({ limit, of, most }) =>
      of !== undefined && most > 0 && of > FAR_ABOVE * most
        ? [{ role, rule, limit, of, most, proposed: roundedUp(most * 1.5) }]
        : [],
    );
  });
}

export function isFound({ unused }: UnusedAnswer): boolean {
  return unused.some(({ standing }) => standing !== 'accepted');
}

const WORDS: Readonly<Record<UnusedVerdict, string>> = {
  delete: 'delete',
  keep: 'not proposed',
  new: 'not proposed: newer than the time',
  star: 'not proposed: granted by *',
  'cannot tell': 'cannot tell: an operator or cast may call it, or a text was cut',
  accepted: 'accepted',
};

export function unusedInWords(answer: UnusedAnswer): string {
  const {
    logBegins,
    logEnds,
    monthsNotSeen: months,
    observed,
    withoutOutcome,
    gaps,
    unused,
    limits,
    timeZone,
  } = answer;
  const at = (time: string | undefined): string => (time === undefined ? '?' : shownTime(time, timeZone));
  const short = months.length > 0 || gaps.length > 0;
  const rows = unused.map((each) => [
    each.roles.join(', '),
    each.kind === 'function' ? 'function' : (each.command ?? ''),
    each.name,
    each.columns?.join(', ') ?? (each.kind === 'table' ? 'the table as a whole' : ''),
    each.rule,
    each.accepted ? `accepted until ${each.accepted.until}: ${each.accepted.reason}` : WORDS[each.standing],
  ]);
  const lines = [
    `by the log from ${at(logBegins)} to ${at(logEnds)}: ${unused.length} not used\n`,
    ...(months.length > 0
      ? [
          `Not seen of the last ${WHOLE_YEAR_DAYS} days: ${months.join(', ')}. What is used once a year may be among these.\n`,
        ]
      : []),
    ...gaps.map((gap) => `${gap}\n`),
    ...(short ? ['So nothing is proposed to be deleted.\n'] : []),
    ...(observed.length > 0 ? [`Observed, and held to nothing, at some time: ${observed.join(', ')}.\n`] : []),
    ...(withoutOutcome > 0 ? [`Without an outcome, and counted as use: ${withoutOutcome} statements.\n`] : []),
    ...(rows.length > 0 ? ['\n', table([['role', 'grant', 'on', 'columns', 'line', 'proposed'], ...rows])] : []),
    ...(limits.length > 0 ? ['\n'] : []),
    ...limits.map(({ role, limit, of, most, proposed }) => {
      const named = (amount: number): string => amountName(limit.startsWith('bytes') ? 'bytes' : 'rows', amount);
      return `${role}: ${limit} is ${named(of)}, and the most was ${named(most)}: ${named(proposed)} would do\n`;
    }),
  ];
  return lines.join('');
}
