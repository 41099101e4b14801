/** What commands that read a log share: the files, the time zone, and the identities that decrypt them. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Command } from 'commander';
import { printError } from '../app/print.ts';
import { type LogPlace, logPlace, zoneOf } from '../config/log-place.ts';
import { openerWith, readIdentities } from '../decision-log/encryption/opening.ts';
import type { LogRecord } from '../decision-log/fields.ts';
import { keptFolder } from '../decision-log/policies/kept-policies.ts';
import { ChainReader } from '../decision-log/read/chain-reader.ts';
import { NoDuckDB } from '../decision-log/read/duckdb.ts';
import { NoIdentity, type OpenerOf } from '../decision-log/read/encrypted.ts';
import { Damaged } from '../decision-log/read/file-lines.ts';
import { type Chain, chainsAmong, chainsOf } from '../decision-log/read/log-files.ts';
import { merged } from '../decision-log/read/merged.ts';
import { openAhead, openSource, type RecordTable } from '../decision-log/read/source.ts';
import { readTime } from '../decision-log/read/times.ts';
import { statementsFolder } from '../decision-log/statements/keep.ts';
import { failed } from './ask-guard.ts';
import { Progress } from './progress.ts';

export interface LogCommandOptions {
  readonly config: string;
  readonly log?: readonly string[];
  readonly timeZone?: string;
  readonly identity?: string;
}

export interface LogSource {
  readonly chains: readonly Chain[];
  readonly timeZone: string;
  readonly openerOf?: OpenerOf;
  /** The folder of the policies that were in force. */
  readonly policiesKept: string;
  /** That of the statements. */
  readonly statementsKept: string;
  /** Where a configuration says where the log is. */
  readonly place?: LogPlace;
}

/** With the options by which a log is found. */
export function fromLog(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration of the guard, which says where its log is', 'rowgate.yaml')
    .option('--log <file>', 'a file of a decision log, instead; may be given several times', several)
    .option('--time-zone <zone>', 'of times and days; without it, the guard’s')
    .option('--identity <file>', 'a private key of age, where the log is encrypted');
}

/** For options that may be given several times. */
export function several(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Undefined if there is no log: the problem was printed and the exit code is set. */
export function logSource(options: LogCommandOptions): LogSource | undefined {
  const place = options.log ? undefined : logPlace(options.config, process.env);
  if (place && 'problem' in place) return failed(2, place.problem);
  const missing = options.log?.find((file) => !existsSync(file) && !existsSync(`${file}.gz`));
  if (missing !== undefined) return failed(2, `${missing} cannot be read (ENOENT)`);
  const chains = options.log ? chainsAmong(options.log) : chainsOf(place?.file ?? '');
  if (chains.length === 0) return failed(2, `there is no log at ${place?.file}`);
  const timeZone = options.timeZone ?? zoneOf(place);
  if (!isTimeZone(timeZone)) return failed(2, `there is no time zone "${timeZone}"`);
  const identities = options.identity === undefined ? undefined : readIdentities(options.identity);
  if (identities && 'problem' in identities) return failed(2, identities.problem);
  return {
    chains,
    timeZone,
    policiesKept: keptFolder(beside(chains, place?.file)),
    statementsKept: statementsFolder(beside(chains, place?.file)),
    ...(place && { place }),
    ...(identities && { openerOf: openerWith(identities) }),
  };
}

/** Opens the log that these options name for the report that will be asked for. What is wrong with it, the report says. */
export function openLogAhead(words: readonly string[]): void {
  const { config, log, identity } = fromLog(new Command()).parse(words, { from: 'user' }).opts<LogCommandOptions>();
  const place = log ? undefined : logPlace(config, process.env);
  // INVARIANT 140: nothing is decrypted that was not asked for.
  if (identity !== undefined || (place && 'problem' in place)) return;
  const chains = log ? chainsAmong(log) : chainsOf(place?.file ?? '');
  if (chains.length > 0) openAhead({ chains, indexed: true, notice: () => {} });
}

/** Found only after the command line was accepted: there is nothing to report on. */
export class WrongCall extends Error {}

export interface IndexOptions {
  readonly index: boolean;
  readonly indexFolder?: string;
}

/** The log as a table, for as long as `work` takes. Undefined if it cannot be read: the problem was printed, and the exit code is set. */
export async function withRecords<T>(
  { chains, openerOf }: LogSource,
  { index: indexed, indexFolder: indexes }: IndexOptions,
  work: (source: RecordTable) => Promise<T>,
): Promise<T | undefined> {
  try {
    const notice = (message: string): void => printError(`rowgate: ${message}\n`);
    const source = await openSource({ chains, indexes, indexed, openerOf, notice });
    try {
      return await work(source);
    } finally {
      source.close();
    }
  } catch (error) {
    return reportUnreadable(error);
  }
}

/** All records of the log in the order of time, with a progress bar on a terminal. Returns how many lines held no record. */
export async function readThrough({ chains, openerOf }: LogSource, each: (record: LogRecord) => void): Promise<number> {
  const readers = chains.map((chain) => new ChainReader(chain, openerOf));
  const progress = new Progress('reading the log');
  const share = (): number => {
    const parts = readers.map((reader) => reader.progress);
    const sum = (of: 'done' | 'all'): number => parts.reduce((total, one) => total + one[of], 0);
    return sum('done') / Math.max(1, sum('all'));
  };
  try {
    for await (const record of merged(readers)) {
      progress.step(share);
      each(record);
    }
    return readers.reduce((sum, { strange }) => sum + strange, 0);
  } finally {
    progress.end();
  }
}

/** The log file beside which other files are kept; if files were named, the path that these would have. */
function beside(chains: readonly Chain[], file: string | undefined): string {
  const first = chains[0]?.[0] ?? '';
  return file ?? join(dirname(first), `${basename(first).split('.')[0]}.jsonl`);
}

/** Milliseconds since the epoch. Ends the command if it is not a time. `end`: a day means its end. */
export function timeOption(command: Command, option: string, text: string, timeZone: string, end = false): number {
  const reading = readTime(text, { now: Date.now(), timeZone }, end);
  if ('value' in reading) return reading.value;
  return command.error(`error: ${option}: expected ${reading.expected}, found "${text}"`, { exitCode: 2 });
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** Says why the log cannot be read, where that is the reason; throws everything else. */
export function reportUnreadable(error: unknown): undefined {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if ([NoDuckDB, NoIdentity, Damaged, WrongCall].some((kind) => error instanceof kind)) return failed(2, message);
  if (code !== undefined && path !== undefined) return failed(2, `${path} cannot be read (${code})`);
  throw error;
}

export function logCommand(program: Command): Command {
  const known = program.commands.find((command) => command.name() === 'log');
  return known ?? program.command('log').description('what the decision log tells');
}
