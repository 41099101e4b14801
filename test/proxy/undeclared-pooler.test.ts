/** Tests an undeclared pooler between the guard and the server, which reads and changes the startup packet: the guard notices it. */
import { connect, createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { decodeQuery, query } from '../../src/protocol/query.ts';
import { startupMessage } from '../../src/protocol/startup.ts';
import { type FreshDatabase, freshDatabase, serverAddress } from '../support/postgres.ts';
import { policyOf, principal, psql, startTestProxy, type TestProxy, verifierOf } from './support.ts';

let database: FreshDatabase;
let login: Awaited<ReturnType<FreshDatabase['createLogin']>>;
let proxy: TestProxy | undefined;
let pooler: Server | undefined;

beforeAll(async () => {
  database = await freshDatabase();
});

afterEach(async () => {
  await proxy?.stop(1_000);
  proxy = undefined;
  await new Promise<void>((done) => (pooler ? pooler.close(() => done()) : done()));
  pooler = undefined;
});

afterAll(() => database?.drop());

type Pairs = [string, string][];

interface Pooler {
  /** Changes the pairs of the startup packet. */
  startup(pairs: Pairs): Pairs;
  /** SQL in front of the first message; `options`: as they came. */
  first?(options: string): string;
}

/** Every setting of `options` by SET. */
const bySet = (options: string): string =>
  [...options.matchAll(/-c ([a-z_.]+)=(\S*)/g)].map(([, name, value]) => `SET ${name} = '${value}';`).join('');

const withoutOptions = (pairs: Pairs): Pairs => pairs.filter(([name]) => name !== 'options');
const changed = (from: RegExp, to: string) => (pairs: Pairs) =>
  pairs.map(([name, value]): [string, string] => [name, name === 'options' ? value.replace(from, to) : value]);

async function startPooler({ startup, first }: Pooler): Promise<number> {
  const server = createServer((client) => {
    const upstream = connect(serverAddress());
    let options = '';
    let packets = 0;
    client.on('error', () => {}).on('close', () => upstream.destroy());
    upstream.on('error', () => {}).on('close', () => client.destroy());
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk) => {
      packets += 1;
      if (packets === 1) {
        const words = chunk.subarray(8, -1).toString('latin1').split('\0').slice(0, -1);
        const pairs = words.flatMap((word, at): Pairs => (at % 2 === 0 ? [[word, words[at + 1] ?? '']] : []));
        options = new Map(pairs).get('options') ?? '';
        upstream.write(startupMessage(3, 0, startup(pairs)));
        return;
      }
      const at = chunk.indexOf('Q\0\0');
      if (at < 0 || !first || options === '') {
        upstream.write(chunk);
        return;
      }
      upstream.write(chunk.subarray(0, at));
      upstream.write(query(`${first(options)}${decodeQuery(chunk.subarray(at))}`));
      options = '';
    });
  });
  pooler = server;
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function through(behaviour: Pooler): Promise<{ stderr: string; stdout: string; log: string }> {
  login = await database.createLogin();
  // The account has, by itself, all that a pooler's operator was once told to give it.
  await database.query(
    `ALTER ROLE ${login.user} SET search_path = public; ALTER ROLE ${login.user} SET backslash_quote = safe_encoding`,
  );
  const upstream = {
    hosts: [{ host: '127.0.0.1', port: await startPooler(behaviour) }],
    tls: { mode: 'disable' as const },
    timeoutMs: 5_000,
  };
  const policy = policyOf([principal('app', [await verifierOf('secret')])]);
  proxy = await startTestProxy({ ...login, database: database.name }, policy, { upstream });
  const { stdout, stderr } = await psql(proxy.url('app', 'secret'), ['-c', 'SELECT 1']);
  return { stdout, stderr, log: proxy.lines.join('\n') };
}

test('a proxy that passes everything on is no pooler', async () => {
  expect(await through({ startup: (pairs) => pairs })).toMatchObject({ stdout: '1', stderr: '' });
});

test.each<[string, Pooler, RegExp]>([
  ['drops the settings, where the account has the same', { startup: withoutOptions }, /is there a pooler\?/],
  ['sets them itself', { startup: withoutOptions, first: bySet }, /is there a pooler\?/],
  [
    'sets them itself, under a connection that began with those of another session',
    { startup: changed(/(rowgate\.connection=)\S+/, '$1another'), first: bySet },
    /is there a pooler\?/,
  ],
  [
    'puts another search_path in',
    { startup: changed(/search_path=\S+/, 'search_path=pg_catalog') },
    /search_path is pg_catalog/,
  ],
  [
    'puts another search_path in, and then sets the right one',
    { startup: changed(/search_path=\S+/, 'search_path=pg_catalog'), first: bySet },
    /search_path is pg_catalog/,
  ],
  [
    'has quotes read otherwise',
    { startup: changed(/standard_conforming_strings=on/, 'standard_conforming_strings=off') },
    /standard_conforming_strings is off/,
  ],
  [
    'has the server print its plans',
    { startup: changed(/client_min_messages=notice/, 'client_min_messages=debug1') },
    /client_min_messages is debug1/,
  ],
])('one that %s is found out', async (_what, behaviour, expected) => {
  const { stdout, stderr, log } = await through(behaviour);
  expect(stdout).toBe('');
  expect(stderr).toContain('the session with the database server is not as Rowgate needs it');
  expect(log).toMatch(expected);
});

test('one that runs it as another role is found out', async () => {
  const other = await database.createLogin();
  const behaviour: Pooler = { startup: changed(/role=none/, `role=${other.user}`) };
  const grant = async () => database.query(`GRANT ${other.user} TO ${login.user}`);
  await through(behaviour);
  await grant();
  const { stdout, stderr } = await psql(proxy!.url('app', 'secret'), ['-c', 'SELECT 1']);
  expect(stdout).toBe('');
  expect(stderr).toContain('not as Rowgate needs it');
  expect(proxy?.lines.join('\n')).toContain(`role is ${other.user}`);
});
