/** Values that all pages' answers are made of. Pure: the browser reads this folder too. */
import { z } from 'zod';

// Before any schema is made: in a browser, one that compiles itself breaks the pages' policy of content.
if ('document' in globalThis) z.config({ jitless: true });

/** ISO 8601, UTC. */
export const time = z.string();
/** Milliseconds since the epoch. */
export const instant = z.number();
export const count = z.number();

/** A problem, as an answer of its own or instead of a part of one. `code` selects the words of a page, `message` is the command's English message. */
export const problem = z.object({
  code: z.enum([
    'call', // 400: the request is not one of these
    'signed-out', // 401
    'forbidden', // 403: the role may not, or the CSRF token is not the session's
    'unknown', // 404: no such page, decision, principal or guard
    'refused', // 409: the guard refuses, or there is nothing of that
    'too-large', // 413
    'too-many', // 429
    'failed', // 500
    'guard-gone', // 502: no guard answers at its control socket
    'log-unreadable', // 503: encrypted without its key, damaged, or not there
    'too-slow', // 504: it took longer than is waited for
  ]),
  message: z.string(),
  hint: z.string().optional(),
});
export type Problem = z.output<typeof problem>;

/** The body of each error answer. */
export const failure = z.object({ error: problem });

/** A part of a page that may fail while the rest is there. */
export function part<T extends z.ZodType>(value: T) {
  return z.union([z.object({ ok: z.literal(true), value }), z.object({ ok: z.literal(false), problem })]);
}
export type Part<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

export const language = z.enum(['en', 'fr']);
/** A moment as the commands read it: `2026-11-25`, `2026-11-25T14:30`, `2h`, `yesterday`, or an ISO time. */
export const moment = z.string().trim().min(1).max(40);
export const name = z.string().min(1).max(500);
export const rule = z.string(); // `roles/teacher.yaml:31`
