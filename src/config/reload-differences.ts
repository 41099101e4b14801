/** What of a changed `rowgate.yaml` a running guard cannot take up. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Config, Login } from './config.ts';

/** Where the file was read from, and what is read again while the guard runs. */
const TAKEN_UP: readonly string[] = ['file', 'hash', 'log.level'];

/** Parts of `upstream` that have keys of their own; the rest of it stands in the URL. */
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
    (key) => !TAKEN_UP.includes(key) && !isDeepStrictEqual(before.get(key), after.get(key)),
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
