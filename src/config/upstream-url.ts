/** `upstream.url`: postgres://user:password@host:port,host:port/database?parameters. A variable in it may hold any character. */
import { joinPieces, type Piece } from './environment.ts';

/** Which sessions are acceptable, with libpq's meaning. */
export const TARGET_SESSION_ATTRS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type TargetSessionAttrs = (typeof TARGET_SESSION_ATTRS)[number];

/** A host name, an address, or (beginning with `/`) the folder of a unix socket. */
export interface UpstreamHost {
  readonly host: string;
  readonly port: number;
}

export interface UpstreamUrl {
  /** At least one, tried in this order. */
  readonly hosts: readonly UpstreamHost[];
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  readonly targetSessionAttrs: TargetSessionAttrs;
  /** Try the hosts in another order each time. */
  readonly loadBalance: boolean;
  readonly connectTimeoutMs?: number;
}

/** While the text is split, variables are replaced by private-use characters, so that a password with `@` or `/` stays whole. */
const FIRST_PLACEHOLDER = 0xe000;
const SHAPE = /^postgres(?:ql)?:\/\/([^:@/]+)(?::([^:@/]*))?@([^/?#@]*)\/([^/?#]+)(?:\?([^#]*))?$/;
const HOST = /^(\[[^[\]]+\]|[^:[\]]+)(?::([^:]*))?$/;
const EXPECTED = 'expected postgres://user:password@host:port/database';
const PARAMETERS = ['target_session_attrs', 'load_balance_hosts', 'connect_timeout', 'host', 'port'];
const NOT_ENCODED = 'expected percent-encoded characters where a % stands';

/** Reads the URL; a string tells what is wrong with it, and never quotes the password. */
export function parseUpstreamUrl(pieces: readonly Piece[]): UpstreamUrl | string {
  const whole = pieces.length === 1 && pieces[0]?.fromVariable === true;
  const values: string[] = [];
  const text = whole
    ? joinPieces(pieces)
    : pieces
        .map((piece) => {
          if (!piece.fromVariable) return piece.text;
          values.push(piece.text);
          return String.fromCharCode(FIRST_PLACEHOLDER + values.length - 1);
        })
        .join('');
  const put = (part: string) =>
    part.replace(/[\ue000-\uf8ff]/g, (c) => values[c.charCodeAt(0) - FIRST_PLACEHOLDER] ?? c);
  const match = SHAPE.exec(text);
  if (!match) return EXPECTED;
  const [user, password, database] = [match[1], match[2], match[4]].map((part) => read(part ?? '', put));
  if (user === undefined || password === undefined || database === undefined) return NOT_ENCODED;
  const parameters = readParameters(match[5] ?? '', put);
  if (typeof parameters === 'string') return parameters;
  const hosts = readHosts(put(match[3] ?? ''), parameters);
  if (typeof hosts === 'string') return hosts;
  const choices = readChoices(parameters);
  if (typeof choices === 'string') return choices;
  return { hosts, database, user, ...(match[2] !== undefined && { password }), ...choices };
}

function read(part: string, put: (part: string) => string): string | undefined {
  try {
    return put(decodeURIComponent(part));
  } catch {
    return undefined;
  }
}

function readParameters(text: string, put: (part: string) => string): Map<string, string> | string {
  const parameters = new Map<string, string>();
  for (const part of text === '' ? [] : text.split('&')) {
    const equals = part.indexOf('=');
    const [name, value] = [part.slice(0, Math.max(equals, 0)), part.slice(equals + 1)].map((one) => read(one, put));
    if (equals < 1 || name === undefined || value === undefined) return 'expected name=value behind the ?';
    if (/^(ssl|gss)/.test(name)) return `parameter "${name}" is not read here: TLS is set by upstream.tls`;
    if (!PARAMETERS.includes(name)) return `unknown parameter "${name}", expected ${PARAMETERS.join(', ')}`;
    if (parameters.has(name)) return `parameter "${name}" stands here twice`;
    parameters.set(name, value);
  }
  return parameters;
}

/** From the part between @ and /, or from the parameters `host` and `port`, as in libpq. */
function readHosts(authority: string, parameters: ReadonlyMap<string, string>): UpstreamHost[] | string {
  const named = parameters.get('host');
  if (named !== undefined && authority !== '') return 'expected the host either behind the @ or as host=, not both';
  const hosts: { host: string; port: string | undefined }[] = [];
  for (const part of (named ?? authority).split(',')) {
    const match = named === undefined ? HOST.exec(part) : /^([^,]+)$/.exec(part);
    if (!match) return EXPECTED;
    const host = named === undefined ? read(match[1] ?? '', (same) => same) : part;
    if (host === undefined) return NOT_ENCODED;
    hosts.push({ host: host.replace(/^\[|\]$/g, ''), port: named === undefined ? match[2] : undefined });
  }
  const ports = parameters.get('port')?.split(',') ?? [];
  if (ports.length > 1 && ports.length !== hosts.length) return 'expected one port, or one for each host';
  const found: UpstreamHost[] = [];
  for (const [at, { host, port: own }] of hosts.entries()) {
    const port = Number(own ?? ports[ports.length === 1 ? 0 : at] ?? 5432);
    if (!Number.isInteger(port) || port < 1 || port > 65535) return 'expected a port from 1 to 65535';
    found.push({ host, port });
  }
  return found;
}

function readChoices(
  parameters: ReadonlyMap<string, string>,
): Pick<UpstreamUrl, 'targetSessionAttrs' | 'loadBalance' | 'connectTimeoutMs'> | string {
  const wanted = parameters.get('target_session_attrs') ?? 'any';
  const targetSessionAttrs = TARGET_SESSION_ATTRS.find((word) => word === wanted);
  if (!targetSessionAttrs) return `target_session_attrs: expected ${TARGET_SESSION_ATTRS.join(', ')}`;
  const balance = parameters.get('load_balance_hosts') ?? 'disable';
  if (balance !== 'disable' && balance !== 'random') return 'load_balance_hosts: expected disable or random';
  const seconds = parameters.get('connect_timeout');
  if (seconds !== undefined && !/^[1-9][0-9]{0,2}$/.test(seconds)) {
    return 'connect_timeout: expected seconds, from 1 to 999';
  }
  return {
    targetSessionAttrs,
    loadBalance: balance === 'random',
    ...(seconds !== undefined && { connectTimeoutMs: Number(seconds) * 1000 }),
  };
}
