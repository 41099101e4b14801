/** Reads `rowgate.yaml`: the whole configuration, or every problem with its file, line and column. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { validate } from '../policy/schema/validate.ts';
import type { SourcePlace } from '../policy/source/diagnostic.ts';
import { type Flaw, type Path, PolicyDocument } from '../policy/source/document.ts';
import { anchorOf } from './anchor.ts';
import { keysOf } from './canary-key.ts';
import type { Config, ConfigProblem, UpstreamConfig } from './config.ts';
import { consoleOf } from './console.ts';
import { besideState, SOCKET_NAME } from './control-path.ts';
import { alarmFormatOf } from './control-schema.ts';
import { type Environment, expand, joinPieces, type Piece } from './environment.ts';
import { forwardOf } from './forward.ts';
import { logFilesOf } from './log-files.ts';
import { configSchema, type RawConfig } from './schema.ts';
import { joinState, stateOf } from './state.ts';
import { upstreamOf } from './upstream.ts';
import { parseUpstreamUrl, type UpstreamUrl } from './upstream-url.ts';

/** The position of a key, or of the nearest key above it. */
export type PlaceOf = (key: Path) => SourcePlace;

/** What can still be inspected of an invalid configuration: top-level keys with problems have placeholder values. */
interface Rest {
  readonly config: Config;
  readonly placeOf: PlaceOf;
  /** The keys with placeholder values. */
  readonly spoilt: ReadonlySet<string>;
}

export type LoadedConfig =
  | { readonly config: Config; readonly text: string; readonly placeOf: PlaceOf; readonly problems?: undefined }
  | {
      readonly config?: undefined;
      readonly text?: undefined;
      readonly placeOf?: undefined;
      readonly problems: readonly ConfigProblem[];
      /** For commands that only inspect. Absent if the file is not a configuration at all. */
      readonly rest?: Rest;
    };

/** Reads and checks `rowgate.yaml`. A file that cannot be read is a problem, too. */
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
  if (document.malformed) return { problems: document.flaws.map(problemOf) };
  const hash = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const placeOf: PlaceOf = (key) => document.placeOfValue(key);
  const { value, pieces, missing } = expandAll(document, environment);
  const parsed = validate(document, configSchema, value);
  // If a variable is not set, the schema's complaint about the missing text adds nothing.
  const isMissing = ({ path }: Flaw) =>
    missing.some((other) => path.length > 0 && `${pathKey(other.path)}.`.startsWith(`${pathKey(path)}.`));
  const ofSchema = parsed.ok ? [] : parsed.flaws.filter((flaw) => !isMissing(flaw));
  const flaws = [...document.flaws, ...missing, ...ofSchema];
  const written = pieces.get(URL_PATH);
  const isWritten = written && !flaws.some((flaw) => pathKey(flaw.path) === URL_PATH);
  const url = isWritten ? parseUpstreamUrl(written) : undefined;
  const flaw = (path: string[], message: string): Flaw => ({ path, place: placeOf(path), message });
  if (typeof url === 'string') flaws.push(flaw(URL_PATH.split('.'), url));
  if (parsed.ok && typeof url === 'object') {
    const upstream = upstreamOf(path, parsed.value.upstream, url);
    if (typeof upstream === 'string') flaws.push(flaw(['upstream', 'password_command'], upstream));
    else if (flaws.length === 0) return { config: build(path, hash, parsed.value, upstream), text, placeOf };
  }
  const rest = restOf(path, hash, value, typeof url === 'object' ? url : undefined, flaws, document);
  return { problems: flaws.map(problemOf), ...(rest && { rest: { ...rest, placeOf } }) };
}

const URL_PATH = 'upstream.url';

/** Required by the schema, and never used. */
const PLACEHOLDERS = { listen: '127.0.0.1:1', upstream: { url: 'postgres://unknown@127.0.0.1/unknown' } };

/** Leaves out keys with problems, and keys that depend on them. */
function restOf(
  path: string,
  hash: string,
  value: unknown,
  url: UpstreamUrl | undefined,
  flaws: readonly Flaw[],
  document: PolicyDocument,
): Omit<Rest, 'placeOf'> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const spoilt = new Set<string>();
  let wrong = flaws;
  while (wrong.length > 0) {
    const before = spoilt.size;
    for (const flaw of wrong) spoilt.add(String(flaw.path[0]));
    if (spoilt.size === before) return undefined;
    const kept = Object.fromEntries(Object.entries(value).filter(([key]) => !spoilt.has(key)));
    const parsed = validate(document, configSchema, { ...PLACEHOLDERS, ...kept });
    if (parsed.ok) {
      const unknown = parseUpstreamUrl([{ text: PLACEHOLDERS.upstream.url, fromVariable: false }]);
      const used = spoilt.has('upstream') ? unknown : url;
      const upstream = typeof used === 'object' ? upstreamOf(path, parsed.value.upstream, used) : undefined;
      return typeof upstream === 'object' ? { config: build(path, hash, parsed.value, upstream), spoilt } : undefined;
    }
    wrong = parsed.flaws;
  }
  return undefined;
}

/** The document's data with environment variables inserted, and the parts of each text, by path. */
function expandAll(document: PolicyDocument, environment: Environment) {
  const missing: Flaw[] = [];
  const allPieces = new Map<string, Piece[]>();
  const expandAt = (value: unknown, path: readonly PropertyKey[]): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => expandAt(item, [...path, index]));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandAt(item, [...path, key])]));
    }
    if (typeof value !== 'string') return value;
    const { pieces, missing: names } = expand(value, environment);
    for (const name of names) {
      missing.push({ path, place: document.placeOfValue(path), message: `environment variable ${name} is not set` });
    }
    allPieces.set(pathKey(path), pieces);
    return pathKey(path) === 'state' ? joinState(pieces) : joinPieces(pieces);
  };
  return { value: expandAt(document.value, []), pieces: allPieces, missing };
}

const pathKey = (path: Path): string => path.map(String).join('.');

/** Names the key, and leaves out the value if it is a secret. */
function problemOf({ path, place, message }: Flaw): ConfigProblem {
  const isSecret =
    path.some((key) => String(key).startsWith('password')) ||
    path.includes('authorization') ||
    path.includes('client_secret') ||
    ['notify', 'state', 'keys'].includes(String(path[0])) ||
    pathKey(path) === URL_PATH;
  const shown = isSecret ? message.replace(/, found.*/s, '') : message;
  return { ...place, message: path.length === 0 ? shown : `${pathKey(path)}: ${shown}` };
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
    console: consoleOf(dirname(path), raw.console),
    ...notifyOf(path, raw),
    keys: keysOf(dirname(path), raw.keys),
    state: stateOf(path, raw.state),
    workers: raw.workers,
    ...(raw.plans.reuse === 'on' && { plans: { after: raw.plans.after, perSession: raw.plans.per_session } }),
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
      format: alarmFormatOf(url, format),
      ...(ca !== undefined && { ca: resolve(dirname(file), ca) }),
      queue: besideState(file, state, 'rowgate-alarms'),
    },
  };
}

/** If the file does not set it, one address gets half. */
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
