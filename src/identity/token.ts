/** A signed JWT in the compact serialization (RFC 7515, 7519), parsed before anything in it is trusted. */
import { Buffer } from 'node:buffer';
import { isObject, readJsonBytes } from './json.ts';
import { problem, type TokenProblem } from './problem.ts';

export interface ReadToken {
  /** Not to be trusted before the signature is checked. */
  readonly claims: Readonly<Record<string, unknown>>;
}

const LONGEST = 8192;

/** All are equally strong, and none can mistake a public key for a shared secret. */
export const ALGORITHMS: readonly string[] = ['EdDSA', 'ES256', 'RS256'];

/** Types of access and identity tokens. The same keys may sign tokens of other kinds, such as logout or event tokens (RFC 8725, 3.11). */
const TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']);

/** INVARIANT 92: keys come from the policy alone, and no header parameter changes what is signed. Other parameters are ignored. */
const REFUSED_PARAMETERS = ['crit', 'b64', 'zip', 'enc', 'cty', 'jwk', 'jku', 'x5u', 'x5c'];

/** Reads header and claims without checking the signature; a problem if the text is not a signed JWT. */
export function readToken(text: string): ReadToken | TokenProblem {
  if (text.length > LONGEST) return problem(`the token is longer than ${LONGEST} characters`);
  const parts = text.split('.');
  if (parts.length === 5) return problem('the token is encrypted, not signed');
  const [header, claims, signature] = parts.length === 3 ? parts.map(bytesOf) : [];
  if (!header || !claims || !signature)
    return problem('the token is not a JWT: three parts in base64url, with a dot between them');
  const read = readJsonBytes(header)?.value;
  if (!isObject(read)) return problem('the header of the token is not a JSON object with members that differ');
  const wrong = headerProblem(read);
  if (wrong) return wrong;
  if (signature.length === 0) return problem('the token is not signed');
  const body = readJsonBytes(claims)?.value;
  if (!isObject(body)) return problem('the claims of the token are not a JSON object with members that differ');
  return { claims: body };
}

function headerProblem(header: Readonly<Record<string, unknown>>): TokenProblem | undefined {
  const { alg, kid, typ } = header;
  if (typeof alg !== 'string' || !ALGORITHMS.includes(alg))
    return problem(`the token is not signed by one of ${ALGORITHMS.join(', ')}`);
  for (const name of REFUSED_PARAMETERS) {
    if (Object.hasOwn(header, name)) return problem(`"${name}" in the header of the token is not taken`);
  }
  if (typ !== undefined && (typeof typ !== 'string' || !TYPES.has(typ.toLowerCase())))
    return problem('the token is of another type ("typ") than JWT or at+jwt');
  if (kid !== undefined && typeof kid !== 'string') return problem('"kid" in the header of the token is not a text');
  return undefined;
}

/** Undefined if this is not the canonical encoding of the bytes: unused bits of the last character must be 0. */
function bytesOf(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
