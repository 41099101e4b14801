/** Decisions: live, searched, and one with all its details. */
import { z } from 'zod';
import { count, moment, name, part, rule, time } from './values.ts';

export const EFFECTS = ['allow', 'rewrite', 'refuse', 'throttle', 'lock'] as const;
export const effect = z.enum(EFFECTS);

export const decisionRow = z.object({
  id: z.string(),
  time,
  guard: z.string(),
  session: z.string().optional(),
  principal: z.string(),
  user: z.string().optional(),
  role: z.string().optional(),
  client: z.string().optional(),
  application: z.string().optional(),
  command: z.string().optional(),
  /** As the log keeps it: without literals, or cut. May be what an attacker wrote. */
  statement: z.string().optional(),
  effect: z.string(),
  /** In observe mode: the effect that it would have had. */
  would: z.string().optional(),
  reason: z.string().optional(),
  rule: rule.optional(),
  tables: z.array(z.string()).optional(),
  columns: z.array(z.string()).optional(),
  limit: z.object({ name: z.string(), used: count, of: count }).optional(),
  /** From its outcome; absent if that has not come. */
  status: z.string().optional(),
  rows: count.optional(),
  bytes: count.optional(),
  changed: count.optional(),
  ms: count.optional(),
  sqlstate: z.string().optional(),
  people: z.record(z.string(), count).optional(),
});
export type DecisionRow = z.output<typeof decisionRow>;

/**
 * GET /api/now/stream?principal=&role=&effect= (server-sent events): `now` events as GET /api/now, each two seconds, and `decisions` events as this, twice a
 * second at most. What does not fit into an event is left out, and counted.
 */
export const decisionsEvent = z.object({ decisions: z.array(decisionRow).max(100), dropped: count });
export type DecisionsEvent = z.output<typeof decisionsEvent>;
export const streamFilter = z.object({ principal: name.optional(), role: name.optional(), effect: effect.optional() });

/** POST /api/decisions. By POST: a text or a user may be the name of a person. */
export const decisionsQuestion = z.strictObject({
  principal: name.optional(),
  user: name.optional(),
  role: name.optional(),
  table: name.optional(),
  column: name.optional(),
  effect: effect.optional(),
  reason: name.optional(),
  text: name.optional(),
  since: moment.optional(),
  until: moment.optional(),
  limit: z.int().min(1).max(1000).default(200),
});
/** The newest first. */
export const decisionsFound = z.object({ decisions: z.array(decisionRow) });

/** Lines of a policy file, with the one that decided. */
export const ruleLines = z.object({ file: z.string(), line: count, first: count, lines: z.array(z.string()) });

/** GET /api/decisions/:id */
export const decisionPage = z.object({
  decision: decisionRow,
  /** The same statement judged again by the policy of then; with what would be sent, why, and what to grant. */
  explained: part(
    z.object({
      effect: z.string(),
      would: z.string().nullable(),
      reason: z.string().nullable(),
      rule: rule.nullable(),
      message: z.string().nullable(),
      hint: z.string().nullable(),
      /** What the server was sent; null where nothing was. */
      sql: z.string().nullable(),
      advice: z.object({ text: z.string(), snippet: z.string().optional() }).nullable(),
      /** False: judged otherwise than then, as values that the log leaves out, a limit or a token decided. */
      same: z.boolean(),
    }),
  ),
  rule: part(ruleLines),
  /** Decisions of the same session before and after it, in order, including itself. */
  neighbours: z.array(decisionRow),
});
export type DecisionPage = z.output<typeof decisionPage>;
