/** Measures ad-hoc SQL: texts that differ in their literals alone, and texts of which no two share a normalized text. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interleave, ratios } from './figures/interleave.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { scratchFolder } from './world/folder.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { cpuOf, throughputAndCost, tpsOf } from './world/measured.ts';
import { warmUp } from './world/pgbench.ts';
import { type Place, pgbouncer, type StartedProxy } from './world/proxies.ts';
import { type Database, makeDatabase } from './world/world.ts';

/** By pgbench's variables: their values stand in the text of the simple protocol, also inside of a name. */
const SCRIPTS = {
  'literals differ': {
    text: String.raw`\set aid random(1, 1000000)
\set most random(1, 1000000000)
\set branch random(1, 10)
SELECT aid, bid, abalance AS balance FROM pgbench_accounts WHERE aid = :aid AND abalance < :most AND bid IN (1, 2, :branch) ORDER BY aid;
`,
    goal: undefined,
  },
  'each shape is new': {
    text: String.raw`\set aid random(1, 1000000)
\set name random(1, 1000000000)
SELECT abalance AS balance_:name FROM pgbench_accounts WHERE aid = :aid;
`,
    goal: { atLeast: 0.65 },
  },
};

let database: Database;
let proxy: StartedProxy | undefined;
let guard: ServedGuard;
let places: Place[];
const folder = scratchFolder();

beforeAll(async () => {
  database = await makeDatabase();
  proxy = await pgbouncer()?.(database);
  guard = await serve(database);
  places = [
    { name: 'direct', url: database.account.url },
    ...(proxy ? [proxy] : []),
    { name: 'unrestricted', url: guard.url('unrestricted'), pid: guard.pid },
    { name: 'headline', url: guard.url('headline'), pid: guard.pid },
  ];
  await warmUp(...places.map(({ url }) => url));
});

afterAll(async () => {
  await guard?.stop();
  await proxy?.stop();
  await database?.drop();
});

test('new texts and new shapes', async () => {
  const section = new Section('shapes');
  const rows: string[][] = [];
  for (const [name, { text, goal }] of Object.entries(SCRIPTS)) {
    const file = join(folder(), `${rows.length}.sql`);
    await writeFile(file, text);
    const figures = await interleave(places, (place) =>
      throughputAndCost(place, { clients: 8, mode: 'simple', script: { files: [file] } }),
    );
    const tps = (place: string) => tpsOf(figures, place);
    const ratio = (of: string, to: string, aim?: typeof goal) =>
      section.figure(`${of} to ${to}, ${name}`, 'ratio', ratios(tps(of), tps(to)), aim);
    rows.push([
      name,
      section.figure(`direct, ${name}`, 'tps', tps('direct')),
      ratio('PgBouncer', 'direct'),
      ratio('unrestricted', 'PgBouncer'),
      ratio('headline', 'PgBouncer', goal),
      section.figure(`processor time of headline, ${name}`, 'µs', cpuOf(figures, 'headline')),
    ]);
  }
  const head = [
    'texts',
    'direct, tps',
    'PgBouncer to direct',
    'unrestricted to PgBouncer',
    'headline to PgBouncer',
    'processor time of headline, µs',
  ];
  await section.write(`The simple protocol, 8 clients. Texts that differ in literals share the judgement of their shape; where each has another column name, each is parsed, judged and rewritten anew.

${table(head, rows)}`);
  expect(rows).toHaveLength(2);
});
