/** Tests a worker that hangs: no other waits for it for ever, it keeps only the slots of its sessions, and it is replaced. */
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Watchdog } from '../../src/operations/workers/supervisor.ts';
import { cancelRequest } from '../../src/protocol/startup.ts';
import { rawLogin } from '../proxy/raw-client.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { type Served, serve } from './served.ts';

const LOGINS = 10;
let database: FreshDatabase;
let guard: Served;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await serve(
    database,
    `workers: 2\nlimits: { logins: ${LOGINS}, logins_per_address: ${LOGINS} }\ntimeouts: { login: 1 s }`,
  );
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

const openFiles = () => readdirSync(`/proc/${guard.pid}/fd`).length;

/** A connection that counts as closed when its socket is. */
function stranger(bytes: Uint8Array = Buffer.alloc(0)): { socket: Socket; closed: boolean } {
  const socket = connect({ port: guard.port, host: '127.0.0.1' });
  const one = { socket, closed: false };
  socket.on('error', () => {});
  socket.on('close', () => {
    one.closed = true;
  });
  socket.resume();
  if (bytes.length > 0) socket.write(bytes);
  return one;
}

test('others come in, cancels for it hold no place, and a connection that it never took is closed when it dies', async () => {
  const first = await rawLogin(guard.port, 'teacher', 'demo-teacher', database.name);
  const second = await rawLogin(guard.port, 'teacher', 'demo-teacher', database.name);
  const files = openFiles();
  const hung = guard.workers()[0]!;
  process.kill(hung, 'SIGSTOP');
  try {
    const waiting = Array.from({ length: 4 }, () => stranger());
    await eventually(
      () => waiting.filter(({ closed }) => closed).length === 3,
      'all but one are with the other worker',
    );
    const cancels = Array.from({ length: 2 * LOGINS }, () =>
      stranger(cancelRequest(first.key.processId, Buffer.alloc(4))),
    );
    await eventually(() => cancels.every(({ closed }) => closed), 'no client is kept longer than a login takes');
    await (await guard.connect('teacher')).end();
    process.kill(hung, 'SIGKILL');
    await eventually(() => waiting.every(({ closed }) => closed), 'what was on its way to it is closed');
    await eventually(() => guard.workers().length === 2 && !guard.workers().includes(hung), 'it is replaced');
    await eventually(() => openFiles() <= files, 'the primary holds no file of it');
  } finally {
    // Where a step failed, a stopped process would outlive the test.
    if (guard.workers().includes(hung)) process.kill(hung, 'SIGKILL');
    first.socket.destroy();
    second.socket.destroy();
  }
});

test('a worker that answers nothing is killed; one that is slow is not, and neither is asked twice at a time', async () => {
  const killed: string[] = [];
  const asked = new Map<string, number>();
  const worker = (name: string, id: number, answer: () => Promise<null>) => ({
    id,
    channel: {
      ask: () => {
        asked.set(name, (asked.get(name) ?? 0) + 1);
        return answer();
      },
    },
    kill: () => void killed.push(name),
  });
  const slow = () => new Promise<null>((done) => setTimeout(() => done(null), 25));
  const living = new Map([
    ['hung', worker('hung', 1, () => new Promise<null>(() => {}))],
    ['slow', worker('slow', 2, slow)],
  ]);
  const serving = () => [...living.values()] as unknown as ReturnType<ConstructorParameters<typeof Watchdog>[0]>;
  const told: number[] = [];
  const watchdog = new Watchdog(
    serving,
    ({ id }) => {
      told.push(id);
      living.delete('hung');
    },
    5,
  );
  await eventually(() => killed.length > 0, 'it is killed');
  await eventually(() => (asked.get('slow') ?? 0) > 3, 'the other one is asked again and again');
  watchdog.stop();
  expect({ killed, told, asked: asked.get('hung') }).toEqual({ killed: ['hung'], told: [1], asked: 1 });
});
