/** A whole guard as `rowgate serve` starts it, before its own database with the sample rows, and the sample policies without their budgets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import type { RunningGuard } from '../../src/app/keep-running.ts';
import { startGuard } from '../../src/app/run-guard.ts';
import { parseConfig } from '../../src/config/load.ts';
import { grantRows } from '../../src/demo/database.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';
import { seedSmall } from '../support/seed.ts';
import { type LogRecord, readLog } from './decision-log.ts';

/** The logins of the sample policies; all of them but the last are restricted. */
export const PRINCIPALS = ['teacher', 'office', 'canteen', 'statistics', 'dba'] as const;
export type PrincipalName = (typeof PRINCIPALS)[number];

export interface World {
  readonly database: FreshDatabase;
  readonly port: number;
  /** The guard's own account at the server. */
  readonly account: { readonly user: string; readonly password: string };
  /** Through the guard, as one of the sample policies' principals or of one's own. */
  url(principal: string, parameters?: string): string;
  /** The present records of the decision log. */
  log(): Promise<LogRecord[]>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  /** Runs in the seeded database, as the superuser, before the guard reads its catalog. */
  readonly prepare?: (database: FreshDatabase) => Promise<void>;
  /** Changes the copy of the sample policies. */
  readonly policies?: (folder: string) => Promise<void>;
  /** `tls:` of rowgate.yaml. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly required: boolean };
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const database = await freshDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-clients-'));
  let guard: RunningGuard | undefined;
  const stop = async (): Promise<void> => {
    await guard?.stop();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await seedSmall(database.url);
    await options.prepare?.(database);
    const account = await database.createLogin();
    await grantRows(database.url, account.user);
    await samplesWithoutBudgets(join(folder, 'policies'));
    await options.policies?.(join(folder, 'policies'));
    guard = await startGuard(configOf(folder, account.url, options), pino({ level: 'silent' }));
    const { port } = guard.address;
    return {
      database,
      port,
      account,
      url: (principal, parameters) =>
        `postgres://${principal}:demo-${principal}@127.0.0.1:${port}/${database.name}${parameters ? `?${parameters}` : ''}`,
      log: async () => {
        // An outcome is written a moment after its client has the answer.
        await sleep(20);
        return await readLog(join(folder, 'decisions.jsonl'));
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configOf(folder: string, upstream: string, { tls }: WorldOptions) {
  const text = JSON.stringify({
    listen: '127.0.0.1:0',
    upstream: { url: upstream, tls: { mode: 'disable' } },
    time_zone: 'Europe/Paris',
    ...(tls && { tls }),
  });
  const { config, problems } = parseConfig(join(folder, 'rowgate.yaml'), text, {});
  if (!config) throw new Error(JSON.stringify(problems));
  return config;
}
