/** The key `upstream`: the database server, how to reach it, and the accounts that roles use there. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { mapping, written } from '../policy/schema/schema-values.ts';
import { FORMS, readDuration } from '../policy/source/quantity.ts';
import type { Login, UpstreamConfig } from './config.ts';
import type { UpstreamUrl } from './upstream-url.ts';

const text = z.string().min(1);

const passwordKeys = {
  password_command: z.tuple([text], z.string()).optional(),
  password_command_ttl: written(FORMS.duration, readDuration).optional(),
};

type PasswordKeys = z.output<ReturnType<typeof mapping<typeof passwordKeys>>>;

/** For connecting to one address. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Cloud providers' tokens can open new connections for at least 15 minutes. */
const PASSWORD_TTL_MS = 5 * 60_000;

const NEEDS_COMMAND = { path: ['password_command_ttl'], error: 'expected "password_command" as well' };
const needsCommand = ({ password_command: command, password_command_ttl: ttl }: PasswordKeys) =>
  ttl === undefined || command !== undefined;

const login = mapping({ user: text, password: z.string().optional(), ...passwordKeys })
  .refine(({ password, password_command: command }) => password === undefined || command === undefined, {
    path: ['password_command'],
    error: 'expected either "password" or "password_command"',
  })
  .refine(needsCommand, NEEDS_COMMAND);

const tls = mapping({
  mode: z.enum(['disable', 'require', 'verify-full']),
  ca: text.optional(),
  cert: text.optional(),
  key: text.optional(),
})
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'expected both "cert" and "key", or neither')
  .refine(({ mode, cert }) => mode !== 'disable' || cert === undefined, {
    path: ['cert'],
    error: 'expected another "mode": without TLS no certificate is shown',
  });

/** `upstream-url.ts` parses `url`, from its parts. */
export const upstreamSchema = mapping({
  url: text,
  ...passwordKeys,
  tls: tls.optional(),
  logins: z.record(z.string(), login).default({}),
  connect_timeout: written(FORMS.duration, readDuration).optional(),
  pooling: z.enum(['none', 'session', 'transaction']).default('none'),
}).refine(needsCommand, NEEDS_COMMAND);

/** A string tells what is wrong with the key `upstream.password_command`. @param file the configuration's absolute path */
export function upstreamOf(
  file: string,
  raw: z.output<typeof upstreamSchema>,
  url: UpstreamUrl,
): UpstreamConfig | string {
  if (url.password !== undefined && raw.password_command) return 'expected either a password in "url" or a command';
  const at = (path: string) => resolve(dirname(file), path);
  const logins = Object.entries(raw.logins).map(
    ([role, { user, password, ...keys }]) => [role, loginOf(file, user, password, keys)] as const,
  );
  const isLocal = url.hosts.every(({ host }) => /^(localhost|127\.[0-9.]+|::1|\/.*)$/.test(host));
  const { mode, ca, cert, key } = raw.tls ?? { mode: isLocal ? 'disable' : 'verify-full' };
  return {
    hosts: url.hosts,
    targetSessionAttrs: url.targetSessionAttrs,
    loadBalance: url.loadBalance,
    connectTimeoutMs: raw.connect_timeout ?? url.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    pooling: raw.pooling,
    database: url.database,
    login: loginOf(file, url.user, url.password, raw),
    logins: new Map(logins),
    tls: {
      mode,
      ...(ca !== undefined && { ca: at(ca) }),
      ...(cert !== undefined && { cert: at(cert) }),
      ...(key !== undefined && { key: at(key) }),
    },
  };
}

function loginOf(file: string, user: string, password: string | undefined, keys: PasswordKeys): Login {
  if (password !== undefined) return { user, password };
  if (!keys.password_command) return { user };
  const [program, ...args] = keys.password_command;
  // As in a shell: a name with a slash is a path; any other is looked up on PATH.
  const path = program.includes('/') ? resolve(dirname(file), program) : program;
  return { user, password: { command: [path, ...args], ttlMs: keys.password_command_ttl ?? PASSWORD_TTL_MS } };
}
