/** Reads `rowgate.yaml`: every problem with its file, line and column, or the whole configuration. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, type ParsedNode, parseDocument, visit } from 'yaml';
import type { Config, ConfigProblem, Login } from './config.ts';
import { type Environment, expand, joinPieces, type Piece } from './environment.ts';
import { configSchema, notEnforcedKeys, type RawConfig } from './schema.ts';
import { parseUpstreamUrl, type UpstreamUrl } from './upstream-url.ts';

export type LoadedConfig =
  | { readonly config: Config; readonly problems?: undefined }
  | { readonly config?: undefined; readonly problems: readonly ConfigProblem[] };

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
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problems: ConfigProblem[] = [];
  const report = (offset: number, message: string) => {
    const { line, col } = lines.linePos(offset);
    problems.push({ file: basename(path), line: Math.max(line, 1), column: Math.max(col, 1), message });
  };
  for (const error of [...document.errors, ...document.warnings]) report(error.pos[0], lowerFirst(error.message));
  if (problems.length > 0) return { problems };
  if (!isMap(document.contents)) {
    report(0, 'expected keys and values, as listen: 127.0.0.1:6432');
    return { problems };
  }
  let urlPieces: Piece[] = [];
  const urlNode = document.getIn(['upstream', 'url'], true);
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return;
      const { pieces, missing } = expand(node.value, environment);
      for (const name of missing) report(node.range?.[0] ?? 0, `environment variable ${name} is not set`);
      if (node === urlNode) urlPieces = pieces;
      node.value = joinPieces(pieces);
    },
  });
  if (problems.length > 0) return { problems };
  const parsed = configSchema.safeParse(document.toJS());
  for (const issue of parsed.error?.issues ?? []) {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
    for (const key of unknown) {
      const at = key === undefined ? issue.path : [...issue.path, key];
      const message = key === undefined ? lowerFirst(issue.message) : `unknown key "${key}"`;
      report(offsetOf(document.contents, at), at.length === 0 ? message : `${at.join('.')}: ${message}`);
    }
  }
  const url = parsed.success ? parseUpstreamUrl(urlPieces) : '';
  if (typeof url === 'string') {
    if (parsed.success) report(offsetOf(document.contents, ['upstream', 'url']), `upstream.url: ${url}`);
    return { problems };
  }
  const hash = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  return parsed.success ? { config: build(path, hash, parsed.data, url) } : { problems };
}

/** Of the deepest node on the path that is there: a missing key is reported where it is missing. */
function offsetOf(root: ParsedNode | null, path: readonly PropertyKey[]): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const step of path) {
    if (!isMap(node)) {
      node =
        typeof node === 'object' && node !== null && 'get' in node && typeof node.get === 'function'
          ? node.get(step, true)
          : undefined;
    } else {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (isScalar(pair?.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair?.value;
    }
    if (isScalar(node)) offset = node.range?.[0] ?? offset;
  }
  return offset;
}

function build(path: string, hash: string, raw: RawConfig, url: UpstreamUrl): Config {
  const at = (file: string) => resolve(dirname(path), file);
  const login = (user: string, password: string | undefined): Login => ({
    user,
    ...(password !== undefined && { password }),
  });
  const logins = Object.entries(raw.upstream.logins).map(
    ([role, { user, password }]) => [role, login(user, password)] as const,
  );
  const isLoopback = /^(localhost|127\.[0-9.]+|::1)$/.test(url.host);
  const tls = raw.upstream.tls ?? { mode: isLoopback ? 'disable' : 'verify-full' };
  return {
    file: path,
    hash,
    name: raw.name ?? hostname(),
    listen: raw.listen,
    ...(raw.tls && {
      tls: {
        cert: at(raw.tls.cert),
        key: at(raw.tls.key),
        ...(raw.tls.client_ca !== undefined && { clientCa: at(raw.tls.client_ca) }),
        required: raw.tls.required,
      },
    }),
    upstream: {
      host: url.host,
      port: url.port,
      database: url.database,
      login: login(url.user, url.password),
      logins: new Map(logins),
      tls: { mode: tls.mode, ...('ca' in tls && tls.ca !== undefined && { ca: at(tls.ca) }) },
    },
    searchPath: raw.search_path,
    policies: at(raw.policies),
    log: { file: at(raw.log.file), durability: raw.log.durability, text: raw.log.text },
    timeZone: raw.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    notEnforced: notEnforcedKeys(raw),
  };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
