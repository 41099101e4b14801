/** Tests what a running session reports: the attributes of its principal in records, and the server's parameters, which are kept once. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SessionContext } from '../../src/decision-log/record-sink.ts';
import type { SessionPorts } from '../../src/session/ports.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { passThrough, policyOf, principal, role, startTestProxy, type TestProxy, verifierOf } from './support.ts';

let database: FreshDatabase;
let proxy: TestProxy;
const contexts: SessionContext[] = [];
const opened: SessionPorts[] = [];

const policyFor = async (branch: string) => {
  const branches = new Map([
    ['branch', { name: 'branch', type: 'integer' as const, typeOid: 23, fromToken: false, rule: '' }],
  ]);
  const attributes = new Map([['branch', branch]]);
  return policyOf(
    [principal('app', [await verifierOf('secret')], { attributes })],
    [role('app', { attributes: branches })],
  );
};

beforeAll(async () => {
  database = await freshDatabase();
  const login = await database.createLogin();
  proxy = await startTestProxy({ ...login, database: database.name }, await policyFor('1'), {
    makeSession: (ports) => {
      opened.push(ports);
      return passThrough(ports);
    },
    records: {
      append: () => true,
      login: async () => true,
      session: (context) => {
        contexts.push(context);
        return { append: () => true, reachDisk: () => undefined, isOnDisk: () => true };
      },
    },
  });
});

beforeEach(() => {
  contexts.length = 0;
  opened.length = 0;
});

afterAll(async () => {
  await proxy?.stop(1_000);
  await database?.drop();
});

async function connect(options = ''): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: proxy.url('app', 'secret'), options });
  client.on('error', () => {});
  await client.connect();
  return client;
}

test('records hold the attributes by which statements are judged: from the beginning, and after a reload', async () => {
  const clients = [await connect(), await connect()];
  const shown = () => contexts.map(({ attributes }) => attributes);
  expect(shown()).toEqual([{ branch: 1 }, { branch: 1 }]);
  await proxy.setPolicy(await policyFor('2'));
  opened[0]?.policy();
  expect(shown()).toEqual([{ branch: 2 }, { branch: 1 }]);
  opened[1]?.policy();
  expect(shown()).toEqual([{ branch: 2 }, { branch: 2 }]);
  await Promise.all(clients.map((client) => client.end()));
});

test('parameters that the server reports to all sessions are kept once, and those of one session stay its own', async () => {
  const clients = [await connect(), await connect(), await connect('-c TimeZone=Asia/Tokyo'), await connect()];
  const zones = opened.map(({ settings }) => settings?.get('TimeZone'));
  expect(zones).toEqual([zones[0], zones[0], 'Asia/Tokyo', zones[0]]);
  expect(opened[1]?.settings).toBe(opened[0]?.settings);
  expect(opened[2]?.settings).not.toBe(opened[0]?.settings);
  await clients[0]?.query(`SET TimeZone = 'Asia/Tokyo'`);
  expect(opened.map(({ settings }) => settings?.get('TimeZone'))).toEqual(zones);
  await Promise.all(clients.map((client) => client.end()));
});
