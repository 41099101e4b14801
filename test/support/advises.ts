/** Whether a refusal tells its reader what to do. */
import type { Refusal } from '../../src/core/refusal.ts';

/** What is no name, no form or no value of PostgreSQL's: it says so in PostgreSQL's own words, which say enough. */
const POSTGRESQL = /permission denied|restricted roles|not supported|the role|cannot be (?:set|judged)|too complex/;

/** Where the message says it itself. */
const ADVISES = /: (?:write|name|read|compute|give|run|group) | takes /;

export function advises({ hint, message }: Refusal): boolean {
  return hint !== undefined || ADVISES.test(message) || !POSTGRESQL.test(message);
}
