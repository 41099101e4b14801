/** Tests what SQL does by position or by whole rows: it gives the same as on a database with only what the role may see. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fuzzRuns, fuzzSeed, Random } from '../support/random.ts';
import { Statements } from './statements.ts';
import { makeWorld, type Ran, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await makeWorld();
});

afterAll(() => world.drop());

const RUNS = fuzzRuns(500, 50_000);

/** A limit for runs that hang: a statement takes a few milliseconds. */
const LONGEST = 600_000 + RUNS * 200;

test(
  `${RUNS} statements give the same names, types and rows, or a refusal`,
  async () => {
    const seed = fuzzSeed();
    const differences: string[] = [];
    const refusals = new Map<string, string[]>();
    let same = 0;
    let failing = 0;
    for (let run = 0; run < RUNS; run += 1) {
      const { sql, ordered } = new Statements(new Random(seed + run)).next();
      const there = await world.seen(sql, ordered);
      const sent = world.sent(sql);
      if ('refusal' in sent) {
        if (there.sqlstate !== undefined) failing += 1;
        else
          refusals.set(kindOf(sent.refusal), [...(refusals.get(kindOf(sent.refusal)) ?? []), `${seed + run}: ${sql}`]);
        continue;
      }
      const here = await world.real(sent.text, ordered);
      if (isSame(here, there)) {
        if (there.sqlstate === undefined) same += 1;
        else failing += 1;
      } else
        differences.push(
          `${seed + run}: ${sql}\n  sent:  ${sent.text}\n  here:  ${JSON.stringify(here).slice(0, 700)}\n  there: ${JSON.stringify(there).slice(0, 700)}`,
        );
    }
    const refused = [...refusals.values()].flat().length;
    console.log(
      [
        `${same} the same, ${failing} fail in both, ${refused} refused, ${differences.length} differ`,
        ...[...refusals]
          .sort(([, a], [, b]) => b.length - a.length)
          .map(([kind, list]) => `  ${list.length} × ${kind}: ${list[0]}`),
      ].join('\n'),
    );
    expect(differences.slice(0, 12)).toEqual([]);
    expect(same / (same + refused)).toBeGreaterThan(0.95);
  },
  LONGEST,
);

test.each([
  'of_l_w(t) FROM l_w AS t',
  'of_l_m(t.*) FROM l_m AS t',
  't.id FROM l_fsw AS t, of_l_fsw(t) AS f',
  'count(*) FROM r_w AS t GROUP BY of_r_w(t)',
])('a row with a withheld column is no row of its table: SELECT %s', (query) => {
  expect(world.sent(`SELECT ${query}`)).toEqual({
    refusal: expect.stringMatching(/^the row type of "\w+" is not supported: rows or columns of it are withheld$/),
  });
});

test.each([
  'of_l_listed(t) FROM l_s AS t',
  'of_l_s(t) FROM l_listed AS t',
  'of_r_f(t) FROM r_fs AS t',
  'of_l_f(t.a, t) FROM l_f AS t',
])('a row of one table is not a row of another: SELECT %s', async (query) => {
  expect(await world.seen(`SELECT ${query}`, false)).toMatchObject({ sqlstate: '42883' });
  expect(world.sent(`SELECT ${query}`)).toEqual({
    refusal: expect.stringMatching(/^function \w+\(.*\b[lr]_\w+\) does not exist$/),
  });
});

function isSame(here: Ran, there: Ran): boolean {
  if (here.sqlstate !== undefined || there.sqlstate !== undefined) return here.sqlstate === there.sqlstate;
  return JSON.stringify(here) === JSON.stringify(there);
}

function kindOf(refusal: string): string {
  return refusal.replace(/"[^"]*"/g, '"…"');
}
