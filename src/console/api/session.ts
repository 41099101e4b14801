/** Who is logged in, and as what. */
import { z } from 'zod';
import { name, time } from './values.ts';

/** Each may what the ones before it may: look at what goes on; read the log of people and breaches; act. */
export const ROLES = ['viewer', 'auditor', 'operator'] as const;
export const consoleRole = z.enum(ROLES);
export type ConsoleRole = z.output<typeof consoleRole>;

/** GET /api/session. Answered without a session too, then without `session`. */
export const sessionInfo = z.object({
  version: z.string(),
  /** How one logs in here: by the link that the console has printed, or at GET /login/oidc. */
  login: z.array(z.enum(['link', 'oidc'])),
  session: z
    .object({
      name: z.string(),
      role: consoleRole,
      /** To be sent as `X-Rowgate-Csrf` with each POST. */
      csrf: z.string(),
      /** It ends then, and earlier where nothing is asked for long. */
      until: time,
      guards: z.array(name),
      /** The guard's, of all times that people read or write. */
      timeZone: z.string(),
    })
    .optional(),
});
export type SessionInfo = z.output<typeof sessionInfo>;
