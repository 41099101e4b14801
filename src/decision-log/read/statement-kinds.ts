/** Which decisions without an outcome are open questions. */
import { QUIET_COMMANDS } from '../writer/quiet-commands.ts';
import { duckdbLiteral } from './duckdb.ts';

/** In SQL: whether a statement with that command can show or change something, so that a missing outcome matters. */
export function takesSomething(command: string): string {
  return `coalesce(${command}, '') NOT IN (${[...QUIET_COMMANDS].map(duckdbLiteral).join(', ')})`;
}
