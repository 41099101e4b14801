/** The page *Now*: guards, rates, sessions, limits, and what is pending. */
import { z } from 'zod';
import { count, name, part, rule, time } from './values.ts';

export const openSession = z.object({
  guard: name,
  session: z.string(),
  principal: name,
  user: z.string().optional(),
  role: z.string(),
  client: z.string(),
  application: z.string(),
  activity: z.string(),
  /** Milliseconds for which its statement has run, or nothing was asked of it. */
  for: count,
  statements: count,
  refused: count,
  rows: count,
  command: z.string().optional(),
  /** Without literals. */
  statement: z.string().optional(),
});

export const limit = z.object({
  /** `rows 2000 per hour` */
  name: z.string(),
  used: count,
  of: count,
  effect: z.string(),
  rule,
  people: count.optional(),
  questions: count.optional(),
  values: count.optional(),
  stated: count.optional(),
  until: time.optional(),
});

export const lock = z.object({
  principal: name,
  user: z.string().optional(),
  since: time,
  until: time.optional(),
  reason: z.string(),
  by: z.string(),
});

const signed = {
  id: z.string(),
  until: time,
  reason: z.string(),
  requestedBy: z.string(),
  approvedBy: z.array(z.string()),
  state: z.string(),
  /** What approvers sign; absent if no signature is needed. */
  text: z.string().optional(),
};
/** `state`: requested, in force, over, revoked, void. */
export const raise = z.object({ ...signed, of: z.string(), limit: z.string(), needed: count });
/** `state`: requested, approved, in force, over, revoked, void. */
export const permit = z.object({
  ...signed,
  principal: name,
  tables: z.array(z.string()),
  rows: count,
  used: count,
  from: time,
});
/** `state`: requested, open, over, closed, void. */
export const opening = z.object({
  ...signed,
  principal: name,
  role: z.string(),
  usedBy: z.string(),
  requestedAt: time,
  needed: count,
});

/** A role that is only observed for a time. `state`: requested, in force, over, ended, void. */
export const observation = z.object({ ...signed, role: z.string(), needed: count });

/** The state of one guard; `problem` instead if it does not answer. */
export const guardNow = z.object({
  sessions: z.array(openSession),
  /** Workers that did not answer. */
  silent: count,
  locks: z.array(lock),
  raises: z.array(raise),
  permits: z.array(permit),
  openings: z.array(opening),
  observations: z.array(observation),
});

/** A limit on people, nearest to its end first. */
export const nearest = z.object({ guard: name, principal: name, name: z.string(), used: count, of: count });

/** What the log says of one role in one step. */
export const rate = z.object({ role: z.string(), statements: count, rows: count, refused: count });

/** GET /api/now, and each `now` event of GET /api/now/stream. */
export const now = z.object({
  time,
  guards: z.array(z.object({ name, now: part(guardNow), log: part(z.object({ last: time.optional() })) })),
  /** At most 200. */
  nearest: z.array(nearest),
  rates: z.object({
    /** Seconds of a step; the first begins at `from`, and each begins where the one before ends. */
    step: count,
    from: time,
    /** Not before: what came earlier in the hour is not counted, as it was in files closed too long ago. */
    since: time,
    steps: z.array(z.array(rate)),
  }),
});
export type Now = z.output<typeof now>;
