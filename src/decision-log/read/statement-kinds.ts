/** Which decisions without an outcome leave something open. */
import { QUIET_COMMANDS } from '../writer/quiet-commands.ts';
import { literal } from './duckdb.ts';

/** In SQL: whether a statement of that command can take something, so that a missing outcome is one that nobody knows. */
export function takesSomething(command: string): string {
  return `coalesce(${command}, '') NOT IN (${[...QUIET_COMMANDS].map(literal).join(', ')})`;
}
