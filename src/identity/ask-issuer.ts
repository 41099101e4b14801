/** HTTP requests to a token issuer, for code that acts as its client. Nothing that opens an account is sent unencrypted over a network. */
import type { CustomFetch } from 'openid-client';
import { isLoopbackHost } from '../policy/compile/token-login.ts';

/** Only https, or http on this machine, also after redirects. */
export const askIssuer: CustomFetch = async (address, options) => {
  const { protocol, hostname, origin } = new URL(address);
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopbackHost(hostname))) {
    throw new Error(`"${origin}" is not asked: by https alone, or on this machine`);
  }
  return fetch(address, options as RequestInit);
};
