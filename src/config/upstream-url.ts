/** `upstream.url`: postgres://user:password@host:port/database, in which a variable may hold any character. */
import { joinPieces, type Piece } from './environment.ts';

export interface UpstreamUrl {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
}

/** Variables stand in the text as private-use characters while it is split, so that a password with `@` or `/` stays whole. */
const FIRST_PLACEHOLDER = 0xe000;

/** Reads the URL; a string says what is wrong with it (and never quotes it: it holds a password). */
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
  const match = /^postgres(?:ql)?:\/\/([^:@/]+)(?::([^@/]*))?@(\[[^\]]+\]|[^:/@[\]]+)(?::([^/]+))?\/([^/?#]+)$/.exec(
    text,
  );
  if (!match) return 'expected postgres://user:password@host:port/database';
  const read = (part: string): string | undefined => {
    try {
      return decodeURIComponent(part).replace(
        /[\ue000-\uf8ff]/g,
        (c) => values[c.charCodeAt(0) - FIRST_PLACEHOLDER] ?? c,
      );
    } catch {
      return undefined;
    }
  };
  const [user, password, host, port, database] = match.slice(1).map((part) => (part === undefined ? '' : read(part)));
  if (user === undefined || password === undefined || host === undefined || database === undefined) {
    return 'expected percent-encoded characters where a % stands';
  }
  const portNumber = port === '' ? 5432 : Number(port);
  if (!Number.isInteger(portNumber) || portNumber < 1 || portNumber > 65535) return 'expected a port from 1 to 65535';
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: portNumber,
    database,
    user,
    ...(match[2] !== undefined && { password }),
  };
}
