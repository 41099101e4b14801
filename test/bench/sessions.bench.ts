/** What a thousand idle sessions take of memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IS_TRIAL } from './figures/knobs.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { openIdle } from './world/idle.ts';
import { memory } from './world/processes.ts';
import { type Database, makeDatabase } from './world/world.ts';

const SESSIONS = IS_TRIAL ? 50 : 1000;
/** The collector has come by then, where nothing happens. */
const SETTLED_MS = IS_TRIAL ? 1_000 : 15_000;
const ROLES = ['unrestricted', 'headline'];
/** V8 gives most of the young generation back where nothing happens, 32 MB of it, at a time of its own: it would count for sessions, or against them. */
const YOUNG = ['--min-semi-space-size=16'];

let database: Database;
const guards = new Map<string, ServedGuard>();

beforeAll(async () => {
  database = await makeDatabase(1);
  for (const role of ROLES) guards.set(role, await serve(database, { node: YOUNG }));
});

afterAll(async () => {
  await Promise.all([...guards.values()].map((guard) => guard.stop()));
  await database?.drop();
});

test('memory of idle sessions', async () => {
  const section = new Section('sessions', `${SESSIONS.toLocaleString('en')} sessions, once`);
  const rows: string[][] = [];
  for (const [role, guard] of guards) {
    const urls = Array.from({ length: SESSIONS }, () => guard.url(role));
    // The first ones make the process as large as work makes it.
    await (await openIdle(urls.slice(0, SESSIONS / 5))).close();
    const before = await settledMemory(guard.pid);
    const sessions = await openIdle(urls);
    const after = await settledMemory(guard.pid);
    await sessions.close();
    rows.push([
      role,
      section.figure(`the process before, ${role}`, 'MB', [before / 1e6]),
      section.figure(`the process with them, ${role}`, 'MB', [after / 1e6]),
      section.figure(`an idle session, ${role}`, 'kB', [(after - before) / SESSIONS / 1000], { atMost: 30 }),
    ]);
  }
  await section.write(`Resident memory of the guard before and after that many sessions have logged in and have run a statement each (by the extended protocol); the kernel's buffers are not in it. The young generation of V8
is kept from shrinking (\`--min-semi-space-size=16\`), which else is counted, 32 MB, where it has shrunk before and not behind.

${table(['role', 'before, MB', 'with them, MB', 'an idle session, kB'], rows)}`);
  expect(rows).toHaveLength(ROLES.length);
});

async function settledMemory(pid: number): Promise<number> {
  await sleep(SETTLED_MS);
  return memory(pid, 'VmRSS');
}
