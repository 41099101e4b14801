/** Takes a driver's steps in this process, for those of Node.js, and gives a line of JSON for each, as the other languages' programs print them. */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { Environment } from '../driver.ts';
import type { STEPS } from '../steps.ts';

/** A step that the driver does not have. */
export class Lacks {
  constructor(readonly why: string) {}
}

export type StepFunctions = Readonly<Record<keyof typeof STEPS, () => Promise<unknown>>> &
  Readonly<Record<string, () => Promise<unknown>>>;

/** In the order of the object's keys. An error ends one step, not those after it. */
export async function takeAll(steps: StepFunctions): Promise<string> {
  const lines: string[] = [];
  for (const [step, work] of Object.entries(steps)) {
    let outcome: object;
    try {
      const result = await work();
      outcome = result instanceof Lacks ? { lacks: result.why } : { result };
    } catch (error) {
      outcome = { failed: String(error) };
    }
    lines.push(JSON.stringify({ step, ...outcome }));
  }
  return lines.join('\n');
}

/** One connection of node-postgres. */
export function clientFor(env: Environment): pg.Client {
  const { PGSSLROOTCERT: ca } = env;
  return new pg.Client({
    host: env.PGHOST!,
    port: Number(env.PGPORT),
    user: env.PGUSER!,
    password: env.PGPASSWORD!,
    database: env.PGDATABASE!,
    ssl: ca !== undefined && { ca: readFileSync(ca), rejectUnauthorized: true },
  });
}

/** The driver's own form of a value: its class shows. */
export function form(value: unknown): string {
  if (value instanceof Date) return `Date ${value.toISOString()}`;
  if (Buffer.isBuffer(value)) return `Buffer ${value.toString('hex')}`;
  return `${value?.constructor.name} ${JSON.stringify(value)}`;
}

/** The server's error, also where a library has wrapped it. */
export function told(error: unknown): { sqlstate: string | undefined; message: string } {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (!(cause instanceof pg.DatabaseError)) throw error;
  return { sqlstate: cause.code, message: cause.message };
}

/** The error of a statement that must fail. */
export async function failure(statement: Promise<unknown>): Promise<ReturnType<typeof told>> {
  try {
    await statement;
  } catch (error) {
    return told(error);
  }
  throw new Error('the statement did not fail');
}
