/** Runs pgbench for some seconds and reads its figures. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { tool } from '../../support/tools.ts';
import { IS_TRIAL, SECONDS } from '../figures/knobs.ts';

const run = promisify(execFile);

export const MODES = ['simple', 'extended', 'prepared'] as const;
export type Mode = (typeof MODES)[number];

export interface Load {
  readonly clients: number;
  readonly mode: Mode;
  /** How many transactions each client runs; absent: as many as it can in the time of a run. */
  readonly transactions?: number;
  /** Absent: pgbench's own `select-only`. */
  readonly script?: 'tpcb-like' | { readonly files: readonly string[] };
  /** A new connection for each transaction. */
  readonly reconnect?: boolean;
  /** Transactions a second that are begun, not as many as go; each one's time goes to a file of that prefix. */
  readonly paced?: { readonly rate: number; readonly log: string };
  /** Each transaction's time goes to a file of that prefix. */
  readonly log?: string;
}

export interface Run {
  /** Transactions a second; connecting is not counted, but for `reconnect`. */
  readonly tps: number;
  readonly transactions: number;
}

/** Makes pgbench's tables; 100,000 accounts for each of `scale`. */
export async function initialise(url: string, scale: number): Promise<void> {
  await run(program(), ['-i', '-q', '-s', String(scale), url]);
}

/** Throws where a transaction fails. */
export async function pgbench(url: string, load: Load, seconds = SECONDS): Promise<Run> {
  const { clients, mode, transactions: each, script, reconnect, paced, log = paced?.log } = load;
  const args = [
    ...['-n', '-M', mode, '-c', String(clients), '-j', '1'],
    ...(each === undefined ? ['-T', String(seconds)] : ['-t', String(each)]),
    ...(typeof script === 'object' ? script.files.flatMap((file) => ['-f', file]) : ['-b', script ?? 'select-only']),
    ...(reconnect ? ['-C'] : []),
    ...(paced ? ['-R', String(paced.rate)] : []),
    ...(log === undefined ? [] : ['-l', `--log-prefix=${log}`]),
  ];
  const { stdout } = await run(program(), [...args, url]);
  const tps = /tps = ([\d.]+) \((?:without initial connection time|including reconnection times)\)/.exec(stdout)?.[1];
  const transactions = /transactions actually processed: (\d+)/.exec(stdout)?.[1];
  const failed = /number of failed transactions: ([1-9]\d*)/.exec(stdout)?.[1];
  if (tps === undefined || transactions === undefined || failed !== undefined)
    throw new Error(`pgbench, ${url}: ${stdout}`);
  return { tps: Number(tps), transactions: Number(transactions) };
}

/**
 * Some thousand transactions in each protocol, so that what compiles its code under way has done so: a guard comes to its own pace
 * after some ten thousand in each of its processes, in a trial too.
 */
export async function warmUp(...urls: readonly string[]): Promise<void> {
  for (const url of urls) {
    for (const mode of MODES) await pgbench(url, { clients: 8, mode, transactions: IS_TRIAL ? 500 : 1000 });
  }
}

function program(): string {
  const found = tool('pgbench').path;
  if (!found) throw new Error('pgbench is not installed');
  return found;
}
