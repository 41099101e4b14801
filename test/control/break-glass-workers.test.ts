/** Tests break-glass with several workers: it opens at all of them, is reported once, survives their death and the guard's, and ends with the state. */
import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, verifierOf } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { newSigner } from '../support/ssh-signer.ts';
import { type Operated, operate } from './served.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');
const CLOSED = { code: '28000', message: 'principal "night" is closed' };
const signers = ['jean', 'zoe'].map(newSigner);
const sudoUser = process.getuid?.() === 0 ? 'ines' : undefined;

let database: FreshDatabase;
let guard: Operated;
const started: ChildProcess[] = [];

async function open(): Promise<string> {
  const given = { principal: 'night', forMs: 3_600_000, reason: 'ticket 4711' };
  const asked = await guard.ask('break-glass.ask', given, sudoUser);
  if (!asked.ok) throw new Error(asked.error.message);
  const { id, text } = (asked.result as { opening: { id: string; text: string } }).opening;
  for (const { sign } of signers)
    await guard.done('break-glass.approve', { id, signature: sign(text, 'rowgate-break-glass') });
  return id;
}
const steps = async () => (await guard.recorded('break-glass')).map(({ status }) => status);

/** In the same folder, with the same files. Returns where it listens. */
async function startAgain(): Promise<number> {
  const child = spawn(process.execPath, [MAIN, 'serve'], { cwd: guard.folder });
  started.push(child);
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  await eventually(() => said.includes('\n'), 'it listens');
  return Number(/:(\d+)[,\n]/.exec(said)?.[1]);
}
async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((done) => child.once('close', done));
  child.kill('SIGTERM');
  await gone;
}
async function connect(port: number): Promise<void> {
  const client = new pg.Client(guard.url('night').replace(/:\d+\//, `:${port}/`));
  client.on('error', () => {});
  await client.connect();
  await client.end();
}

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await operate(database, 'workers: 2\nstate: file:./state');
  await guard.policy(
    'approvers.yaml',
    `approvers:\n${signers.map(({ name, line }) => `  ${name}: { key: "${line}" }\n`).join('')}`,
  );
  await guard.policy(
    'principals.yaml',
    `principals:\n  night: { role: vendor, password: "${await verifierOf('demo-night')}", break_glass: { approvals: 2, for: 2 hours } }\n`,
  );
  expect(await guard.ask('reload')).toMatchObject({ ok: true });
});

afterAll(async () => {
  for (const child of started) if (child.exitCode === null) await end(child);
  await guard?.stop();
  await database?.drop();
});

it('is open at all workers, and told of once', async () => {
  for (let n = 0; n < 4; n++) await expect(guard.connect('night')).rejects.toMatchObject(CLOSED);
  const id = await open();
  const clients = await Promise.all(Array.from({ length: 6 }, () => guard.connect('night')));
  await expect.poll(steps).toEqual(['requested', 'approved', 'opened', 'used']);
  const ended = clients.map((client) => new Promise((done) => client.once('end', done)));
  await guard.done('break-glass.close', { id });
  await Promise.all(ended);
  for (let n = 0; n < 4; n++) await expect(guard.connect('night')).rejects.toMatchObject(CLOSED);
});

it('a worker that takes the place of another knows it', async () => {
  const id = await open();
  const [worker = 0] = guard.workers();
  process.kill(worker, 'SIGKILL');
  await eventually(() => guard.workers().length === 2 && !guard.workers().includes(worker), 'it is replaced');
  for (let n = 0; n < 4; n++) await expect.poll(() => guard.connect('night').then(() => 'in')).toBe('in');
  await guard.done('break-glass.close', { id });
});

it('outlives the guard; without its state everything is closed', async () => {
  const id = await open();
  await end(guard.child);
  await connect(await startAgain());
  const { openings } = await guard.done<{ openings: object[] }>('break-glass.list');
  expect(openings).toContainEqual(expect.objectContaining({ id, state: 'open' }));
  await end(started.at(-1)!);
  await rm(join(guard.folder, 'state'), { recursive: true });
  await expect(connect(await startAgain())).rejects.toMatchObject(CLOSED);
  expect(await guard.done('break-glass.list')).toEqual({ openings: [] });
});
