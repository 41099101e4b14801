/** `token` of a principal: how the tokens of its end users are checked. `identity/` reads the keys. */

import type { RolePolicy } from '../model/policy.ts';
import type { TokenRule } from '../model/token-rule.ts';
import type { PrincipalEntry } from '../schema/principals-schema.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';
import { suggestion } from '../source/suggestion.ts';
import { compileLogin, isLoopbackHost } from './token-login.ts';

type TokenEntry = NonNullable<PrincipalEntry['token']>;

/** The audience of tokens if the policy names none. */
const AUDIENCE = 'rowgate';

/** Whether the role needs end users: without tokens they would have no rows, or no limits, of their own. */
export function needsToken(role: RolePolicy): boolean {
  return role.limitsPerUser !== undefined || [...role.attributes.values()].some(({ fromToken }) => fromToken);
}

/** Compiles the mapping at `path`. `role`: undefined if it could not be read. */
export function compileToken(
  entry: TokenEntry,
  path: Path,
  role: RolePolicy | undefined,
  document: PolicyDocument,
  report: DiagnosticReport,
): TokenRule {
  const problem = keysProblem(entry.keys);
  if (problem !== undefined) report.error(document.placeOfValue([...path, 'keys']), problem);
  for (const key of ['issuer', 'user', 'keys'] as const) {
    if (entry[key] === '') report.error(document.placeOfValue([...path, key]), 'expected something, found nothing');
  }
  for (const name of Object.keys(entry.claims ?? {})) {
    const attribute = role?.attributes.get(name);
    if (!role || attribute?.fromToken) continue;
    const known = [...role.attributes.values()].filter(({ fromToken }) => fromToken).map((known) => known.name);
    report.error(
      document.place([...path, 'claims', name]),
      `role "${role.name}" has no attribute "${name}" that comes from the token${suggestion(name, known)}`,
    );
  }
  const require = new Map(
    Object.keys(entry.require ?? {}).map((claim) => {
      const at = [...path, 'require', claim];
      const text = document.written(at);
      const comment = document.commentBehind(at);
      if (comment)
        report.error(comment, 'YAML reads this as a comment, not as part of the text; write the text in quotes');
      if (text === undefined || text === '') report.error(document.placeOfValue(at), 'expected a text, found nothing');
      return [claim, text ?? ''];
    }),
  );
  return {
    issuer: entry.issuer,
    audience: entry.audience ?? [AUDIENCE],
    keys: entry.keys,
    user: entry.user,
    claims: new Map(Object.entries(entry.claims ?? {})),
    require,
    ...(entry.max_age !== undefined && { maxAge: entry.max_age }),
    ...(entry.login && { login: compileLogin(entry.login, entry.issuer, [...path, 'login'], document, report) }),
    rule: document.rule(path),
  };
}

/** True if the keys are fetched from an address. */
export function isKeysAddress(keys: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(keys);
}

/** Anyone who could change the keys on the way could sign tokens for every end user. */
function keysProblem(keys: string): string | undefined {
  if (!isKeysAddress(keys)) return /[\0\n]/.test(keys) ? 'this is not the path of a file' : undefined;
  const url = URL.canParse(keys) ? new URL(keys) : undefined;
  if (!url || !['https:', 'http:'].includes(url.protocol)) return 'expected a file, or an address as "https://…"';
  if (url.username !== '' || url.password !== '') return 'the address of public keys holds a password';
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname))
    return 'keys are fetched by https; by http from this machine alone';
  return undefined;
}
