/** Failures of a guard, its log and its server while they work; what was stopped has been started again at the end. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readChained } from '../../src/decision-log/chain/chain.ts';
import { closedName } from '../../src/decision-log/chain/files.ts';
import { eventually } from '../proxy/support.ts';
import type { Random } from '../support/random.ts';
import { tool } from '../support/tools.ts';
import { childrenOf, isAlive } from '../workers/served.ts';

export interface Befallen {
  readonly random: Random;
  /** The guard's first process. */
  readonly pid: number;
  readonly folder: string;
  readonly workers: number;
  killServer(): Promise<void>;
}

type Ordeal = (befallen: Befallen) => Promise<void> | void;

/** The processes that write a log. */
const writers = ({ pid, workers }: Befallen): number[] => (workers === 1 ? [pid] : childrenOf(pid).filter(isAlive));

const openFiles = ({ folder }: Befallen): string[] =>
  readdirSync(folder)
    .filter((name) => /^decisions(\.\d)?\.jsonl$/.test(name))
    .map((name) => join(folder, name));

const PRLIMIT = tool('prlimit').path;

/** A statement that cannot be recorded is refused, and for that refusal alone no record can be required. */
export const UNWRITABLE = 'nothing more fits into the log';

const ORDEALS: Readonly<Record<string, Ordeal>> = {
  'the server is killed': ({ killServer }) => killServer(),
  'the log is moved away': (befallen) => {
    const pids = writers(befallen);
    // They close files too, and must not do it at the same moment.
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    openFiles(befallen).forEach(moveAway);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    process.kill(befallen.pid, 'SIGHUP');
  },
};

const OF_LIMITS: Readonly<Record<string, Ordeal>> = {
  // Also in the middle of a record.
  [UNWRITABLE]: async (befallen) => {
    const most = Math.max(0, ...openFiles(befallen).map(sizeOf)) + befallen.random.int(5_000);
    const pids = writers(befallen);
    for (const pid of pids) limitFiles(pid, String(most));
    await sleep(200 + befallen.random.int(200));
    for (const pid of pids.filter(isAlive)) limitFiles(pid, 'unlimited');
  },
};

const OF_WORKERS: Readonly<Record<string, Ordeal>> = {
  'a worker is killed': async (befallen) => {
    const killed = befallen.random.pick(writers(befallen));
    process.kill(killed, 'SIGKILL');
    await eventually(() => !isAlive(killed), 'it has ended');
  },
};

export function ordealsFor(workers: number): [name: string, ordeal: Ordeal][] {
  return Object.entries({ ...ORDEALS, ...(PRLIMIT && OF_LIMITS), ...(workers > 1 && OF_WORKERS) });
}

/** To the name that the guard would have given it, so that all can be verified together. */
function moveAway(file: string): void {
  const [first = ''] = readFileSync(file, 'utf8').split('\n', 1);
  if (readChained(first)) renameSync(file, closedName(file, Number(JSON.parse(first).seq)));
}

/** It may have been closed since its name was read. */
const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** In bytes, of each file that the process writes. */
function limitFiles(pid: number, most: string): void {
  if (PRLIMIT) execFileSync(PRLIMIT, ['--pid', String(pid), `--fsize=${most}:unlimited`]);
}
