/** Tests several hosts with a standby among them; servers that stop, start, change their part, and are not there at first. */
import { connect, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { cancelRequest } from '../../src/protocol/startup.ts';
import { eventually, talk } from '../proxy/support.ts';
import { type Cluster, guardBefore, newCluster, standbyOf, type World } from './world.ts';

let primary: Cluster;
let standby: Cluster;
let world: World | undefined;

beforeAll(async () => {
  primary = await newCluster();
  await primary.query(`CREATE ROLE rowgate LOGIN PASSWORD 'pw'`);
  standby = await standbyOf(primary);
});

afterEach(async () => {
  await world?.stop();
  world = undefined;
});

afterAll(async () => {
  await standby?.remove();
  await primary?.remove();
});

const at = (...clusters: Cluster[]) => clusters.map(({ port }) => `127.0.0.1:${port}`).join(',');
const url = (hosts: string, query = '') => `{ url: "postgres://rowgate:pw@${hosts}/postgres${query}" }`;

async function portOf(options: Parameters<World['connect']>[0] = {}): Promise<number> {
  const client = await world!.connect(options);
  const { rows } = await client.query('SELECT inet_server_port() AS port');
  await client.end();
  return rows[0].port;
}

/** The one that asks is found as well. */
async function runs(text: string): Promise<boolean> {
  return (await primary.query(`SELECT FROM pg_stat_activity WHERE query LIKE '%${text}%'`)).length === 2;
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    ({ code }: { code: string }) => code,
  );

test('target_session_attrs chooses as libpq does', async () => {
  const [first, second] = [primary.port, standby.port];
  const cases: [attributes: string, hosts: string, expected: number][] = [
    ['any', at(standby, primary), second],
    ['read-write', at(standby, primary), first],
    ['primary', at(standby, primary), first],
    ['standby', at(primary, standby), second],
    ['read-only', at(primary, standby), second],
    ['prefer-standby', at(primary, standby), second],
    ['prefer-standby', at(primary), first],
  ];
  for (const [attributes, hosts, expected] of cases) {
    world = await guardBefore(url(hosts, `?target_session_attrs=${attributes}`));
    expect([attributes, await portOf()]).toEqual([attributes, expected]);
    await world.stop();
  }
});

test('a client that wants read-only transactions still finds the server that writes', async () => {
  world = await guardBefore(url(at(standby, primary), '?target_session_attrs=read-write'));
  expect(await portOf({ options: '-c default_transaction_read_only=on' })).toBe(primary.port);
});

test('no server of the wanted kind: 57P03, and the guard waits', async () => {
  world = await guardBefore(url(at(standby), '?target_session_attrs=read-write'));
  expect(await codeOf(world.connect())).toBe('57P03');
  expect(world.lines.join('\n')).toContain('the session is not read-write');
});

test('a host that is not there is passed over, and the cancel goes where the session is', async () => {
  const hosts = `127.0.0.1:1,no-such-host.invalid,${at(primary)}`;
  world = await guardBefore(`{ url: "postgres://rowgate:pw@${hosts}/postgres", tls: { mode: disable } }`);
  const client = await world.connect();
  const sleeping = codeOf(client.query('SELECT pg_sleep(60)'));
  await eventually(() => runs('pg_sleep(60)'), 'the statement runs');
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const key = Buffer.alloc(4);
  key.writeInt32BE(secretKey);
  await talk(world.guard.address.port, cancelRequest(processID, key));
  expect(await sleeping).toBe('57014');
});

test('by unix socket', async () => {
  for (const part of [
    `@/postgres?host=${primary.folder}&port=${primary.port}`,
    `@${encodeURIComponent(primary.folder)}:${primary.port}/postgres`,
  ]) {
    world = await guardBefore(`{ url: "postgres://rowgate:pw${part}" }`);
    expect(await portOf()).toBeNull();
    await world.stop();
  }
});

test('the server stops in mid-statement and comes back', async () => {
  world = await guardBefore(url(at(primary)));
  const client = await world.connect();
  const running = codeOf(client.query('SELECT pg_sleep(60)'));
  await eventually(() => runs('pg_sleep(60)'), 'the statement runs');
  await primary.stop();
  expect(await running).toBe('57P01');
  expect(await codeOf(world.connect())).toBe('08001');
  await primary.start();
  expect(await portOf()).toBe(primary.port);
  const records = await world.records();
  const decision = records.find(({ kind, statement }) => kind === 'decision' && String(statement).includes('pg_sleep'));
  const outcome = records.find(({ kind, id }) => kind === 'outcome' && id === decision?.id);
  expect(outcome).toMatchObject({ status: expect.stringMatching(/^(error|lost)$/) });
});

test('a guard that starts before its database refuses logins, and accepts them as soon as it is there', async () => {
  await primary.stop();
  world = await guardBefore(url(at(primary)));
  expect(await codeOf(world.connect())).toBe('57P03');
  await primary.start();
  await eventually(async () => (await codeOf(world!.connect())) === 'none', 'a client gets in');
  const records = await world.records();
  expect(records.filter(({ kind }) => kind === 'policy')).toMatchObject([{ via: 'start' }]);
});

test('a wrong password or an unknown database ends the start', async () => {
  await expect(guardBefore(`{ url: "postgres://rowgate:wrong@${at(primary)}/postgres" }`)).rejects.toThrow(
    /password authentication failed/,
  );
  await expect(guardBefore(`{ url: "postgres://rowgate:pw@${at(primary)}/nowhere" }`)).rejects.toThrow(
    /does not exist/,
  );
});

test('a password that was changed, and changed back', async () => {
  world = await guardBefore(url(at(primary)));
  await primary.query(`ALTER ROLE rowgate PASSWORD 'other'`);
  expect(await codeOf(world.connect())).toBe('08001');
  expect(world.lines.join('\n')).toContain('password authentication failed');
  await primary.query(`ALTER ROLE rowgate PASSWORD 'pw'`);
  expect(await codeOf(world.connect())).toBe('none');
});

test('out of connections: 53300', async () => {
  world = await guardBefore(url(at(primary)));
  await primary.query('ALTER ROLE rowgate CONNECTION LIMIT 1');
  const first = await world.connect();
  expect(await codeOf(world.connect())).toBe('53300');
  await first.end();
  await primary.query('ALTER ROLE rowgate CONNECTION LIMIT -1');
  expect(await codeOf(world.connect())).toBe('none');
});

test('a server that answers no cancel holds no client for ever', async () => {
  let dark = false;
  const between = createServer((socket) => {
    socket.on('error', () => {});
    if (dark) return; // accepts, and says nothing
    const onward = connect(primary.port, '127.0.0.1');
    onward.on('error', () => {});
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((done) => between.listen(0, '127.0.0.1', () => done()));
  const { port } = between.address() as { port: number };
  const upstream = `{ url: "postgres://rowgate:pw@127.0.0.1:${port}/postgres", connect_timeout: 500 ms }`;
  world = await guardBefore(upstream, '{ bytes_per_statement: 1 MB }');
  const client = await world.connect();
  dark = true;
  expect(await codeOf(client.query(`SELECT repeat('x', 300000), pg_sleep(0.2) FROM generate_series(1, 1000)`))).toBe(
    '08006',
  );
  expect(world.lines.join('\n')).toContain('could not cancel a statement');
  between.close();
});

test('the standby is promoted when the primary has gone: the next login finds it', async () => {
  world = await guardBefore(url(at(primary, standby), '?target_session_attrs=read-write'));
  expect(await portOf()).toBe(primary.port);
  await primary.stop();
  expect(await codeOf(world.connect())).toBe('57P03');
  await standby.query('SELECT pg_promote()');
  expect(await portOf()).toBe(standby.port);
});
