/** A whole guard in front of a test's database, as `rowgate serve` starts it: configuration file, policies, listener, decision log. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import pino from 'pino';
import { startGuard } from '../../src/app/run-guard.ts';
import { formatProblem } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { grantRows } from '../../src/demo/database.ts';
import type { ReloadReport } from '../../src/server/reload.ts';
import { recordsOf } from './decision-log.ts';
import type { FreshDatabase } from './postgres.ts';
import { samplesWithoutBudgets } from './sample-policies.ts';

export interface GuardOptions {
  /** A policies folder; absent: the samples without their budgets, with passwords of "demo-" and the principal's name. */
  readonly policies?: string;
  /** Further lines of `rowgate.yaml`. */
  readonly configuration?: string;
  /** Further keys of its `log`. */
  readonly logging?: string;
  /** The mapping `upstream` of `rowgate.yaml`, made from the account's connection string; absent: that string as `url` alone. */
  readonly upstream?: (accountUrl: string) => string | Promise<string>;
  /** For operators; absent: to nowhere. */
  readonly log?: pino.Logger;
}

export interface TestGuard {
  readonly port: number;
  /** Of /metrics and the other paths; 0 where the configuration has no `admin`. */
  readonly adminPort: number;
  /** Where its `rowgate.yaml` lies: for commands beside it. */
  readonly configFile: string;
  url(principal: string, password?: string): string;
  /** A new connected client; ended by `stop` where the test has not done it. */
  connect(principal: string, password?: string): Promise<pg.Client>;
  /** As SIGHUP does: what could not be taken up, and what else was seen. */
  reload(): Promise<ReloadReport>;
  /** The decision log so far. */
  records(): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** Configuration of a guard by which what comes the second time runs by a plan. */
export const REUSING = 'plans: { reuse: on, after: 1 }';

/** The guard's account may read and write the rows of `public`, and owns nothing. Call `stop` before the database is dropped. */
export async function guardInFrontOf(
  database: Pick<FreshDatabase, 'name' | 'url' | 'createLogin'>,
  options: GuardOptions = {},
): Promise<TestGuard> {
  const account = await database.createLogin();
  await grantRows(database.url, account.user);
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-guard-'));
  const configFile = join(folder, 'rowgate.yaml');
  const policies = options.policies ?? join(folder, 'policies');
  if (options.policies === undefined) await samplesWithoutBudgets(policies);
  const upstream = (await options.upstream?.(account.url)) ?? `{ url: "${account.url}" }`;
  await writeFile(
    configFile,
    `name: test
listen: 127.0.0.1:0
upstream: ${upstream}
policies: ${JSON.stringify(policies)}
log: { file: ./decisions.jsonl${options.logging === undefined ? '' : `, ${options.logging}`} }
time_zone: Europe/Paris
${options.configuration ?? ''}
`,
  );
  const { config, problems } = loadConfig(configFile, {});
  if (!config) throw new Error(problems.map(formatProblem).join('\n'));
  const guard = await startGuard(config, options.log ?? pino({ level: 'silent' })).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const { port } = guard.address;
  const clients: pg.Client[] = [];
  const url = (principal: string, password = `demo-${principal}`): string =>
    `postgres://${principal}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database.name}`;
  return {
    port,
    adminPort: guard.adminAddress?.port ?? 0,
    configFile,
    url,
    async connect(principal, password) {
      const client = new pg.Client({ connectionString: url(principal, password) });
      client.on('error', () => {}); // the guard ends what a test left open
      await client.connect();
      clients.push(client);
      return client;
    },
    reload: () => guard.reload(),
    async records() {
      // An outcome is written a moment after its client has the answer.
      await sleep(20);
      return recordsOf(await readFile(config.log.file, 'utf8'));
    },
    async stop() {
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
      await guard.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
