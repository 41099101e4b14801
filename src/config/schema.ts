/** The keys of `rowgate.yaml` and what each may hold. Unknown keys are errors. */

import { z } from 'zod';
import { isRecipient } from '../core/age-key.ts';
import { isAddressBlock } from '../policy/model/address-block.ts';
import { found, mapping, oneOrList, written } from '../policy/schema/schema-values.ts';
import { FORMS, readDuration } from '../policy/source/quantity.ts';
import { anchorSchema } from './anchor.ts';
import { keysSchema } from './canary-key.ts';
import { consoleSchema } from './console.ts';
import { controlSchema, notifySchema } from './control-schema.ts';
import { forwardSchema } from './forward.ts';
import { listenAddress, tcpAddress } from './listen-address.ts';
import { logFilesKeys } from './log-files.ts';
import { DEFAULT_LOG_FILE } from './log-place.ts';
import { stateSchema } from './state.ts';
import { upstreamSchema } from './upstream.ts';

/** The key `log.encrypt_to`: public keys of age (age-encryption.org) of those who can read the decision log. */
const recipients = z
  .array(z.string().refine(isRecipient, 'expected a public key of age, as age1…; "age-keygen -o FILE" makes one'))
  .min(1)
  .optional();

const text = z.string().min(1);
const boolean = z.union([z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')]);

/** Like PostgreSQL's unix_socket_permissions. It must be quoted: YAML would read the digits as a decimal number. */
const permissions = z
  .string('expected octal digits in quotes, as "0770"')
  .regex(/^0?[0-7]{3}$/, 'expected octal digits in quotes, as "0770"')
  .transform((digits) => Number.parseInt(digits, 8));

const addressBlock = z
  .string()
  .refine((block) => isAddressBlock(block), 'expected an address block, as 10.0.0.7/32, or local');

const timeZone = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}, 'expected a time zone, as Europe/Paris');

const schemaName = text.refine(
  (name) => name !== '$user',
  '"$user" cannot stand in search_path: it changes with the login',
);

/** A whole number; text that holds one is accepted, as environment variables give text. */
function count(least: number, most: number) {
  const digits = z
    .string()
    .regex(/^[0-9]+$/, { error: ({ input }) => `expected a whole number${found(input)}` })
    .transform(Number);
  return z.union([z.number(), digits]).pipe(z.int().min(least).max(most));
}

/** The limit of one address defaults to half of the whole. */
const limits = mapping({
  connections: count(1, 100_000).default(1000),
  connections_per_address: count(1, 100_000).optional(),
  reserved_connections: count(0, 1000).default(3),
  logins: count(1, 100_000).default(500),
  logins_per_address: count(1, 100_000).optional(),
})
  .prefault({})
  .refine(({ connections, reserved_connections: reserved }) => reserved < connections, {
    path: ['reserved_connections'],
    error: 'expected fewer than connections',
  });

const durationOrNone = (text: string) => (text === '0' ? { value: 0 } : readDuration(text));

/** Like PostgreSQL's settings of similar names: `0`, or no value, means no limit. The login limit cannot be turned off. */
const timeouts = mapping({
  login: written(FORMS.duration, readDuration)
    .refine((ms) => ms >= 1_000, 'expected at least 1 s')
    .default(15_000),
  idle: written(FORMS.duration, durationOrNone).default(0),
  idle_in_transaction: written(FORMS.duration, durationOrNone).default(0),
}).prefault({});

/** Plans of statements that are repeated. */
const plans = mapping({
  reuse: z.enum(['on', 'off']).default('on'),
  after: count(1, 100).default(2),
  per_session: count(1, 1000).default(32),
}).prefault({});

export const configSchema = mapping({
  name: text.max(63).optional(),
  listen: oneOrList(listenAddress),
  unix_socket_permissions: permissions.default(0o777),
  proxy_protocol: mapping({ from: z.array(addressBlock).min(1) }).optional(),
  tls: mapping({
    cert: text,
    key: text,
    client_ca: text.optional(),
    client_crl: oneOrList(text).optional(),
    required: boolean.default(true),
  })
    .refine(({ client_ca: ca, client_crl: crl }) => crl === undefined || ca !== undefined, {
      path: ['client_crl'],
      error: 'expected "client_ca" as well: without an authority there is nothing to take back',
    })
    .optional(),
  require_certificate: z.enum(['none', 'unrestricted', 'all']).default('none'),
  upstream: upstreamSchema,
  search_path: z.array(schemaName).min(1).default(['public']),
  policies: text.default('./policies'),
  log: mapping({
    file: text.default(DEFAULT_LOG_FILE),
    durability: z.enum(['batched', 'strict']).default('batched'),
    text: z.enum(['normalized', 'full', 'none']).default('normalized'),
    level: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
    forward: forwardSchema,
    subjects: z.enum(['hashed', 'counted']).optional(),
    ...logFilesKeys,
    encrypt_to: recipients,
    anchor: anchorSchema,
  })
    .refine(({ forward, encrypt_to: recipients }) => forward.length === 0 || !recipients?.length, {
      path: ['forward'],
      error: 'a log that is encrypted cannot be forwarded: the guard cannot read it',
    })
    .prefault({}),
  notify: notifySchema,
  control: controlSchema,
  console: consoleSchema,
  keys: keysSchema,
  time_zone: timeZone.optional(),
  state: stateSchema,
  admin: tcpAddress.optional(),
  workers: count(1, 256).default(1),
  plans,
  limits,
  timeouts,
  drain: written(FORMS.duration, readDuration).default(30_000),
})
  .refine(({ log }) => log.encrypt_to === undefined || log.forward.length === 0, {
    path: ['log', 'forward'],
    error: 'cannot stand beside log.encrypt_to: the guard sends what lies in its log, and cannot read that',
  })
  .refine(({ tls, require_certificate: whose }) => whose === 'none' || tls !== undefined, {
    path: ['require_certificate'],
    error: 'expected "tls" as well: without it no client can show a certificate',
  })
  .refine(({ log, keys }) => log.subjects !== 'hashed' || keys.subjects !== undefined, {
    path: ['log', 'subjects'],
    error: 'expected keys.subjects as well: ids are made with its key; "rowgate log key" makes one',
  });

export type RawConfig = z.output<typeof configSchema>;
