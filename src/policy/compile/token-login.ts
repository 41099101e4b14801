/** `token.login` of a principal: end users who log in themselves, each with a token instead of a password. */
import { z } from 'zod';
import { mapping, oneOrList } from '../schema/schema-values.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';

export interface TokenLogin {
  /** The scopes to request, separated by spaces. */
  readonly scope: string;
  /** Names of end users, each with at most one `*`, at its beginning or end: a login under such a name must bring a token. */
  readonly users: readonly string[];
}

/** A lone `*` is refused: principals with passwords would be asked for a token too. */
const namesOfPeople = z.string().regex(/^(\*?[^*]+|[^*]+\*)$/, {
  error: 'expected a name, or a part of one with "*" before or behind it',
});

export const loginSchema = mapping({
  scope: z.string().default('openid').describe('The scopes that clients ask for, with spaces between them.'),
  users: oneOrList(namesOfPeople)
    .optional()
    .describe(
      'Names of end users, as `"*@school.example"`: a client that logs in under one is asked for a token at once, and not for a password.',
    ),
});

/** Compiles the mapping at `path`, for tokens of this issuer. */
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
  return { scope: entry.scope, users: entry.users ?? [] };
}

/** Whether the name is one that end users log in under. Such an end user need not exist. */
export function isEndUserLogin({ users }: TokenLogin, name: string): boolean {
  return users.some((one) => {
    if (one.startsWith('*')) return name.endsWith(one.slice(1));
    return one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one;
  });
}

/** RFC 8414, section 2. http only on this machine. */
function isIssuer(issuer: string): boolean {
  if (!URL.canParse(issuer) || /[?#\s]/.test(issuer)) return false;
  const { protocol, hostname } = new URL(issuer);
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}

/** As in `URL.hostname`. */
export function isLoopbackHost(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
