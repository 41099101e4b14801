/** What the decision log costs: guards that write what their sessions do in turns with not writing it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ratios } from './figures/interleave.ts';
import { IS_TRIAL, ROUNDS, SECONDS } from './figures/knobs.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { serve } from './world/guard.ts';
import { type Load, MODES, pgbench, warmUp } from './world/pgbench.ts';
import { type Database, makeDatabase } from './world/world.ts';

/** From one process to the next what it costs differs: how its code came to be compiled, and where it lies. */
const GUARDS = IS_TRIAL ? 1 : 6;
/** One client, as pgbench has by default, which waits for a write with each statement; and as many as keep the guard busy. */
const CLIENTS = [1, 8];
/** Of each load. */
const MEASURED_SECONDS = ROUNDS * SECONDS;
/** Before that all are connected, and behind it pgbench is still at work. */
const MARGIN_SECONDS = 1;

/** What one of the two has come to. */
interface Side {
  /** Statements a second: of `pgbench -S`, transactions. */
  readonly tps: number;
  /** Microseconds of the guard's processor time a statement. */
  readonly cpu: number;
}

interface Sides {
  readonly on: Side;
  readonly off: Side;
}

let database: Database;
let folder: string;

beforeAll(async () => {
  database = await makeDatabase();
  folder = await mkdtemp(join(tmpdir(), 'rowgate-bench-log-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await database?.drop();
});

const LOADS = CLIENTS.flatMap((clients) => MODES.map((mode) => ({ clients, mode })));

/** Of each load, by a guard that is started for it. */
async function ofOneGuard(): Promise<Sides[]> {
  const figures = join(folder, 'figures.json');
  const inTurns = new URL(`log-in-turns.js?figures=${encodeURIComponent(figures)}`, import.meta.url);
  const guard = await serve(database, { node: ['--import', inTurns.href] });
  try {
    await warmUp(guard.url('headline'));
    const measured: Sides[] = [];
    for (const load of LOADS) measured.push(await inTurn(guard.url('headline'), guard.pid, load, figures));
    return measured;
  } finally {
    await guard.stop();
  }
}

async function inTurn(url: string, pid: number, load: Load, figures: string): Promise<Sides> {
  await rm(figures, { force: true });
  const turns = async () => {
    await sleep(MARGIN_SECONDS * 1000);
    process.kill(pid, 'SIGUSR2');
    await sleep(MEASURED_SECONDS * 1000);
    process.kill(pid, 'SIGUSR2');
  };
  await Promise.all([pgbench(url, load, MEASURED_SECONDS + 2 * MARGIN_SECONDS), turns()]);
  const { on, off } = JSON.parse(await readFile(figures, 'utf8'));
  return { on: sideOf(on), off: sideOf(off) };
}

function sideOf({ statements, ms, cpuUs }: { statements: number; ms: number; cpuUs: number }): Side {
  if (statements === 0) throw new Error('nothing was measured');
  return { tps: (statements / ms) * 1000, cpu: cpuUs / statements };
}

test('what the log costs', async () => {
  const section = new Section(
    'log',
    `${GUARDS} guards, of each of which every load is measured for ${MEASURED_SECONDS} s, in turns of 0.12 s with and without the log`,
    'guard',
  );
  const guards: Sides[][] = [];
  for (let guard = 0; guard < GUARDS; guard++) guards.push(await ofOneGuard());
  const rows = LOADS.map(({ clients, mode }, load) => {
    const name = `${clients} ${clients === 1 ? 'client' : 'clients'}, ${mode}`;
    const sides = guards.map((guard) => guard[load]!);
    const [off, on] = [sides.map((side) => side.off), sides.map((side) => side.on)];
    const tpsOf = (side: readonly Side[]) => side.map(({ tps }) => tps);
    return [
      String(clients),
      mode,
      section.figure(`off, ${name}`, 'tps', tpsOf(off)),
      section.figure(`on, ${name}`, 'tps', tpsOf(on)),
      section.figure(`on to off, ${name}`, 'ratio', ratios(tpsOf(on), tpsOf(off)), { atLeast: 0.92 }),
      section.figure(
        `processor time, off, ${name}`,
        'µs',
        off.map(({ cpu }) => cpu),
      ),
      section.figure(
        `processor time, on, ${name}`,
        'µs',
        on.map(({ cpu }) => cpu),
      ),
    ];
  });
  const head = ['clients', 'protocol', 'off', 'on', 'ratio', 'processor time off, µs', 'on, µs'];
  await section.write(`pgbench -S, the headline role: the log as it stands by default (\`durability: batched\`), in turns with none, within one guard that was changed for this measurement so that it writes
nothing of its sessions in every second turn. Transactions a second, and the guard's processor time a transaction.

${table(head, rows)}`);
  expect(rows).toHaveLength(LOADS.length);
});
