/** With several workers the primary has the socket: a lock ends sessions at all of them, a reload and a drain reach all. */
import { userInfo } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { type Operated, operate } from './served.ts';

let database: FreshDatabase;
let guard: Operated;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await operate(database, 'workers: 2');
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

it('a lock ends the sessions at all workers, and holds at all of them until it is released', async () => {
  const clients = await Promise.all(Array.from({ length: 4 }, () => guard.connect('vendor')));
  const ended = clients.map((client) => new Promise((done) => client.once('end', done)));
  await guard.done('locks.add', { principal: 'vendor', reason: 'both of them' });
  await Promise.all(ended);
  for (let n = 0; n < 4; n++) await expect(guard.connect('vendor')).rejects.toMatchObject({ code: '28000' });
  await guard.done('locks.release', { principal: 'vendor', reason: 'over' });
  await Promise.all(Array.from({ length: 4 }, () => guard.connect('vendor')));
  // By one worker, for both.
  expect(await guard.recorded('lock')).toMatchObject([{ by: userInfo().username }]);
  const logins = Object.values(await guard.records()).map((log) => log.filter(({ kind }) => kind === 'login').length);
  expect(logins.every((count) => count > 0)).toBe(true);
});

it('a reload has the answer of each worker', async () => {
  const { reports } = await guard.done<{ reports: { inForce: string }[] }>('reload');
  expect(reports).toHaveLength(2);
  expect(reports[0]?.inForce).toMatch(/^sha256:/);
  expect(reports[1]?.inForce).toBe(reports[0]?.inForce);
});

it('a drain ends all of it', async () => {
  await guard.done('drain');
  expect(await guard.status).toBe(0);
  expect(await guard.recorded('drain')).toHaveLength(1);
});
