/**
 * Tests the worst days of a state in a folder: its disk is full, read-only or gone, and its guard is killed again and again. `npm run reliability`
 * does it in full and writes ../worst-days.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { condition, testWith } from '../../support/tools.ts';
import type { Served } from '../../workers/served.ts';
import { writeSection } from '../figures.ts';
import { ms } from '../trials.ts';
import { check, HEAD, row } from './figures.ts';
import { SCALE } from './scale.ts';
import { isLocked, type LimitUsage, openStand } from './stand.ts';
import { type Outcome, trial, worked } from './trial.ts';

const MINUTE = { timeout: 300_000 };
const FULL_MB = 1;
/** A table without one of them is not written. */
const TRIALS = 4;

let stand: LimitUsage;
let folder: string;
const rows: string[][] = [];
const mounted: string[] = [];

beforeAll(async () => {
  stand = await openStand();
});
afterAll(async () => {
  if (SCALE.full && rows.length === TRIALS) writeSection('state in a folder', HEAD, rows);
  await stand?.stop();
  for (const path of mounted.reverse()) execFileSync('umount', [path]);
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** A place for a state. */
function place(name: string): string {
  folder ??= mkdtempSync(join(tmpdir(), 'rowgate-chaos-state-'));
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

function mount(path: string, ...options: string[]): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', ['mode=700', ...options].join(), 'tmpfs', path], { stdio: 'ignore' });
  mounted.push(path);
}

/** Only root makes a disk that is small, or read-only for itself. */
function mayMount(): boolean {
  try {
    mount(place('trial'), 'size=64k');
    return true;
  } catch {
    return false;
  }
}
const MOUNTS = condition(mayMount(), 'root, and mounting');

const open = (state: string): Promise<Served> => stand.guard(`state: "file:${state}"`);

test('its guard is killed in the middle, again and again', MINUTE, async () => {
  const state = place('killed');
  const lives = [await open(state)];
  const guards = [lives[0]!];
  const back: number[] = [];
  const outcome = await trial({
    stand,
    guards,
    accounts: () => lives,
    trouble: async (pagers) => {
      for (let kill = 0; kill < SCALE.kills; kill += 1) {
        if (kill > 0) await worked(pagers);
        guards[0]!.child.kill('SIGKILL');
        await guards[0]!.status;
        const began = performance.now();
        guards[0] = await open(state);
        lives.push(guards[0]);
        back.push(performance.now() - began);
      }
    },
    end: async () => {},
  });
  check(outcome, { losses: SCALE.kills, broken: BROKEN });
  rows.push(
    row(
      `guard killed (SIGKILL) ${SCALE.kills} times in the middle`,
      outcome,
      `the slowest start took ${ms(Math.max(...back))}`,
    ),
  );
});

/** Errors of node-postgres when a guard is gone. */
const BROKEN = ['Connection terminated unexpectedly', 'ECONNRESET', 'EPIPE', 'Connection terminated'];

testWith(MOUNTS)('its disk is full', MINUTE, async () => {
  const state = place('full');
  mount(state, `size=${FULL_MB}m`);
  const guard = await open(join(state, 'state'));
  const ballast = join(state, 'ballast');
  const outcome = await trial({
    stand,
    guards: [guard],
    locks: true,
    trouble: async () => fill(ballast),
    end: async () => rmSync(ballast),
  });
  check(outcome, { losses: 0 });
  expect(guard.output.stderr).toMatch(/cannot be written: ENOSPC[\s\S]*can be written again/);
  rows.push(row(`disk full for ${ms(SCALE.troubleMs)}`, outcome, lockHeld(outcome)));
});

testWith(MOUNTS)('a read-only file system takes the place of its folder', MINUTE, async () => {
  const state = place('readonly');
  const { outcome, lives } = await restarted(
    state,
    () => mount(state, 'ro'),
    async () => {
      const unable = await open(state);
      expect(await unable.status).toBe(1);
      expect(unable.output.stderr).toContain('EROFS');
      execFileSync('umount', [mounted.pop()!]);
    },
  );
  expect(lives[0]!.output.stderr).toMatch(/cannot be written: .*journal-1 is gone/);
  rows.push(
    row(
      `a read-only file system in the folder's place for ${ms(SCALE.troubleMs)}; then the guard is killed`,
      outcome,
      `it does not start until the folder is back, and then knows all; ${lockHeld(outcome)}`,
    ),
  );
});

test('its folder is removed', MINUTE, async () => {
  const state = place('removed');
  const { outcome, lives } = await restarted(
    state,
    () => rmSync(state, { recursive: true }),
    async () => {},
  );
  expect(lives[0]!.output.stderr).toMatch(/journal-1 is gone[\s\S]*can be written again/);
  rows.push(
    row(
      'folder removed under the guard, which is killed later',
      outcome,
      `the guard has created it again, and knows all when it restarts; ${lockHeld(outcome)}`,
    ),
  );
});

/** The guard is killed in the trouble; `before`: it is started again. What was taken and who was locked out it knows then. */
async function restarted(state: string, trouble: () => void, before: () => Promise<void>) {
  const lives = [await open(state)];
  const guards = [lives[0]!];
  const end = async (): Promise<void> => {
    guards[0]!.child.kill('SIGKILL');
    await guards[0]!.status;
    await before();
    guards[0] = await open(state);
    lives.push(guards[0]);
    expect(guards[0].port, guards[0].output.stderr).toBeGreaterThan(0);
    expect(await isLocked(guards[0])).toBe(true);
  };
  const outcome = await trial({
    stand,
    guards,
    accounts: () => lives,
    locks: true,
    trouble: async () => trouble(),
    end,
  });
  check(outcome, { losses: 1, broken: BROKEN });
  return { outcome, lives };
}

function fill(file: string): void {
  expect(() => writeFileSync(file, Buffer.alloc(FULL_MB * 2 ** 20))).toThrow(/ENOSPC/);
}

function lockHeld({ locks }: Outcome): string {
  return `a lock by hand meanwhile (the command: ${locks!.said}) holds after ${ms(locks!.here)}`;
}
