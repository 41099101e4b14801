/** The decision log's records of SQLsmith's statements, in numbers. */

export type LogRecord = Readonly<Record<string, unknown>>;

export interface Made {
  readonly decision: LogRecord;
  readonly outcome: LogRecord | undefined;
}

/** Under this name SQLsmith connects to send what it makes up; it reads the catalogs on other connections. */
const UNDER_TEST = 'sqlsmith::dut';
const GENERATED: ReadonlySet<unknown> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/** The decisions about what it made up, in order. */
export function made(records: readonly LogRecord[]): Made[] {
  const outcomes = new Map(records.filter((r) => r.kind === 'outcome').map((r) => [r.id, r]));
  return records
    .filter((r) => r.kind === 'decision' && r.application === UNDER_TEST)
    .filter((r) => r.effect === 'refuse' || GENERATED.has(r.command))
    .map((decision) => ({ decision, outcome: outcomes.get(decision.id) }));
}

export function tally(values: readonly unknown[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== undefined) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
  return new Map([...counts].sort(([, a], [, b]) => b - a));
}

export const listed = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([what, n]) => `${what} ${n}`).join(', ') || 'none';

export const isAllowed = ({ decision }: Made): boolean => decision.effect !== 'refuse';

/** SQLSTATEs that the server gave to what was let through. */
export function failures(all: readonly Made[]): Map<string, number> {
  return tally(all.filter(isAllowed).map(({ outcome }) => outcome?.sqlstate));
}
