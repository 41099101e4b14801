/** What `learn` and `log report observed` begin with: the policies, the catalog, and what the log has seen of a role. */
import type { Command } from 'commander';
import { parse } from 'yaml';
import { environmentFor } from '../app/placeholders.ts';
import { loadConfig } from '../config/load.ts';
import type { LogRecord } from '../decision-log/fields.ts';
import type { World } from '../desk/learn/grow.ts';
import { CalendarDays } from '../metering/days.ts';
import { type Ground, groundOf, savedBeside } from './ground.ts';
import { fromLog, type LogCommandOptions, type LogSource, logSource, readThrough, timeOption } from './log-source.ts';

export interface RoleOptions extends LogCommandOptions {
  readonly since?: string;
  readonly until?: string;
  readonly catalog?: string;
  readonly json?: boolean;
}

/** Adds the options of a command about roles. */
export function ofRoles(command: Command): Command {
  return fromLog(command)
    .option('--since <time>', 'from then on, as 2026-11-25, 7d (ago) or yesterday')
    .option('--until <time>', 'until then')
    .option('--catalog <file>', 'a saved catalog in place of the database')
    .option('--json', 'one JSON object on standard output');
}

export interface RoleContext extends Ground {
  readonly log: LogSource;
  readonly from: string;
  readonly to: string;
  /** ISO time to the day on a calendar of the guard. */
  readonly dayOf: (time: string) => string;
}

const DAY_MS = 86_400_000;

/** Undefined if there is none: the problem was printed and the exit code is set. */
export async function roleContextOf(options: RoleOptions, command: Command): Promise<RoleContext | undefined> {
  const log = logSource(options);
  if (!log) return undefined;
  const { timeZone } = log;
  const time = (option: string, text: string | undefined, end: boolean): string | undefined =>
    text === undefined ? undefined : new Date(timeOption(command, option, text, timeZone, end)).toISOString();
  const [from, to] = [time('--since', options.since, false) ?? '', time('--until', options.until, true) ?? '~'];
  const catalog = options.catalog ?? savedBeside(loadConfig(options.config, environmentFor('')).config?.policies);
  const ground = await groundOf({ ...options, catalog });
  const days = new CalendarDays(timeZone);
  const dayOf = (at: string): string => new Date(days.dayOf(Date.parse(at)) * DAY_MS).toISOString().slice(0, 10);
  return ground && { ...ground, log, from, to, dayOf };
}

/** The records between `from` (inclusive) and `to` (exclusive). */
export async function eachRecord({ log, from, to }: RoleContext, each: (record: LogRecord) => void): Promise<void> {
  await readThrough(log, (record) => {
    const time = String(record.time);
    if (time >= from && time < to) each(record);
  });
}

/** The role's file, in which grants are made. */
export function worldOf(
  role: string,
  { config, catalog, files }: RoleContext,
): (World & { readonly text: string }) | undefined {
  const file = files.find(({ path, text }) => !path.startsWith('grants/') && roleIn(text) === role);
  if (!file) return undefined;
  const { searchPath, timeZone, upstream } = config;
  return { catalog, searchPath, timeZone, pooling: upstream.pooling, files, path: file.path, role, text: file.text };
}

function roleIn(text: string): unknown {
  try {
    return (parse(text) as { role?: unknown } | null)?.role;
  } catch {
    return undefined; // a file with an error belongs to no role
  }
}

/** About statements whose names may have meant other objects at the time. */
export function otherCatalogWords(count: number): string {
  return `${count} statements came when the catalog was another than today's: they are judged by today's`;
}
