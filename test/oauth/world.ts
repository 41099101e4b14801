/** A guard over TLS with end users who log in by tokens; a test signs tokens with any claims. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { openIdentity } from '../../src/app/run-guard.ts';
import type { Principal } from '../../src/policy/model/policy.ts';
import type { TokenRule } from '../../src/policy/model/token-rule.ts';
import type { StartOptions } from '../../src/server/start.ts';
import { localState } from '../../src/server/start.ts';
import { ISSUER, type Key, keySet, makeKey, ruleOf, token } from '../identity/issuer.ts';
import { type Certificates, makeCertificates } from '../proxy/certificates.ts';
import { clocksOfTests, policyOf, principal, startTestProxy, type TestProxy, verifierOf } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { type BearerOptions, type BearerOutcome, bearerLogin, withToken } from './bearer-client.ts';

export const OTHER_ISSUER = 'https://elsewhere.example';

export interface World {
  readonly database: FreshDatabase;
  readonly proxy: TestProxy;
  readonly certificates: Certificates;
  readonly key: Key;
  /** The users of the counted attempts, and whether the attempts were right: none waits for others. */
  readonly attempts: { user: string; accepted: boolean }[];
  /** A token as the rules want it but for the claims that are given. */
  token(claims?: object): string;
  /** Options for this user, over TLS. */
  options(user: string, more?: Partial<BearerOptions>): BearerOptions;
  login(user: string, token: string, more?: Partial<BearerOptions>): Promise<BearerOutcome>;
  close(): Promise<void>;
}

function loginRule(more: Partial<TokenRule> = {}): TokenRule {
  return ruleOf({ login: { scope: 'openid rows', users: [] }, ...more });
}

/** `teachers` (`…@school.example`) and `heads` by the claim `groups`, `others` (`x_…`, `boss`) of another issuer; `app` has a password, `portal` both tokens and a password. */
export async function standardPrincipals(): Promise<Principal[]> {
  const verifier = await verifierOf('secret');
  const group = (name: string) => loginRule({ require: new Map([['groups', name]]) });
  const login = { scope: 'openid rows' };
  return [
    principal('app', [verifier]),
    principal('portal', [verifier], { token: ruleOf({ require: new Map([['groups', 'portal']]) }) }),
    principal('teachers', [], { token: { ...group('teachers'), login: { ...login, users: ['*@school.example'] } } }),
    principal('heads', [], { token: group('heads') }),
    principal('others', [], {
      token: loginRule({ issuer: OTHER_ISSUER, keys: 'other.json', login: { ...login, users: ['x_*', 'boss'] } }),
    }),
    principal('closed', [], { token: group('closed'), disabled: 'by hand' }),
    principal('past', [], { token: group('past'), validUntil: Date.now() - 1 }),
    principal('bound', [], { token: group('bound'), certificate: `sha256:${'0'.repeat(64)}` }),
    principal('elsewhere', [], { token: group('elsewhere'), from: ['10.0.0.0/8'] }),
  ];
}

export async function makeWorld(principals: readonly Principal[], more: Partial<StartOptions> = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-oauth-'));
  const certificates = makeCertificates();
  const database = await freshDatabase();
  const login = await database.createLogin();
  const key = makeKey('ES256');
  await writeFile(join(folder, 'jwks.json'), keySet(key));
  await writeFile(join(folder, 'other.json'), keySet(key));
  const log = pino({ level: 'silent' });
  const { cert, key: certKey } = certificates.server;
  const attempts: World['attempts'] = [];
  const attempted = async (user: string, _: string, accepted: boolean): Promise<number> => {
    attempts.push({ user, accepted });
    return 0;
  };
  const proxy = await startTestProxy({ ...login, database: database.name }, policyOf(principals), {
    tls: { cert, key: certKey },
    worker: { slot: 0, shared: { ...localState(), attempted } },
    identity: openIdentity({ folder, log, ...clocksOfTests() }),
    ...more,
  });
  const ca = await readFile(certificates.ca);
  const options = (user: string, moreOptions: Partial<BearerOptions> = {}): BearerOptions => {
    return { port: proxy.port, user, database: database.name, ca, ...moreOptions };
  };
  return {
    database,
    proxy,
    certificates,
    key,
    attempts,
    token(claims = {}) {
      const now = Math.floor(Date.now() / 1000);
      return token(key, { iss: ISSUER, iat: now - 5, exp: now + 300, sub: 'anna', groups: ['teachers'], ...claims });
    },
    options,
    login: (user, token, moreOptions) => bearerLogin(options(user, moreOptions), withToken(token)),
    async close() {
      await proxy.stop(2_000);
      await database.drop();
      await rm(folder, { recursive: true, force: true });
      await rm(certificates.folder, { recursive: true, force: true });
    },
  };
}
