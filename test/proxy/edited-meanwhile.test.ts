/** Tests a policy that is changed while the database server cannot be asked: it holds as soon as the server can be asked again. */
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase, serverAddress } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

let database: FreshDatabase;
let guard: TestGuard;
/** The way to the server, which can be closed. */
let way: Server;
let isDown = false;
let said = '';
const sockets = new Set<Socket>();

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  way = createServer((near) => {
    const far = connect(serverAddress());
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
    if (isDown) near.destroy();
  });
  await new Promise<void>((done) => way.listen(0, '127.0.0.1', done));
  const write = (line: string): void => {
    said += line;
  };
  guard = await guardInFrontOf(database, {
    log: pino({ level: 'info' }, { write }),
    upstream: (account) => {
      const url = new URL(account);
      url.host = `127.0.0.1:${(way.address() as { port: number }).port}`;
      return `{ url: "${url}" }`;
    },
  });
});
afterAll(async () => {
  await guard?.stop();
  for (const socket of sockets) socket.destroy();
  way?.close();
  await database?.drop();
});

test('who was removed meanwhile is not let in again', async () => {
  const files = join(guard.configFile, '../policies/principals.yaml');
  expect((await (await guard.connect('canteen')).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  isDown = true;
  for (const socket of sockets) socket.destroy();
  const text = await readFile(files, 'utf8');
  await writeFile(files, text.replace(/^ {2}canteen:/m, '  other:'));
  await expect.poll(() => said).toMatch(/"via":"file".*policy not reloaded/);
  expect((await guard.reload()).policy).toMatchObject({ kind: 'unread' });
  isDown = false;
  const comesIn = async (): Promise<string> => {
    try {
      await (await guard.connect('canteen')).end();
      return 'in';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  await expect.poll(comesIn, { interval: 500 }).toBe('28P01');
  const [change] = (await guard.records()).filter(({ kind }) => kind === 'policy').slice(-1);
  expect(change).toMatchObject({ via: 'file', by: 'system' });
});
