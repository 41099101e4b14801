/** Reads `rowgate.yaml` again while the guard runs: applies what can change at once (the log's level, passwords), and reports what needs a restart. */

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { type Config, formatProblem, type Login } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';

/** The messages about it. */
export interface Reread {
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/**
 * `levelIsFixed`: by the command line, so that the file does not change it. `takePasswords`: true where there are other ones. A file with
 * problems changes nothing.
 */
export function rereadConfig(
  running: Config,
  log: Logger,
  levelIsFixed: boolean,
  takePasswords: (next: Config) => boolean,
): Reread {
  const { config, problems } = loadConfig(running.file, process.env);
  if (!config) {
    const lines = problems.map((problem) => `configuration not reloaded: ${formatProblem(problem)}`);
    for (const line of lines) log.error(line);
    return { problems: lines, notes: [] };
  }
  const notes: string[] = [];
  const { level } = config.log;
  if (!levelIsFixed && level !== log.level) {
    log.level = level;
    notes.push(`log level is "${level}" now`);
    log.info(notes[0] ?? '');
  }
  if (takePasswords(config)) {
    notes.push('passwords towards the database server reloaded');
    log.info(notes.at(-1) ?? '');
  }
  for (const key of keysForRestart(running, config)) {
    const note = `${key} was changed; it takes effect after a restart`;
    log.warn(note);
    notes.push(note);
  }
  return { problems: [], notes };
}

/** The file's origin, and what is read again while the guard runs. The console's settings do not concern the guard. */
const TAKEN_UP: readonly string[] = ['file', 'hash', 'log.level'];

/** Parts of `upstream` that have keys of their own; the rest is in the URL. */
const UPSTREAM_KEYS: readonly string[] = [
  'upstream.tls',
  'upstream.logins',
  'upstream.connect_timeout',
  'upstream.pooling',
];

/** The keys, as the file writes them, whose new values take effect after a restart only; never their values, which may be secrets. */
export function keysForRestart(running: Config, next: Config): string[] {
  const before = flatten(withoutPasswords(running));
  const after = flatten(withoutPasswords(next));
  const keys = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) =>
      !TAKEN_UP.includes(key) && !key.startsWith('console.') && !isDeepStrictEqual(before.get(key), after.get(key)),
  );
  return [...new Set(keys.map(asWritten))].sort();
}

/** They are taken up. */
function withoutPasswords(config: Config): Config {
  const { upstream } = config;
  const bare = ({ user }: Login): Login => ({ user });
  const logins = new Map([...upstream.logins].map(([role, login]) => [role, bare(login)]));
  return { ...config, upstream: { ...upstream, login: bare(upstream.login), logins } };
}

/** By `snake.case.path`; lists and maps are one value. */
function flatten(config: object, path = ''): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [name, value] of Object.entries(config) as [string, unknown][]) {
    const key = `${path}${name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);
    if (isMapping) for (const entry of flatten(value, `${key}.`)) flat.set(...entry);
    else if (value !== undefined) flat.set(key, value);
  }
  return flat;
}

function asWritten(key: string): string {
  const [first = ''] = key.split('.');
  if (first === 'control' || first === 'notify') return first;
  if (first === 'log') return key.split('.').slice(0, 2).join('.');
  if (!key.startsWith('upstream.')) return key;
  return UPSTREAM_KEYS.find((own) => key === own || key.startsWith(`${own}.`)) ?? 'upstream.url';
}
