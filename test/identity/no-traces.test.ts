/** Tests through a real guard that no part of a token is in any log, error or at the server, wherever a client puts it. */
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { familyPolicies, seedFamilies, tokenOf } from '../portal/families.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { type Key, makeKey } from './issuer.ts';

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let key: Key;
const lines: string[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  await seedFamilies(database, 5);
  ({ folder, key } = await familyPolicies());
  guard = await guardInFrontOf(database, {
    policies: folder,
    logging: 'text: full',
    log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }),
  });
});
afterAll(async () => {
  await guard.stop();
  await database.drop();
  await rm(folder, { recursive: true });
});

const hex = (text: string): string => [...text].map((c) => `\\x${c.charCodeAt(0).toString(16)}`).join('');

/** Each sends the token in its own way; some of them set it, and the others are mistakes. */
const WAYS: readonly (readonly [string, (client: pg.Client, token: string) => Promise<unknown>])[] = [
  ['SET', (client, token) => client.query(`SET rowgate.token = '${token}'`)],
  ['SET of another type', (client, token) => client.query(`SET rowgate.token TO ${token}`)],
  ['SET escaped', (client, token) => client.query(`SET rowgate.token = E'${hex(token)}'`)],
  [
    'SET in a transaction',
    (client, token) => client.query(`BEGIN; SET LOCAL rowgate.token = '${token}'; SELECT name FROM pupils; COMMIT`),
  ],
  ['set_config', (client, token) => client.query("SELECT set_config('rowgate.token', $1, false)", [token])],
  [
    'set_config with the text in it',
    (client, token) => client.query(`SELECT set_config('rowgate.token', '${token}', false)`),
  ],
  [
    'set_config among others',
    (client, token) => client.query(`SELECT 1, set_config('rowgate.token', '${token}', false)`),
  ],
  ['quotes that do not end', (client, token) => client.query(`SET rowgate.token = '${token}`)],
  ['no quotes', (client, token) => client.query(`SELECT ${token}`)],
  ['as an identifier', (client, token) => client.query(`SELECT "${token}" FROM pupils`)],
  ['as a table', (client, token) => client.query(`SELECT * FROM "${token}"`)],
  ['another setting', (client, token) => client.query(`SET app.token = '${token}'`)],
  ['as a number', (client, token) => client.query(`SELECT id FROM pupils WHERE id = '${token}'`)],
  ['as a parameter of another type', (client, token) => client.query('SELECT id FROM pupils WHERE id = $1', [token])],
  ['in a comment', (client, token) => client.query(`SELECT 1 /* ${token} */ FROM nothing`)],
  ['as a name of the application', (client, token) => client.query(`SET application_name = '${token}'`)],
  ['as a statement’s name', (client, token) => client.query({ name: token.slice(0, 60), text: 'SELECT nothing' })],
  [
    'as a savepoint',
    (client, token) => client.query(`BEGIN; SAVEPOINT "${token.slice(0, 60)}"; ROLLBACK TO "${token.slice(0, 55)}"`),
  ],
  ['as a channel', (client, token) => client.query(`LISTEN "${token}"`)],
];

const LOGINS: readonly (readonly [string, (token: string) => pg.ClientConfig])[] = [
  ['user', (token) => ({ user: token })],
  ['database', (token) => ({ database: token })],
  ['application', (token) => ({ application_name: token })],
  ['options', (token) => ({ options: `-c rowgate.token=${token}` })],
  ['other options', (token) => ({ options: `-c app.token=${token}` })],
  ['no option', (token) => ({ options: token })],
  ['encoding', (token) => ({ client_encoding: token }) as pg.ClientConfig],
  ['password', (token) => ({ password: token })],
];

const KINDS: readonly (readonly [string, () => string])[] = [
  ['good', () => likeNumbers(key)],
  ['forged', () => likeNumbers(makeKey('EdDSA'))],
  ['expired', () => likeNumbers(key, { exp: 1_700_000_000, iat: 1_600_000_000 })],
];

/** A token with a signature that begins with a digit: without quotes, SQL takes that for the beginning of a number. */
function likeNumbers(by: Key, claims: object = {}): string {
  for (let n = 0; ; n++) {
    const text = tokenOf(by, 3, { ...claims, jti: String(n) });
    if (/\.[0-9][^.]*$/.test(text)) return text;
  }
}

it.each(KINDS.flatMap(([kind, make]) => WAYS.map(([way, send]) => [kind, way, make, send] as const)))(
  'a %s token: %s',
  async (_kind, way, make, send) => {
    const token = make();
    const client = await guard.connect('portal');
    const heard: unknown[] = [];
    client.on('notice', (notice) => heard.push(notice.message, notice.detail));
    const failed = await send(client, token).then(
      () => undefined,
      (error: unknown) => error,
    );
    await client.query('ROLLBACK');
    const after = await client.query('SELECT name FROM pupils').catch((error: unknown) => error);
    // The client's own rows may hold what it has asked for; its errors end in logs of its own.
    const shown = JSON.stringify([
      heard,
      failed,
      after instanceof Error ? { ...after, message: after.message } : after,
      (failed as Error | undefined)?.message,
    ]);
    const atServer = JSON.stringify(await database.query('SELECT query, application_name FROM pg_stat_activity'));
    await client.end();
    for (const part of partsOf(token)) {
      expect(shown).not.toContain(part);
      // The name of the application is the one thing that the server is always told.
      if (way !== 'as a name of the application') expect(atServer).not.toContain(part);
    }
  },
);

it.each(KINDS.flatMap(([kind, make]) => LOGINS.map(([way, settings]) => [kind, way, make, settings] as const)))(
  'a %s token at login: %s',
  async (_kind, _way, make, settings) => {
    const token = make();
    const client = new pg.Client({
      host: '127.0.0.1',
      port: guard.port,
      user: 'portal',
      password: 'demo-portal',
      database: database.name,
      ...settings(token),
    });
    client.on('error', () => {});
    const failed = await client.connect().then(
      () => undefined,
      (error: Error) => ({ ...error, message: error.message }),
    );
    await client.end().catch(() => {});
    for (const part of partsOf(token)) expect(JSON.stringify(failed ?? '')).not.toContain(part);
  },
);

it('the decision log and the operators’ log hold no part of them', async () => {
  const file = await readFile(join(dirname(guard.configFile), 'decisions.jsonl'), 'utf8');
  expect(file.split('\n').length).toBeGreaterThan(100);
  expect(file).toContain('<token>');
  // Hashes, signatures and keys are base64url as well, and may hold any letters.
  const withoutHashes = file.replaceAll(/"(hash|signature|key)":"[^"]*"/g, '');
  for (const text of [withoutHashes, lines.join('')]) {
    // Every header begins so; claims and signatures are behind a dot. Inside of other base64url the letters may stand by chance.
    expect(text.match(/(?<![\w-])eyJ[^"\\ ]{4,}.{0,40}/g) ?? []).toEqual([]);
    expect(text.match(/\\\\x65.{0,40}/g) ?? []).toEqual([]);
  }
});

/** Its three parts, and pieces of each. */
function partsOf(token: string): string[] {
  return token.split('.').flatMap((part) => [part, part.slice(0, 16), part.slice(-16), part.slice(10, 30)]);
}
