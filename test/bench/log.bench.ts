/** What the decision log costs: two guards alike, of which one writes nothing of its sessions. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interleave, ratios } from './figures/interleave.ts';
import { IS_TRIAL, ROUNDS, SECONDS } from './figures/knobs.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { cpuOf, throughputAndCost, tpsOf } from './world/measured.ts';
import { MODES, warmUp } from './world/pgbench.ts';
import { type Database, makeDatabase } from './world/world.ts';

/** One pair had 0.94 in 15 rounds and another 0.88: more rounds of one pair would not tell what of that is the log's. */
const PAIRS = IS_TRIAL ? 1 : 4;
/** One, as pgbench has it by itself, whose every statement waits for a write of its own; and as many as keep the guard busy. */
const CLIENTS = [1, 8];
const LOGS = { on: [], off: ['--import', new URL('without-log.js', import.meta.url).href] };

let database: Database;

beforeAll(async () => {
  database = await makeDatabase();
});

afterAll(() => database?.drop());

const LOADS = CLIENTS.flatMap((clients) => MODES.map((mode) => ({ clients, mode })));

function nameOf({ clients, mode }: (typeof LOADS)[number]): string {
  return `${clients} ${clients === 1 ? 'client' : 'clients'}, ${mode}`;
}

type Figures = ReadonlyMap<string, Awaited<ReturnType<typeof throughputAndCost>>[]>;

/** Of each load, by two guards that are started for it. */
async function ofOnePair(): Promise<Map<string, Figures>> {
  const guards = new Map<string, ServedGuard>();
  try {
    for (const [name, node] of Object.entries(LOGS)) guards.set(name, await serve(database, { node }));
    const places = [...guards].map(([name, guard]) => ({ name, url: guard.url('headline'), pid: guard.pid }));
    await warmUp(...places.map(({ url }) => url));
    const measured = new Map<string, Figures>();
    for (const load of LOADS) {
      measured.set(nameOf(load), await interleave(places, (place) => throughputAndCost(place, load)));
    }
    return measured;
  } finally {
    for (const guard of guards.values()) await guard.stop();
  }
}

test('what the log costs', async () => {
  const section = new Section('log', `${PAIRS} pairs of guards, ${ROUNDS} rounds of ${SECONDS} s of each, interleaved`);
  const pairs: Map<string, Figures>[] = [];
  for (let pair = 0; pair < PAIRS; pair++) pairs.push(await ofOnePair());
  const rows: string[][] = [];
  for (const load of LOADS) {
    const name = nameOf(load);
    const figures = new Map(Object.keys(LOGS).map((log) => [log, pairs.flatMap((of) => of.get(name)?.get(log) ?? [])]));
    const [off, on] = [tpsOf(figures, 'off'), tpsOf(figures, 'on')];
    rows.push([
      String(load.clients),
      load.mode,
      section.figure(`off, ${name}`, 'tps', off),
      section.figure(`on, ${name}`, 'tps', on),
      section.figure(`on to off, ${name}`, 'ratio', ratios(on, off), { atLeast: 0.92 }),
      section.figure(`processor time, off, ${name}`, 'µs', cpuOf(figures, 'off')),
      section.figure(`processor time, on, ${name}`, 'µs', cpuOf(figures, 'on')),
    ]);
  }
  const head = ['clients', 'protocol', 'off', 'on', 'ratio', 'processor time off, µs', 'on, µs'];
  await section.write(`pgbench -S, the headline role: the log as it stands by default (\`durability: batched\`), and a guard that was changed for this measurement so that its sessions write nothing. Transactions a
second, and the guard's processor time a transaction.

${table(head, rows)}`);
  expect(rows).toHaveLength(LOADS.length);
});
