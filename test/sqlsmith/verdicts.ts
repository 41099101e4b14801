/** Judges statements through a session of the guard, and asks a server that holds only what the role may see. */
import type pg from 'pg';
import type { Refusal } from '../../src/core/refusal.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import type { Seen } from './seen.ts';

export interface Verdict {
  readonly sql: string;
  /** The server accepts it from an account with just these privileges: SQLsmith makes up statements that no server does. */
  readonly valid: boolean;
  readonly refusal: Refusal | undefined;
  /** SQLSTATE that EXPLAIN of it came to by way of the guard. */
  readonly explained: string | undefined;
}

/** `client`: of a session through the guard; what it does is undone. */
export async function verdictsOn(
  statements: readonly string[],
  { judge }: SessionPolicy,
  seen: Seen,
  client: pg.Client,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const sql of statements) {
    const { refusal } = judge(sql, []);
    const valid = await seen.takes(sql);
    const explained = await undone(client, `EXPLAIN ${sql}`);
    verdicts.push({ sql, valid, refusal, explained });
    // For what the session may meet on its way back.
    await undone(client, sql);
  }
  return verdicts;
}

/** The SQLSTATE, where it fails. */
async function undone(client: pg.Client, sql: string): Promise<string | undefined> {
  await client.query('BEGIN');
  try {
    await client.query({ text: sql, rowMode: 'array' });
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    await client.query('ROLLBACK');
  }
}

/** Valid, let through, and yet no statement to the server: the guard broke it. A refused row (42501) shows only when it runs. */
export function isBroken({ valid, refusal, explained }: Verdict): boolean {
  return valid && !refusal && /^(?:42(?!501)|XX)/.test(explained ?? '');
}
