/** A person: who saw this data subject. For auditors and operators. Asked by POST, so that the key is never in a URL. */
import { z } from 'zod';
import { count, language, moment, name, time } from './values.ts';

/** GET /api/subjects: the kinds of data subjects that the policies declare. */
export const subjects = z.object({
  subjects: z.array(name),
  /** False: the configuration names no key of subjects, and the log counts people alone. */
  hashed: z.boolean(),
});

/** POST /api/person, and POST /api/person/report for the document (text/html). */
export const personQuestion = z.strictObject({
  subject: name,
  key: z.string().min(1).max(1000),
  since: moment.optional(),
  until: moment.optional(),
  /** Accounts, end users and addresses. */
  withNames: z.boolean().default(false),
  language: language.default('en'),
});

const who = { principal: z.string().optional(), user: z.string().optional(), client: z.string().optional() };

export const personFound = z.object({
  subject: z.string(),
  key: z.string(),
  certainly: z.array(
    z.object({
      ...who,
      id: z.string(),
      time,
      what: z.enum(['shown', 'changed', 'asked']),
      role: z.string().optional(),
      command: z.string().optional(),
      statement: z.string().optional(),
      columns: z.array(z.string()),
      rows: count,
      changed: count,
    }),
  ),
  perhaps: z.array(
    z.object({
      ...who,
      doubt: z.enum([
        'unended',
        'undecided',
        'lost',
        'policy-unknown',
        'subject-undeclared',
        'unrestricted',
        'observed',
        'counted',
        'unnamed',
        'changed',
        'table-without-key',
      ]),
      role: z.string().optional(),
      tables: z.array(z.string()),
      statements: count,
      first: time,
      last: time,
    }),
  ),
  cannot_be_told: z.object({
    keys_missing: z.array(z.object({ name: z.string(), statements: count, first: time, last: time })),
    records_missing: count,
    begin_late: z.array(z.string()),
    lines_without_record: count,
    functions: z.array(z.string()),
  }),
});
