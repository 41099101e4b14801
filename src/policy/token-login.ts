/** `token.login` of a principal: people who log in themselves, each by a token of theirs and no password. */
import { z } from 'zod';
import type { Report } from './diagnostic.ts';
import type { Path, PolicyDocument } from './document.ts';
import { mapping } from './schema-values.ts';

export interface TokenLogin {
  /** With which clients ask the issuer for tokens. */
  readonly clientId: string;
  /** Which they ask for, with spaces between them. */
  readonly scope: string;
}

export const loginSchema = mapping({
  client_id: z.string().min(1).describe('The client that the issuer knows `psql` and `rowgate login` as.'),
  scope: z.string().default('openid').describe('The scopes that clients ask for, with spaces between them.'),
});

/** Compiles the mapping at `path`, of tokens that this issuer signs. */
export function compileLogin(
  entry: z.output<typeof loginSchema>,
  issuer: string,
  path: Path,
  document: PolicyDocument,
  report: Report,
): TokenLogin {
  // RFC 6749, section 3.3.
  if (!/^[!#-[\]-~]+( [!#-[\]-~]+)*$/.test(entry.scope)) {
    report.error(document.placeOfValue([...path, 'scope']), 'expected scopes with single spaces between them');
  }
  if (!isIssuer(issuer)) {
    const why = 'people are sent there for their tokens: expected an address as "https://…", without "?" and "#"';
    report.error(document.placeOfValue([...path.slice(0, -1), 'issuer']), why);
  }
  return { clientId: entry.client_id, scope: entry.scope };
}

/** RFC 8414, section 2. By http from this machine alone. */
function isIssuer(issuer: string): boolean {
  if (!URL.canParse(issuer) || /[?#\s]/.test(issuer)) return false;
  const { protocol, hostname } = new URL(issuer);
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}

/** As `URL.hostname` has it. */
export function isLoopbackHost(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
