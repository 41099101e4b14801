/** Statements that can show and change nothing. A decision about one has an outcome only if that is not `ok`. */

export const QUIET_COMMANDS: ReadonlySet<string> = new Set([
  'BEGIN',
  'START TRANSACTION',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT',
  'RELEASE',
  'SET',
  'RESET',
  'DEALLOCATE',
  'CLOSE CURSOR',
  'DISCARD',
  'DISCARD ALL',
]);
