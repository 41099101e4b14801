/** The schema of `limits` and of `during`, `throttle`, `lock` and `limits_per_user`. */
import { z } from 'zod';
import {
  type During,
  type Limits,
  type Lock,
  perStatementLimit,
  STATEMENT_LIMITS,
  type StatementLimitName,
  type Throttle,
} from '../model/limits.ts';
import {
  FORMS,
  LIMIT_EFFECTS,
  readBytes,
  readDate,
  readDuration,
  readHours,
  readLockAfter,
  readRate,
  readWindowLimit,
  WEEKDAYS,
} from '../source/quantity.ts';
import { mapping, name, oneOrList, written } from './schema-values.ts';

const count = z.int().min(0);
const window = written(FORMS.window, (text) => readWindowLimit(text, false));
const byteWindow = written(FORMS.byteWindow, (text) => readWindowLimit(text, true));
const date = written(FORMS.date, readDate);

/** Must have every key of STATEMENT_LIMITS to compile. */
const statementLimits = {
  rows_per_statement: count.optional().describe('Rows that one statement may return, or COPY send out.'),
  bytes_per_statement: written(FORMS.bytes, readBytes)
    .optional()
    .describe('Bytes of rows that one statement may return, or copy either way, as `1 MB`.'),
  changed_per_statement: count
    .optional()
    .describe(
      'Rows that one statement may insert, update or delete, or COPY bring in; above it, the statement is undone.',
    ),
  estimated_rows: count
    .optional()
    .describe('Refuse a statement before it runs when the planner expects more rows than this.'),
} satisfies Record<StatementLimitName, z.ZodType<number | undefined>>;

const limitMapping = mapping({
  ...statementLimits,
  rows: oneOrList(window)
    .optional()
    .describe('Rows in a window of time: `2000 per hour`. An effect may follow: `warn`, `throttle`, `deny` or `lock`.'),
  bytes: oneOrList(byteWindow).optional().describe('Bytes of rows in a window of time: `20 MB per hour`.'),
  statements: oneOrList(window).optional().describe('Statements in a window of time: `600 per minute`.'),
  changed: oneOrList(window).optional().describe('Rows inserted, updated or deleted in a window of time.'),
  subjects: z
    .record(name, oneOrList(window))
    .optional()
    .describe(
      'By subject: distinct people in a window of time, as `{ student: [250 per day warn, 300 per day] }`; answers that name no one count as well, unless `answers` refuses those.',
    ),
  answers: z
    .record(name, oneOrList(window))
    .optional()
    .describe(
      'By subject: answers about people that name no one, as counts, in a window of time, as `{ student: 500 per day }`.',
    ),
  connections: count.optional().describe('Connections at the same time.'),
  statement_timeout: written(FORMS.duration, readDuration)
    .optional()
    .describe(
      'The longest that a statement may run, as `5 s`. PostgreSQL does not hold COMMIT to it: the guard does, later (decisions.md).',
    ),
});

/** A mapping with at least one limit, as in `during` and in principals. */
export const limits = limitMapping
  .refine((value) => Object.keys(value).length > 0, { error: 'expected at least one limit' })
  .transform(toLimits);

/** `limits` of a role: to have none, it must say `none`. */
export const roleLimits = z
  .union([z.literal('none').transform((): Limits => ({})), limits], {
    error: (issue) =>
      issue.input === undefined
        ? '"limits" is missing; write "limits: none" where there are none'
        : 'expected limits, or "none" to say that there are none',
  })
  .describe('How much the role may take, by principal, over all of its connections. `none` says that there are none.');

export const limitsPerUser = limits.describe(
  'Limits over time of each person behind a token, beside those of the principal: `rows`, `bytes`, `statements`, `changed`, `subjects`, `answers`.',
);

export const whenExceeded = z
  .enum(LIMIT_EFFECTS as [string, ...string[]])
  .transform((word) => LIMIT_EFFECTS.find((effect) => effect === word) ?? 'deny')
  .describe('What a limit does that does not say it: `deny` (the default), `warn`, `throttle` or `lock`.');

const duringMapping = mapping({
  from: date.optional().describe('First day, in the guard’s time zone.'),
  until: date.optional().describe('Last day, included.'),
  days: z
    .array(z.enum(WEEKDAYS as [string, ...string[]]))
    .min(1)
    .optional()
    .describe('Days of the week: `[sat, sun]`.'),
  hours: written(FORMS.hours, readHours)
    .optional()
    .describe('Hours of the day, `20:00-06:00`; they may pass midnight.'),
  limits: limits.describe('The limits that hold meanwhile; those not named here stay as they are.'),
});

export const during = z
  .array(
    duringMapping
      .refine((value) => Object.keys(value).length > 1, {
        error: 'expected from, until, days or hours beside the limits',
      })
      .refine((value) => value.from === undefined || value.until === undefined || value.from <= value.until, {
        error: '"until" lies before "from"',
      })
      .transform(toDuring),
  )
  .describe('Times in which other limits hold.');

export const throttle = mapping({
  rows: written(FORMS.rate, (text) => readRate(text, false))
    .optional()
    .describe('Rows a second: `200 per second`.'),
  bytes: written(FORMS.byteRate, (text) => readRate(text, true))
    .optional()
    .describe('Bytes a second: `1 MB per second`.'),
})
  .transform(
    (value): Throttle => ({ ...(value.rows && { rows: value.rows }), ...(value.bytes && { bytes: value.bytes }) }),
  )
  .describe('How fast results flow while a limit with the effect `throttle` is exceeded.');

const forever = z.literal('until released').transform((): undefined => undefined);

export const lock = mapping({
  after: oneOrList(written(FORMS.lockAfter, readLockAfter)).describe(
    'Events that lock the principal: `5 overruns per 10 minutes`, `100 refusals per 10 minutes`, or a list.',
  ),
  for: z
    .union([forever, written(FORMS.duration, readDuration)])
    .describe('A duration, as `30 minutes`, or `until released`.'),
})
  .transform((value): Lock => ({ after: value.after, duration: value.for }))
  .describe('When the principal is locked: its sessions end and its logins are refused.');

function toLimits(value: z.output<typeof limitMapping>): Limits {
  const { rows, bytes, statements, changed, connections } = value;
  return {
    ...perStatementLimit((key) => value[STATEMENT_LIMITS[key]]),
    ...(rows && { rows }),
    ...(bytes && { bytes }),
    ...(statements && { statements }),
    ...(changed && { changed }),
    ...(value.subjects && { subjects: new Map(Object.entries(value.subjects)) }),
    ...(value.answers && { answers: new Map(Object.entries(value.answers)) }),
    ...(connections !== undefined && { connections }),
    ...(value.statement_timeout !== undefined && { statementTimeout: value.statement_timeout }),
  };
}

function toDuring(value: z.output<typeof duringMapping>): During {
  const days = value.days && new Set(WEEKDAYS.filter((day) => value.days?.includes(day)));
  return {
    ...(value.from !== undefined && { from: value.from }),
    ...(value.until !== undefined && { until: value.until }),
    ...(days && { days }),
    ...(value.hours && { hours: value.hours }),
    limits: value.limits,
  };
}
