/** Principals: the list, and one: what it may, what it used of that, and what it did. */
import { z } from 'zod';
import { amountsOfStep, clientSeen, peopleShown, statementTaken } from './breach.ts';
import { decisionRow } from './decisions.ts';
import { limit, lock } from './now.ts';
import { count, instant, name, part, rule, time } from './values.ts';

/** GET /api/principals. Those of the policies, and those that the log alone knows (`role` absent). */
export const principalsList = z.object({
  principals: z.array(
    z.object({
      name,
      role: z.string().optional(),
      mode: z.enum(['enforce', 'observe']).optional(),
      /** Why it cannot log in. */
      disabled: z.string().optional(),
    }),
  ),
  /** `log report principals` of the last seven days. */
  done: part(
    z.array(
      z.object({
        principal: name,
        roles: z.array(z.string()),
        logins: count,
        lastLogin: instant.optional(),
        statements: count,
        refused: count,
        rows: count,
        bytes: count,
        changed: count,
        people: count,
        newAddresses: z.array(z.string()),
        newTables: z.array(z.string()),
      }),
    ),
  ),
});

/** How a role sees a column. `used`: statements that read it; absent if the log does not tell. */
export const columnSeen = z.object({
  name: z.string(),
  form: z.enum(['plain', 'masked', 'withheld']),
  /** The mask, in SQL. */
  mask: z.string().optional(),
  rule: rule.optional(),
  used: count.optional(),
});

/** A table on which a role has a grant, or a table that is withheld as a whole. */
export const tableSeen = z.object({
  /** `public.students` */
  table: z.string(),
  columns: z.array(columnSeen),
  /** SQL of the row conditions: only rows that meet all of them. */
  rows: z.array(z.string()),
  /** `insert`, `update`, `delete` */
  writes: z.array(z.string()),
  rule: rule.optional(),
});

/** GET /api/principals/:name, and GET /api/principals/:name/access, …/history?days=30 for what takes longer. */
export const principalPage = z.object({
  name,
  /** Absent: the policies know it no more; the log may. */
  role: z.string().optional(),
  mode: z.enum(['enforce', 'observe']).optional(),
  disabled: z.string().optional(),
  attributes: z.record(z.string(), z.unknown()),
  /** By guard. */
  limits: z.array(
    z.object({
      guard: name,
      limits: part(
        z.object({
          limits: z.array(limit),
          /** Of one statement. */
          statement: z.record(z.string(), count),
          locked: z.object({ until: time.optional(), reason: z.string() }).optional(),
        }),
      ),
    }),
  ),
  locks: z.array(lock.extend({ guard: name })),
});

export const principalAccess = z.object({
  /** Either: everything is let through, and nothing below is held against it. */
  unrestricted: z.boolean(),
  observed: z.boolean(),
  tables: z.array(tableSeen),
  /** Grants of its role that nothing used. `standing`: delete, keep, new, star, cannot tell, accepted; what may be deleted says `delete` alone. */
  unused: part(
    z.object({
      grants: z.array(
        z.object({
          rule,
          name: z.string(),
          command: z.string().optional(),
          columns: z.array(z.string()),
          standing: z.string(),
        }),
      ),
      /** Of the last 395 days, as `2026-03`. */
      monthsNotSeen: z.array(z.string()),
      gaps: z.array(z.string()),
    }),
  ),
});

const example = decisionRow.pick({ id: true, rule: true, command: true, statement: true });

export const principalHistory = z.object({
  since: instant,
  until: instant,
  statements: count,
  refused: count,
  rows: count,
  people: z.array(peopleShown),
  /** Milliseconds of a step. */
  step: count,
  timeline: z.array(amountsOfStep),
  /** Each with its newest decision, whose page says what would allow it. */
  refusals: z.array(
    z.object({ reason: z.string(), times: count, last: instant, late: z.boolean(), example: example.optional() }),
  ),
  clients: z.array(clientSeen.omit({ certificate: true })),
  /** By rows; at most 100. */
  shapes: z.array(statementTaken.omit({ changed: true })),
});
export type PrincipalAccess = z.output<typeof principalAccess>;
export type PrincipalsList = z.output<typeof principalsList>;
