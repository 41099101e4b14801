/** A million rows by SELECT and by COPY, and the most memory that the guard had of it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect } from 'vitest';
import { testWith, tool } from '../support/tools.ts';
import { interleave, ratios } from './figures/interleave.ts';
import { ROUNDS } from './figures/knobs.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { memory } from './world/processes.ts';
import type { Place } from './world/proxies.ts';
import { sentFor } from './world/sent.ts';
import { type Database, makeDatabase } from './world/world.ts';

const QUERY = 'SELECT aid, bid, abalance FROM pgbench_accounts';
const STATEMENTS = { SELECT: QUERY, COPY: `COPY (${QUERY}) TO STDOUT` };
const SENT = 'direct, as sent for restricted';
const ROLES = ['unrestricted', 'restricted', 'headline'] as const;
const MEGABYTE = 1e6;

const run = promisify(execFile);
const psql = tool('psql');
let database: Database;
const guards = new Map<string, ServedGuard>();
let places: Place[];

beforeAll(async () => {
  database = await makeDatabase();
  // One process each, so that each has a high-water mark of its own.
  for (const role of ROLES) guards.set(role, await serve(database));
  const guarded = [...guards].map(([name, guard]) => ({ name, url: guard.url(name), pid: guard.pid }));
  places = ['direct', SENT].map((name) => ({ name, url: database.account.url }));
  places.push(...guarded);
});

afterAll(async () => {
  await Promise.all([...guards.values()].map((guard) => guard.stop()));
  await database?.drop();
});

testWith(psql)('a million rows', async () => {
  const section = new Section('bulk', `${ROUNDS} rounds, interleaved`);
  const rows: string[][] = [];
  for (const [name, statement] of Object.entries(STATEMENTS)) {
    const sent = await sentFor(database, 'restricted', statement);
    const secondsAt = ({ name: place, url }: Place) => seconds(url, place === SENT ? sent : statement);
    for (const place of places) await secondsAt(place); // warms up
    const figures = await interleave(places, secondsAt);
    const direct = figures.get('direct');
    const speed = (role: string) =>
      section.figure(`${role} to direct, ${name}`, 'ratio', ratios(direct, figures.get(role)), { atLeast: 0.9 });
    const least = ratios(figures.get(SENT), figures.get('restricted'));
    rows.push([
      name,
      section.figure(`direct, ${name}`, 's', direct),
      ...ROLES.map(speed),
      section.figure(`${SENT}, to direct, ${name}`, 'ratio', ratios(direct, figures.get(SENT))),
      section.figure(`restricted to ${SENT}, ${name}`, 'ratio', least),
    ]);
  }
  const most = ROLES.map((role) => {
    const bytes = memory(guards.get(role)!.pid, 'VmHWM');
    return section.figure(`most memory of the guard, ${role}`, 'MB', [bytes / MEGABYTE], { atMost: 100 });
  });
  await section.write(`All accounts of pgbench (\`${QUERY}\`) in one statement, by psql, which counts its time until the last row is there. Direct in seconds, the guard as speed to it. "Restricted" is headline
without limits; under headline each row is another person, who is counted. "As sent" is the statement with the row filter of "restricted", sent without a guard: what the server does more, and what is left for the guard. Memory is the guard's high-water mark (\`VmHWM\`), each in a process of its own, all rounds included.

${table(['', 'direct, s', ...ROLES, 'as sent, without a guard', 'restricted to that'], [...rows, ['most memory, MB', '', ...most, '', '']])}`);
  expect(rows).toHaveLength(2);
});

/** By psql's own clock: what it prints does not count. */
async function seconds(url: string, statement: string): Promise<number> {
  const { stdout } = await run(psql.path!, ['-XqAt', '-o', '/dev/null', '-c', '\\timing on', '-c', statement, url]);
  const found = /^Time: ([\d.]+) ms/m.exec(stdout)?.[1];
  if (found === undefined) throw new Error(`psql: ${stdout}`);
  return Number(found) / 1000;
}
