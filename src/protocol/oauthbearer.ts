/** The messages of SASL OAUTHBEARER (RFC 7628), as in PostgreSQL 18. Tokens are verified elsewhere. */

export const OAUTHBEARER = 'OAUTHBEARER';

/** Sent by a client to end the exchange, after the guard has refused its token. */
export const GIVE_UP = '\x01';

const KVSEP = '\x01';

export type BearerMessage =
  | { readonly kind: 'token'; readonly token: string }
  /** Without a token: the client asks where to get one. */
  | { readonly kind: 'discover' }
  /** The peer broke the protocol: 08P01. `message` is for the client. */
  | { readonly kind: 'malformed'; readonly message: string };

/** Reads the client's first message; every byte must be accounted for. Unknown keys are ignored, as the RFC demands. */
export function readBearerMessage(text: string): BearerMessage {
  const [header = '', ...pairs] = text.split(KVSEP);
  if (header.startsWith('p=')) return malformed('OAUTHBEARER has no channel binding');
  if (/^[ny],a=[^,]+,$/.test(header)) return malformed('client uses authorization identity, but it is not supported');
  if (!/^[ny],(a=)?,$/.test(header) || pairs.pop() !== '' || pairs.pop() !== '') return malformed(MALFORMED);
  let given: string | undefined;
  for (const pair of pairs) {
    const match = /^([A-Za-z]+)=([\t\n\r -~]*)$/.exec(pair);
    if (!match) return malformed(MALFORMED);
    const [, key, value = ''] = match;
    if (key !== 'auth') continue;
    // Two values would be ambiguous.
    if (given !== undefined) return malformed(MALFORMED);
    given = value;
  }
  if (given === '') return { kind: 'discover' };
  // RFC 6750, section 2.1.
  const token = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(given ?? '')?.[1];
  return token === undefined ? malformed(MALFORMED) : { kind: 'token', token };
}

/** The answer for a refused token, and for a client without one: where to get one. */
export function bearerError(issuer: string, scope: string): string {
  return JSON.stringify({ status: 'invalid_token', 'openid-configuration': configurationOf(issuer), scope });
}

/** In PostgreSQL's form, not OpenID's: libpq removes the ending and compares the rest with `oauth_issuer`. */
function configurationOf(issuer: string): string {
  return issuer.includes('/.well-known/') ? issuer : `${issuer}/.well-known/openid-configuration`;
}

const MALFORMED = 'malformed OAUTHBEARER message';

function malformed(message: string): BearerMessage {
  return { kind: 'malformed', message };
}
