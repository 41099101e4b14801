/** What `learn` and `log report observed` begin with: the policies, the catalog, and what the log has seen of a role. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { ask } from '../app/ask-server.ts';
import { environmentFor } from '../app/placeholders.ts';
import { compilePolicies } from '../app/read-policies.ts';
import { loadCatalog } from '../catalog/file.ts';
import { readCatalog } from '../catalog/read.ts';
import { type Config, formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { reasonOf } from '../core/error-text.ts';
import type { LogRecord } from '../decision-log/fields.ts';
import type { World } from '../desk/learn/grow.ts';
import type { Policy } from '../policy/model/policy.ts';
import type { PolicyFile } from '../policy/source/document.ts';
import { readPolicyFolder } from '../policy-files/folder.ts';
import { Catalog } from '../sql/catalog/catalog.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { failed } from './ask-guard.ts';
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

export interface RoleContext {
  readonly config: Config;
  readonly log: LogSource;
  readonly catalog: Catalog;
  readonly files: readonly PolicyFile[];
  readonly policy: Policy;
  readonly from: string;
  readonly to: string;
  /** ISO time to the day on a calendar of the guard. */
  readonly dayOf: (time: string) => string;
}

/** Undefined if there is none: the problem was printed and the exit code is set. */
export async function roleContextOf(options: RoleOptions, command: Command): Promise<RoleContext | undefined> {
  const policies = loadConfig(options.config, environmentFor('')).config?.policies;
  const beside = policies === undefined ? '' : join(policies, 'catalog.json');
  const catalogFile = options.catalog ?? (existsSync(beside) ? beside : undefined);
  const { config, problems } = loadConfig(options.config, environmentFor(catalogFile));
  if (!config) return failed(2, problems.map(formatProblem).join('; '));
  const log = logSource(options);
  if (!log) return undefined;
  const { timeZone } = log;
  const time = (option: string, text: string | undefined, end: boolean): string | undefined =>
    text === undefined ? undefined : new Date(timeOption(command, option, text, timeZone, end)).toISOString();
  const [from, to] = [time('--since', options.since, false) ?? '', time('--until', options.until, true) ?? '~'];
  await loadParser();
  try {
    const catalog = new Catalog(
      await (catalogFile === undefined ? ask(config.upstream, readCatalog) : loadCatalog(catalogFile)),
    );
    const files = await readPolicyFolder(config.policies);
    const { policy } = compilePolicies(files, config, catalog);
    const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
    return { config, log, catalog, files, policy, from, to, dayOf: dayBy(format) };
  } catch (error) {
    return failed(2, reasonOf(error));
  }
}

/** Formatting takes a microsecond or two: once for each hour. */
function dayBy(format: Intl.DateTimeFormat): (time: string) => string {
  const known = new Map<string, string>();
  return (time) => {
    const hour = time.slice(0, 15);
    let day = known.get(hour);
    if (day === undefined) {
      day = format.format(new Date(time));
      known.set(hour, day);
    }
    return day;
  };
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
