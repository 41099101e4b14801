/** Measures a judgement's own time, in this process: of a new text, of one with a known normalized text, and of one that is remembered. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IS_TRIAL, ROUNDS } from './figures/knobs.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { type Database, makeDatabase } from './world/world.ts';

/** As it is installed: what vitest makes of a module's imports takes a judgement a fifth longer. */
const compiled = (module: string) => import(new URL(`../../dist/${module}.js`, import.meta.url).href);
const { settleEngine }: typeof import('../../src/app/v8-settings.ts') = await compiled('app/v8-settings');
const { PolicyReader }: typeof import('../../src/app/policy-reader.ts') = await compiled('app/policy-reader');
const { loadConfig }: typeof import('../../src/config/load.ts') = await compiled('config/load');
const { Guard }: typeof import('../../src/guard/guard.ts') = await compiled('guard/guard');
const { fingerprint }: typeof import('../../src/sql/text/normalize.ts') = await compiled('sql/text/normalize');
const { loadParser, parse }: typeof import('../../src/sql/parse/parse.ts') = await compiled('sql/parse/parse');

const STATEMENTS = {
  'a lookup (pgbench -S)': (i: number, name: string) =>
    `SELECT abalance AS ${name} FROM pgbench_accounts WHERE aid = ${i};`,
  'a join, grouped, with a condition that is guarded': (i: number, name: string) =>
    `SELECT a.bid AS ${name}, count(*) FROM pgbench_accounts a JOIN pgbench_accounts b USING (aid) WHERE a.aid < ${i} AND abs(b.abalance) < 5 GROUP BY a.bid ORDER BY 1`,
  'a catalog query': (i: number, name: string) =>
    `SELECT c.relname AS ${name}, a.attname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.oid = ${i}`,
};
const COUNT = { new: 400, known: IS_TRIAL ? 2000 : 20_000 };
const WARM_UP_ROUNDS = 2;
/** In the first of them: before, the engine's own compiling is most of what is measured. */
const WARM_UP = 5000;

let database: Database;
let served: ServedGuard;

beforeAll(async () => {
  settleEngine();
  await loadParser();
  database = await makeDatabase(1);
  served = await serve(database);
});

afterAll(async () => {
  await served?.stop();
  await database?.drop();
});

test("a judgement's own time", async () => {
  const { config } = loadConfig(served.configFile, {});
  const reading = await new PolicyReader(config!).read();
  const role = reading.policy!.roles.get('headline')!;
  const judge = new Guard({ catalog: reading.catalog, role, searchPath: ['public'] });
  const section = new Section('judgements', `${ROUNDS} rounds, each the mean of ${COUNT.new} and of ${COUNT.known}`);
  const rows: string[][] = [];
  for (const [name, statement] of Object.entries(STATEMENTS)) {
    const times = { new: [] as number[], parser: [] as number[], alike: [] as number[], remembered: [] as number[] };
    let next = 0;
    for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round++) {
      times.new.push(time(round === 0 ? WARM_UP : COUNT.new, () => judge.judge(statement(next, `n${next++}`))));
      times.parser.push(
        time(COUNT.new, () => {
          const text = statement(next, `n${next++}`);
          parse(text);
          fingerprint(text);
        }),
      );
      times.alike.push(time(COUNT.known, () => judge.judge(statement(next++, 'same'))));
      const again = statement(next++, 'again');
      judge.judge(again);
      times.remembered.push(time(COUNT.known, () => judge.judge(again)));
    }
    const cell = (kind: keyof typeof times, atMost?: number) =>
      section.figure(
        `${kind}: ${name}`,
        'µs',
        times[kind].slice(WARM_UP_ROUNDS),
        atMost === undefined ? atMost : { atMost },
      );
    rows.push([name, cell('new', 60), cell('parser'), cell('alike', 2), cell('remembered', 0.5)]);
  }
  await section.write(`Microseconds of processor time, by the headline role: of a text whose like was never seen, whole from parsing to verification; what libpg-query alone
takes to read such a text and to make its fingerprint (to read what is sent comes on top of that); of one that differs from others in a literal that does not matter; and of one that is remembered.

${table(['statement', 'new', 'libpg-query alone', 'same shape', 'remembered'], rows)}`);
  expect(rows).toHaveLength(3);
});

/** Microseconds of processor time each. */
function time(count: number, work: () => void): number {
  const start = process.cpuUsage();
  for (let i = 0; i < count; i++) work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / count;
}
