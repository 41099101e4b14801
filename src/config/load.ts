/** Reads `rowgate.yaml`: every problem with its file, line and column, or the whole configuration. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { type Flaw, PolicyDocument } from '../policy/document.ts';
import { validate } from '../policy/validate.ts';
import { anchorOf } from './anchor.ts';
import { keysOf } from './canary-key.ts';
import type { Config, ConfigProblem, UpstreamConfig } from './config.ts';
import { besideState, SOCKET_NAME } from './control-path.ts';
import { formatOf } from './control-schema.ts';
import { type Environment, expand, joinPieces, type Piece } from './environment.ts';
import { forwardOf } from './forward.ts';
import { logFilesOf } from './log-files.ts';
import { configSchema, type RawConfig } from './schema.ts';
import { joinState, stateOf } from './state.ts';
import { upstreamOf } from './upstream.ts';
import { parseUpstreamUrl } from './upstream-url.ts';

export type LoadedConfig =
  | { readonly config: Config; readonly text: string; readonly problems?: undefined }
  | { readonly config?: undefined; readonly text?: undefined; readonly problems: readonly ConfigProblem[] };

export function loadConfig(file: string, environment: Environment): LoadedConfig {
  const path = resolve(file);
  try {
    return parseConfig(path, readFileSync(path, 'utf8'), environment);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    const why = error.code === 'ENOENT' ? 'no such file' : `cannot be read (${String(error.code)})`;
    return { problems: [{ file, line: 1, column: 1, message: why }] };
  }
}

/** `path` is absolute: relative paths in the file are relative to its folder. */
export function parseConfig(path: string, text: string, environment: Environment): LoadedConfig {
  const document = new PolicyDocument({ path: basename(path), text });
  if (document.flaws.length > 0) return { problems: document.flaws.map(problemOf) };
  const { value, pieces, missing } = expandAll(document, environment);
  if (missing.length > 0) return { problems: missing };
  const parsed = validate(document, configSchema, value);
  if (!parsed.ok) return { problems: parsed.flaws.map(problemOf) };
  const url = parseUpstreamUrl(pieces.get(URL_PATH) ?? []);
  if (typeof url === 'string') {
    return { problems: [{ ...document.placeOfValue(URL_PATH.split('.')), message: `upstream.url: ${url}` }] };
  }
  const hash = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const upstream = upstreamOf(path, parsed.value.upstream, url);
  if (typeof upstream === 'string') {
    const place = document.placeOfValue(['upstream', 'password_command']);
    return { problems: [{ ...place, message: `upstream.password_command: ${upstream}` }] };
  }
  return { config: build(path, hash, parsed.value, upstream), text };
}

const URL_PATH = 'upstream.url';

/** The document's data with the environment's variables put in, and the pieces that each text is made of, by its path. */
function expandAll(document: PolicyDocument, environment: Environment) {
  const missing: ConfigProblem[] = [];
  const allPieces = new Map<string, Piece[]>();
  const expandAt = (value: unknown, path: readonly PropertyKey[]): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => expandAt(item, [...path, index]));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandAt(item, [...path, key])]));
    }
    if (typeof value !== 'string') return value;
    const { pieces, missing: names } = expand(value, environment);
    for (const name of names) {
      missing.push({ ...document.placeOfValue(path), message: `environment variable ${name} is not set` });
    }
    allPieces.set(path.join('.'), pieces);
    return path.join('.') === 'state' ? joinState(pieces) : joinPieces(pieces);
  };
  return { value: expandAt(document.value, []), pieces: allPieces, missing };
}

/** With the key that it is about, and without what was found where that is a secret. */
function problemOf({ path, place, message }: Flaw): ConfigProblem {
  const isSecret =
    path.some((key) => String(key).startsWith('password')) ||
    path.includes('authorization') ||
    ['notify', 'state', 'keys'].includes(String(path[0])) ||
    path.join('.') === URL_PATH;
  const shown = isSecret ? message.replace(/, found.*/s, '') : message;
  return { ...place, message: path.length === 0 ? shown : `${path.join('.')}: ${shown}` };
}

function build(path: string, hash: string, raw: RawConfig, upstream: UpstreamConfig): Config {
  const at = (file: string) => resolve(dirname(path), file);
  return {
    file: path,
    hash,
    name: raw.name ?? hostname(),
    listen: raw.listen.map((address) => (address.path === undefined ? address : { path: at(address.path) })),
    unixSocketPermissions: raw.unix_socket_permissions,
    proxyProtocol: { from: raw.proxy_protocol?.from ?? [] },
    ...(raw.tls && {
      tls: {
        cert: at(raw.tls.cert),
        key: at(raw.tls.key),
        ...(raw.tls.client_ca !== undefined && { clientCa: at(raw.tls.client_ca) }),
        ...(raw.tls.client_crl && { clientCrl: raw.tls.client_crl.map(at) }),
        required: raw.tls.required,
      },
    }),
    requireCertificate: raw.require_certificate,
    upstream,
    searchPath: raw.search_path,
    policies: at(raw.policies),
    log: {
      file: at(raw.log.file),
      durability: raw.log.durability,
      text: raw.log.text,
      level: raw.log.level,
      ...logFilesOf(path, at(raw.log.file), raw.log),
      ...(raw.log.encrypt_to && { encryptTo: raw.log.encrypt_to }),
      ...anchorOf(dirname(path), raw.log.anchor),
      forward: forwardOf(dirname(path), raw.log.forward),
      subjects: raw.log.subjects ?? (raw.keys.subjects === undefined ? 'counted' : 'hashed'),
    },
    ...(raw.admin && { admin: raw.admin }),
    ...controlOf(path, raw),
    ...notifyOf(path, raw),
    keys: keysOf(dirname(path), raw.keys),
    state: stateOf(path, raw.state),
    workers: raw.workers,
    limits: limitsOf(raw.limits),
    timeouts: {
      loginMs: raw.timeouts.login,
      ...(raw.timeouts.idle > 0 && { idleMs: raw.timeouts.idle }),
      ...(raw.timeouts.idle_in_transaction > 0 && { idleInTransactionMs: raw.timeouts.idle_in_transaction }),
    },
    drainMs: raw.drain,
    timeZone: raw.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

function controlOf(file: string, { control, state }: RawConfig): Pick<Config, 'control'> {
  if (control === 'none') return {};
  if (!control) return { control: { path: besideState(file, state, SOCKET_NAME), isDefault: true } };
  const { path, group } = control;
  return { control: { path: resolve(dirname(file), path), ...(group !== undefined && { group }), isDefault: false } };
}

function notifyOf(file: string, { notify, state }: RawConfig): Pick<Config, 'notify'> {
  if (!notify) return {};
  const { url, secret, format, ca } = notify;
  return {
    notify: {
      url,
      ...(secret !== undefined && { secret }),
      format: formatOf(url, format),
      ...(ca !== undefined && { ca: resolve(dirname(file), ca) }),
      queue: besideState(file, state, 'rowgate-alarms'),
    },
  };
}

/** One address gets half where the file does not say it. */
function limitsOf(raw: RawConfig['limits']): Config['limits'] {
  const half = (all: number) => Math.ceil(all / 2);
  return {
    connections: raw.connections,
    connectionsPerAddress: raw.connections_per_address ?? half(raw.connections),
    reservedConnections: raw.reserved_connections,
    logins: raw.logins,
    loginsPerAddress: raw.logins_per_address ?? half(raw.logins),
  };
}
