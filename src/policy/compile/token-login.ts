/** `token.login` of a principal: people who log in themselves, each by a token of theirs and no password. */
import { z } from 'zod';
import { mapping, oneOrList } from '../schema/schema-values.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';

export interface TokenLogin {
  /** With which clients ask the issuer for tokens. */
  readonly clientId: string;
  /** Which they ask for, with spaces between them. */
  readonly scope: string;
  /** Names under which people log in, each with at most one `*`, at its beginning or end: whoever comes under one is asked for a token. */
  readonly users: readonly string[];
}

/** Never everybody's: who has a password would be asked for a token. */
const namesOfPeople = z.string().regex(/^(\*?[^*]+|[^*]+\*)$/, {
  error: 'expected a name, or a part of one with "*" before or behind it',
});

export const loginSchema = mapping({
  client_id: z.string().min(1).describe('The client that the issuer knows `psql` and `rowgate login` as.'),
  scope: z.string().default('openid').describe('The scopes that clients ask for, with spaces between them.'),
  users: oneOrList(namesOfPeople)
    .optional()
    .describe(
      'Names that are people’s, as `"*@school.example"`: whoever logs in under one is asked for a token at once, and not for a password.',
    ),
});

/** Compiles the mapping at `path`, of tokens that this issuer signs. */
export function compileLogin(
  entry: z.output<typeof loginSchema>,
  issuer: string,
  path: Path,
  document: PolicyDocument,
  report: DiagnosticReport,
): TokenLogin {
  // RFC 6749, section 3.3.
  if (!/^[!#-[\]-~]+( [!#-[\]-~]+)*$/.test(entry.scope)) {
    report.error(document.placeOfValue([...path, 'scope']), 'expected scopes with single spaces between them');
  }
  if (!isIssuer(issuer)) {
    const why = 'people are sent there for their tokens: expected an address as "https://…", without "?" and "#"';
    report.error(document.placeOfValue([...path.slice(0, -1), 'issuer']), why);
  }
  return { clientId: entry.client_id, scope: entry.scope, users: entry.users ?? [] };
}

/** Is this one of the names under which people log in? Whether anybody has it is not asked. */
export function isNameOfPeople({ users }: TokenLogin, name: string): boolean {
  return users.some((one) => {
    if (one.startsWith('*')) return name.endsWith(one.slice(1));
    return one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one;
  });
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
