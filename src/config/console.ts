/** The key `console`: where the web console listens, which guards it shows, and who may view and act there. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { mapping, written } from '../policy/schema/schema-values.ts';
import { FORMS, readDuration } from '../policy/source/quantity.ts';
import { tcpAddress } from './listen-address.ts';

/** Each includes the rights of the ones before: view what goes on; read the log of people and breaches; act. */
export const CONSOLE_ROLES = ['viewer', 'auditor', 'operator'] as const;
export type ConsoleRole = (typeof CONSOLE_ROLES)[number];

export interface ConsoleGuard {
  readonly name: string;
  /** The guard's control socket; absent: the console asks no running guard. */
  readonly control?: string;
  /** The open file of its decision log. */
  readonly log: string;
}

/** How people log in with OpenID Connect, and what they may do. */
export interface ConsoleOidc {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  readonly scope: string;
  /** The claim with the name that the decision log records. */
  readonly name: string;
  /** The values of a claim that give each role. */
  readonly roles?: { readonly claim: string } & Readonly<Record<ConsoleRole, readonly string[]>>;
  /** A YAML file, `alice@example.org: operator` a line. */
  readonly people?: string;
}

export interface ConsoleConfig {
  readonly listen: { readonly host: string; readonly port: number };
  /** The origin in the browser, if it differs from the address that the console listens on. */
  readonly url?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Empty: the guard of this configuration. */
  readonly guards: readonly ConsoleGuard[];
  /** A private key of age, for logs that are encrypted. */
  readonly identity?: string;
  /** Absent: people log in by a link that the command prints. */
  readonly oidc?: ConsoleOidc;
  /** A session ends after this idle time, and at the latest this long after the login. */
  readonly idleMs: number;
  readonly sessionMs: number;
}

const text = z.string().min(1);
const words = z.array(text).default([]);

const oidc = mapping({
  issuer: z.url({ protocol: /^https?$/, error: 'expected the address of an issuer, as https://id.example.org' }),
  client_id: text,
  client_secret: text.optional(),
  scope: text.default('openid profile email'),
  name: text.default('preferred_username'),
  roles: mapping({ claim: text, viewer: words, auditor: words, operator: words }).optional(),
  people: text.optional(),
}).refine(({ roles, people }) => (roles === undefined) !== (people === undefined), {
  path: ['roles'],
  error: 'expected "roles", or a file of "people" instead: without either no one may use the console',
});

const EXPECTED_ORIGIN = 'expected an origin, as https://rowgate.example.org';

const LOOPBACK = /^(localhost|127\.[0-9.]+|::1)$/;

export const consoleSchema = mapping({
  listen: tcpAddress.prefault('127.0.0.1:8433'),
  url: z
    .url({ protocol: /^https?$/, error: EXPECTED_ORIGIN, abort: true })
    .refine((url) => ['', '/'].includes(url.slice(new URL(url).origin.length)), EXPECTED_ORIGIN)
    .optional(),
  tls: mapping({ cert: text, key: text }).optional(),
  guards: z
    .array(mapping({ name: text.max(63), control: text.optional(), log: text }))
    .min(1)
    .optional(),
  identity: text.optional(),
  oidc: oidc.optional(),
  idle: written(FORMS.duration, readDuration).default(1_800_000),
  session: written(FORMS.duration, readDuration).default(43_200_000),
})
  // INVARIANT 111: no session cookie crosses a network unencrypted, and a printed link never opens a console that a network can reach.
  .refine(({ listen, tls }) => LOOPBACK.test(listen.host) || tls !== undefined, {
    path: ['listen'],
    error: 'expected "tls" as well: without it the console listens on loopback alone',
  })
  .refine(({ listen, oidc: login }) => LOOPBACK.test(listen.host) || login !== undefined, {
    path: ['listen'],
    error: 'expected "oidc" as well: without it the console listens on loopback alone',
  })
  .refine(({ listen, url }) => LOOPBACK.test(listen.host) || url !== undefined, {
    path: ['listen'],
    error: 'expected "url" as well: the console answers at the name that browsers know it by, and at no other',
  })
  .refine(({ guards = [] }) => new Set(guards.map(({ name }) => name)).size === guards.length, {
    path: ['guards'],
    error: 'expected each name once',
  })
  .prefault({});

/** `folder`: of the configuration; its paths are relative to it. */
export function consoleOf(folder: string, raw: z.output<typeof consoleSchema>): ConsoleConfig {
  const at = (file: string): string => resolve(folder, file);
  const { listen, url, tls, guards = [], identity, oidc: login, idle, session } = raw;
  return {
    listen,
    ...(url !== undefined && { url: new URL(url).origin }),
    ...(tls && { tls: { cert: at(tls.cert), key: at(tls.key) } }),
    guards: guards.map(({ name, control, log }) => ({
      ...{ name, log: at(log) },
      ...(control !== undefined && { control: at(control) }),
    })),
    ...(identity !== undefined && { identity: at(identity) }),
    ...(login && { oidc: oidcOf(at, login) }),
    idleMs: idle,
    sessionMs: session,
  };
}

function oidcOf(at: (file: string) => string, raw: z.output<typeof oidc>): ConsoleOidc {
  const { issuer, client_id: clientId, client_secret: clientSecret, scope, name, roles, people } = raw;
  return {
    ...{ issuer, clientId, scope, name },
    ...(clientSecret !== undefined && { clientSecret }),
    ...(roles && { roles }),
    ...(people !== undefined && { people: at(people) }),
  };
}
