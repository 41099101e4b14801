/** The schemas of `principals.yaml` and `subjects.yaml`. */
import { z } from 'zod';
import { breakGlass } from '../compile/signed.ts';
import { loginSchema } from '../compile/token-login.ts';
import { CANARY } from '../model/canaries.ts';
import { FORMS, readDate, readDuration } from '../source/quantity.ts';
import { during, limits } from './limits-schema.ts';
import { accept, attributeName, catalogName, mapping, name, oneOrList, written } from './schema-values.ts';

const SECRET = { error: 'expected a SCRAM-SHA-256 verifier, or a list of them; "rowgate password" makes one' };
/** The message does not quote the value: it may be a key. */
const NO_CANARY = 'expected "hmac:" and 43 characters; "rowgate canary hash" makes one of a key';
const attributeValue = z.union([z.string(), z.number(), z.boolean(), z.null()]).meta({ title: 'value' });

/** One principal. `principals.ts` checks the values: messages never quote passwords. */
export const principalSchema = mapping({
  role: z.string().describe('The role that it logs in by.'),
  mode: z
    .enum(['enforce', 'observe'])
    .optional()
    .describe('In the place of the role’s: one instance of an application can be enforced first.'),
  attributes: z
    .record(attributeName, z.union([attributeValue, z.array(attributeValue)]))
    .optional()
    .describe('The values of the role’s attributes, read as they are written and then typed.'),
  password: z
    .union([z.string(SECRET), z.array(z.string(SECRET)).min(1)], SECRET)
    .optional()
    .describe(
      'A SCRAM-SHA-256 verifier, or a list of them while one is being replaced; `rowgate password` makes them.',
    ),
  certificate: z
    .string()
    .optional()
    .describe(
      'A client certificate that must be shown, beside the password or, without one, instead of it: `sha256:` and its fingerprint, or `subject:CN=app,O=School`, the whole subject of one that an authority in `tls.client_ca` has signed.',
    ),
  token: mapping({
    issuer: z.string().describe('The issuer (`iss`) that signs the tokens, to the letter.'),
    audience: oneOrList(z.string().min(1))
      .optional()
      .describe('Whom the tokens are for: one of these has to stand in `aud`. Default: `rowgate`.'),
    keys: z
      .string()
      .describe(
        'The issuer’s public keys, a JWK set: a file (a path in the policies folder, or an absolute one), or an `https://` address.',
      ),
    user: z.string().describe('The claim that names the person.'),
    max_age: written(FORMS.duration, readDuration)
      .optional()
      .describe('The longest that a token is taken after it was issued (`iat`).'),
    claims: z
      .record(attributeName, z.string().min(1))
      .optional()
      .describe('By attribute: the claim that gives it. Default: the claim of the attribute’s own name.'),
    require: z
      .record(z.string().min(1), attributeValue)
      .optional()
      .describe('By claim: what it must be, or what must stand in its list.'),
    login: loginSchema
      .optional()
      .describe(
        'People log in themselves, each by a token of theirs: under the principal’s name, or under their own as the claim `user` has it.',
      ),
  })
    .optional()
    .describe('Tokens of the people behind this account ([identity.md](identity.md)).'),
  from: z
    .array(z.string())
    .min(1)
    .optional()
    .describe(
      'Addresses that it may log in from: `[127.0.0.1/32, 10.12.0.0/16]`, and `local` for the guard’s unix sockets. Without it: from anywhere.',
    ),
  break_glass: breakGlass.optional(),
  valid_until: written(FORMS.date, readDate).optional().describe('The last day on which it may log in.'),
  limits: limits.optional().describe('Limits beside those of the role: both hold.'),
  during: during.optional(),
  accept,
});

/** The file as a whole: principals are validated one by one, so that one mistake does not lock out all of them. */
export const principalsFileSchema = mapping({
  principals: z.record(z.string().min(1), z.unknown()).describe('Who may log in, by user name.'),
});

export const subjectsSchema = mapping({
  subjects: z
    .record(
      name,
      mapping({
        keys: z
          .array(catalogName)
          .min(1)
          .describe(
            'The columns that say whose data a row is. The first is the key of the table that holds one row for each person. Of type smallint, integer, bigint, numeric without decimals, uuid, text and similar types (not citext), domains over them, or arrays of integers, uuid or text.',
          ),
        canaries: z
          .array(z.string({ error: NO_CANARY }).regex(CANARY, { error: NO_CANARY }))
          .optional()
          .describe('Made-up people that no work needs, by the HMACs of their keys; `rowgate canary` makes them.'),
        categories: z
          .record(name, z.array(catalogName))
          .optional()
          .describe('Kinds of data, for reports: `{ health: [absences.reason] }`.'),
        accept,
      }),
    )
    .describe('What in this database is about a person, by kind of person.'),
  about: z
    .record(catalogName, oneOrList(name))
    .optional()
    .describe(
      'For a table, view or function that seems to hold data of a subject and has no key of it: `nobody`, or the only subjects that it is about.',
    ),
});

export type PrincipalEntry = z.output<typeof principalSchema>;
export type SubjectsFile = z.output<typeof subjectsSchema>;
