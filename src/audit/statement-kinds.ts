/** Statements that can show and change nothing: their decisions have an outcome only where it is not `ok`. */
const FREE = [
  'BEGIN',
  'START',
  'COMMIT',
  'END',
  'ROLLBACK',
  'ABORT',
  'SAVEPOINT',
  'RELEASE',
  'SET',
  'RESET',
  'DEALLOCATE',
  'CLOSE',
  'DISCARD',
];

/** In SQL: whether a statement of that command takes something, so that a missing outcome is one that nobody knows. */
export function takesSomething(command: string): string {
  return `split_part(coalesce(${command}, ''), ' ', 1) NOT IN (${FREE.map((word) => `'${word}'`).join(', ')})`;
}
