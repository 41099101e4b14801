/** The messages of SASL OAUTHBEARER (RFC 7628), as PostgreSQL 18 takes and sends them. Whether a token is any good is for others. */

export const OAUTHBEARER = 'OAUTHBEARER';

/** What a client sends where it gives up: after the guard has said why a token is not taken. */
export const GIVE_UP = '\x01';

const KVSEP = '\x01';

export type BearerMessage =
  | { readonly kind: 'token'; readonly token: string }
  /** No token yet: the client asks where it gets one. */
  | { readonly kind: 'discover' }
  /** The peer broke the protocol: 08P01. `message` is for the client. */
  | { readonly kind: 'malformed'; readonly message: string };

/** Reads the client's first message, of which every byte must be accounted for. Keys that mean nothing here are ignored, as the RFC has it. */
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
    // Which of the two would hold?
    if (given !== undefined) return malformed(MALFORMED);
    given = value;
  }
  if (given === '') return { kind: 'discover' };
  // RFC 6750, section 2.1.
  const token = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(given ?? '')?.[1];
  return token === undefined ? malformed(MALFORMED) : { kind: 'token', token };
}

/** What is said of a token that is not taken, and to a client that has none: where to get one. */
export function bearerError(issuer: string, scope: string): string {
  return JSON.stringify({ status: 'invalid_token', 'openid-configuration': configurationOf(issuer), scope });
}

/** As PostgreSQL writes it, not as OpenID does: libpq cuts the ending off again and compares what is left with `oauth_issuer`. */
function configurationOf(issuer: string): string {
  return issuer.includes('/.well-known/') ? issuer : `${issuer}/.well-known/openid-configuration`;
}

const MALFORMED = 'malformed OAUTHBEARER message';

function malformed(message: string): BearerMessage {
  return { kind: 'malformed', message };
}
