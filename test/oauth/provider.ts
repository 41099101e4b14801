/** A real OpenID provider on loopback; people log in to it with a browser of a few lines. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { Provider } from 'oidc-provider';
import { Browser } from './browser.ts';

export const CLIENT = 'rowgate-cli';
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** The client of the web console; its people come back to any port of 127.0.0.1. */
export const CONSOLE_CLIENT = 'rowgate-console';

export interface OpenIdProvider {
  readonly issuer: string;
  /** The address of its keys. */
  readonly jwks: string;
  /** Gets an access token for a person by the device flow (RFC 8628), as psql 18 does. */
  token(person: string): Promise<string>;
  /** Signs by another key from now on, and publishes that one alone. */
  rotate(): Promise<void>;
  /** Stops answering. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export interface ProviderOptions {
  /** By person: the claim `groups`. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
}

export async function startProvider(options: ProviderOptions = {}): Promise<OpenIdProvider> {
  let server = await listening(0);
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  let provider: Provider;
  const serve = async (): Promise<void> => {
    provider = await makeProvider(issuer, options);
    handleBy(server, provider);
  };
  const handleBy = (on: Server, by: Provider): void => {
    const answer = by.callback();
    on.removeAllListeners('request');
    on.on('request', answer);
  };
  await serve();
  const close = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return {
    issuer,
    jwks: `${issuer}/jwks`,
    token: (person) => tokenByDevice(issuer, person),
    rotate: serve,
    goDown: close,
    comeBack: async () => {
      server = await listening(port);
      handleBy(server, provider);
    },
    close,
  };
}

async function tokenByDevice(issuer: string, person: string): Promise<string> {
  const ask = async (path: string, body: Record<string, string>): Promise<Record<string, string>> => {
    const answer = await fetch(`${issuer}${path}`, { method: 'POST', body: new URLSearchParams(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    return JSON.parse(text);
  };
  const device = await ask('/device/auth', { client_id: CLIENT, scope: 'openid rows' });
  const forms = { login: person, password: 'x', confirm: 'yes' };
  const last = await new Browser().fill(device.verification_uri_complete!, forms);
  if (!last.includes('Sign-in Success')) throw new Error(last);
  const code = { grant_type: DEVICE_GRANT, device_code: device.device_code!, client_id: CLIENT };
  return (await ask('/token', code)).access_token!;
}

function listening(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => done(server));
  });
}

async function makeProvider(issuer: string, options: ProviderOptions): Promise<Provider> {
  const { groups = {} } = options;
  return new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT,
        token_endpoint_auth_method: 'none',
        grant_types: [DEVICE_GRANT],
        id_token_signed_response_alg: 'ES256',
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: CONSOLE_CLIENT,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code'],
        id_token_signed_response_alg: 'ES256',
        redirect_uris: ['http://127.0.0.1/login/callback'],
        response_types: ['code'],
      },
    ],
    claims: { openid: ['sub', 'preferred_username', 'groups'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['of the tests'] },
    jwks: { keys: [await newKey()] },
    findAccount: (_, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, preferred_username: accountId, groups: [...(groups[accountId] ?? [])] }),
    }),
    extraTokenClaims: (_, token) => ('accountId' in token ? { groups: groups[String(token.accountId)] ?? [] } : {}),
    features: {
      deviceFlow: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:rowgate',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'rows',
          audience: 'rowgate',
          accessTokenTTL: 300,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  });
}

let count = 0;

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: `key-${++count}`, alg: 'ES256', use: 'sig' };
}
