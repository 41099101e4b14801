/** Throughput as sessions, tables, roles and statements grow. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { interleave, ratios } from './figures/interleave.ts';
import { IS_TRIAL } from './figures/knobs.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { scratchFolder } from './world/folder.ts';
import { type GuardOptions, type ServedGuard, serve } from './world/guard.ts';
import { openIdle } from './world/idle.ts';
import { type Load, pgbench, warmUp } from './world/pgbench.ts';
import { grantMany, manyRoles, manyTables } from './world/policy-size.ts';
import { type Place, pgbouncer } from './world/proxies.ts';
import { type Database, makeDatabase } from './world/world.ts';

const IDLE = IS_TRIAL ? 50 : 1000;
const TABLES = [10, 1000] as const;
const ROLES = [2, 200] as const;
const KEYS = [1, 100, 1000];
const LOAD: Load = { clients: 8, mode: 'simple' };

const folder = scratchFolder();
const section = new Section('growth');
const rows: string[][] = [];
const sizes: string[][] = [];
/** In the order in which they end. */
const running: (() => Promise<unknown>)[] = [];

afterAll(stopAll);

test('idle sessions', async () => {
  const database = await makeRunning(1);
  const [few, many] = [await serveRunning(database), await serveRunning(database)];
  await idle([few.url('headline')]);
  await idle(Array.from({ length: IDLE }, () => many.url('headline')));
  await compare(`1 → ${IDLE} idle sessions`, few, many);
});

test('tables in the policy', async () => {
  const guards: ServedGuard[] = [];
  for (const count of TABLES) {
    const database = await makeRunning(1, manyTables(count));
    guards.push(await serveRunning(database, { prepare: grantMany(count) }));
  }
  await compare(`${TABLES[0]} → ${TABLES[1]} tables in database and policy`, guards[0]!, guards[1]!);
});

test('roles', async () => {
  const database = await makeRunning(1);
  const guards: ServedGuard[] = [];
  for (const count of ROLES) {
    const guard = await serveRunning(database, { prepare: manyRoles(count) });
    await idle(Array.from({ length: count }, (_, i) => guard.url(`role_${i}`)));
    guards.push(guard);
  }
  await compare(`${ROLES[0]} → ${ROLES[1]} roles, each with a session`, guards[0]!, guards[1]!, 'role_1');
});

test('statement size, and the page', async () => {
  expect(rows).toHaveLength(3);
  const database = await makeRunning(1);
  const proxy = await pgbouncer()?.(database);
  if (proxy) running.unshift(() => proxy.stop());
  const guard = await serveRunning(database);
  const headline = { name: 'headline', url: guard.url('headline') };
  const places: Place[] = [{ name: 'direct', url: database.account.url }, ...(proxy ? [proxy] : []), headline];
  await warmUp(...places.map(({ url }) => url));
  for (const keys of KEYS) {
    const text = statement(keys);
    const file = join(folder(), `${keys}.sql`);
    await writeFile(file, `\\set aid random(1, 100000)\n${text}\n`);
    const figures = await interleave(places, ({ url }) => tps(url, { ...LOAD, script: { files: [file] } }));
    const ratio = (of: string, to: string) =>
      section.figure(`${of} to ${to}, ${keys} keys`, 'ratio', ratios(figures.get(of), figures.get(to)));
    sizes.push([
      String(keys),
      String(text.length),
      section.figure(`direct, ${keys} keys`, 'tps', figures.get('direct')),
      ratio('PgBouncer', 'direct'),
      ratio('headline', 'PgBouncer'),
    ]);
  }
  await section.write(`pgbench -S, 8 clients, the simple protocol, the headline role. Few and many are two guards that run at the same time, each with a database's tables, roles or idle sessions of its own.
Transactions a second.

${table(['growth', 'few', 'many', 'many to few'], rows)}

Statements of many keys (\`… WHERE aid IN (…)\`), of which one differs each time:

${table(['keys', 'bytes', 'direct', 'PgBouncer to direct', 'headline to PgBouncer'], sizes)}`);
});

async function compare(what: string, few: ServedGuard, many: ServedGuard, principal = 'headline'): Promise<void> {
  const places = Object.entries({ few, many }).map(([name, guard]) => ({ name, url: guard.url(principal) }));
  await warmUp(...places.map(({ url }) => url));
  const figures = await interleave(places, ({ url }) => tps(url, LOAD));
  rows.push([
    what,
    section.figure(`few, ${what}`, 'tps', figures.get('few')),
    section.figure(`many, ${what}`, 'tps', figures.get('many')),
    section.figure(what, 'ratio', ratios(figures.get('many'), figures.get('few')), { atLeast: 0.95 }),
  ]);
  await stopAll();
}

async function tps(url: string, load: Load): Promise<number> {
  return (await pgbench(url, load)).tps;
}

function statement(keys: number): string {
  const others = Array.from({ length: keys - 1 }, (_, i) => String(10_000 + i * 7));
  return `SELECT abalance FROM pgbench_accounts WHERE aid IN (${[':aid', ...others].join(', ')});`;
}

async function makeRunning(scale: number, prepare?: string): Promise<Database> {
  const database = await makeDatabase(scale, prepare);
  running.unshift(() => database.drop());
  return database;
}

async function serveRunning(database: Database, options?: GuardOptions): Promise<ServedGuard> {
  const guard = await serve(database, options);
  running.unshift(() => guard.stop());
  return guard;
}

async function idle(urls: readonly string[]): Promise<void> {
  const sessions = await openIdle(urls);
  running.unshift(() => sessions.close());
}

async function stopAll(): Promise<void> {
  for (const stop of running.splice(0)) await stop();
}
