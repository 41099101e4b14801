/** A breach: what one principal took in a time, and the document about it. For auditors and operators. */
import { z } from 'zod';
import { count, instant, language, moment, name } from './values.ts';

/** POST /api/breach, and POST /api/breach/report for the document. */
export const breachQuestion = z.strictObject({
  principal: name,
  user: name.optional(),
  since: moment,
  until: moment.optional(),
});
export const breachReportQuestion = breachQuestion.extend({
  format: z.enum(['html', 'json']),
  language: language.default('en'),
  /** Whether the log is whole, with hashes of its files. */
  verify: z.boolean().default(true),
  author: name.optional(),
  case: name.optional(),
});

/** Of one subject. */
export const peopleShown = z.object({
  subject: z.string(),
  /** Different people, by the key of their ids. */
  named: z.array(z.object({ key: z.string(), people: count })),
  /** Each as often as shown, where the log keeps no ids. */
  counted: count,
  questions: count,
  values: count,
});

const read = z.object({ name: z.string(), statements: count, rows: count, bytes: count, changed: count });

/** A statement without its literals, and what was taken by it. */
export const statementTaken = read.extend({
  fingerprint: z.string(),
  refused: count,
  people: count,
  first: instant,
  last: instant,
});

/** `at`: as the clock on the wall showed it. */
export const amountsOfStep = z.object({
  at: instant,
  statements: count,
  refused: count,
  rows: count,
  bytes: count,
  people: count,
});

export const clientSeen = z.object({
  address: z.string(),
  application: z.string(),
  certificate: z.string().optional(),
  sessions: count,
  statements: count,
  rows: count,
  first: instant,
  last: instant,
});

export const breachFound = z.object({
  coverage: z.object({
    first: instant.optional(),
    last: instant.optional(),
    missing: count,
    beginLate: z.array(z.string()),
  }),
  totals: z.object({
    statements: count,
    refused: count,
    stopped: count,
    observed: count,
    rows: count,
    bytes: count,
    changed: count,
    unended: count,
    undecided: count,
    first: instant.optional(),
    last: instant.optional(),
    users: z.array(z.string()),
    roles: z.array(z.string()),
    databases: z.array(z.string()),
  }),
  people: z.array(peopleShown),
  tables: z.array(read),
  columns: z.array(read),
  statements: z.array(statementTaken),
  shapes: count,
  step: count,
  timeline: z.array(amountsOfStep),
  clients: z.array(clientSeen),
  refusals: z.array(z.object({ reason: z.string(), late: z.boolean(), times: count, last: instant })),
  events: z.array(
    z.object({ at: instant, kind: z.string(), what: z.string(), by: z.string().optional(), times: count }),
  ),
});
