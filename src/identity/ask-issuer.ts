/** HTTP requests to a token issuer, for code that acts as its client. Nothing that opens an account is sent unencrypted over a network. */
import type { CustomFetch } from 'openid-client';
import { isLoopbackHost } from '../policy/compile/token-login.ts';

/** Why the issuer was not asked, in words. */
export class IssuerNotAsked extends Error {}

/** Only https, or http on this machine, also after redirects. */
export const askIssuer: CustomFetch = async (address, options) => {
  const { protocol, hostname, origin } = new URL(address);
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopbackHost(hostname))) {
    throw new IssuerNotAsked(`"${shownByIssuer(origin)}" is not asked: by https alone, or on this machine`);
  }
  return fetch(address, options as RequestInit);
};

/** Removes what could control a terminal from text that an issuer sent. */
export function shownByIssuer(text: string): string {
  return text.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?').slice(0, 500);
}
