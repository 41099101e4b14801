/** Tests several workers: the primary holds the socket, a lock ends sessions at all of them, a reload and a drain reach all. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { testWith, tool } from '../support/tools.ts';
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

it('top shows the sessions of all workers: what each does, its rows and refusals, and today’s people of the limit', async () => {
  const clients = await Promise.all(Array.from({ length: 4 }, () => guard.connect('vendor')));
  const [one] = clients as [(typeof clients)[0]];
  await one.query("SELECT id, first_name FROM students WHERE first_name <> 'secret'");
  await expect(one.query('SELECT ine FROM students')).rejects.toThrow('permission denied');
  await one.query('BEGIN');
  const said = await guard.rowgate(['top', '--json']);
  expect(said).toMatchObject({ code: 0, stderr: '' });
  const { sessions, silent } = JSON.parse(said.stdout);
  expect(silent).toBe(0);
  const own = sessions.filter(({ principal }: { principal: string }) => principal === 'vendor');
  expect(own.length).toBeGreaterThanOrEqual(4);
  const busy = own.filter(({ statements }: { statements: number }) => statements > 0);
  expect(busy).toMatchObject([
    {
      ...{
        role: 'vendor',
        activity: 'in-transaction',
        statements: 3,
        refused: 1,
        command: 'BEGIN',
        statement: 'BEGIN',
      },
      rows: expect.any(Number),
      rows_per_minute: 0,
      subjects: { name: 'subjects.student 300 per day', of: 300 },
    },
  ]);
  expect(busy[0].rows).toBeGreaterThan(0);
  expect(busy[0].subjects.used).toBe(busy[0].rows);
  const shown = await guard.rowgate(['top']);
  expect(shown.stdout).toMatch(/^vendor +vendor +127\.0\.0\.1 +in-transaction /m);
  // Where it is no terminal it is no screen.
  expect(shown.stdout).not.toContain('\u001b');
  await Promise.all(clients.map((client) => client.end()));
  const { sessions: left } = await guard.done<{ sessions: { statements: number }[] }>('top');
  expect(left.filter(({ statements }) => statements === 3)).toEqual([]);
});

const SCRIPT = tool('script');
const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');
const WAIT = { timeout: 60_000, interval: 50 };

testWith(SCRIPT)(
  'top on a terminal is drawn again as sessions come, fits it, and q gives the terminal back',
  async () => {
    const { sessions: others } = await guard.done<{ sessions: unknown[] }>('top');
    const clients = await Promise.all(Array.from({ length: 4 }, () => guard.connect('vendor')));
    await clients[0]!.query("SELECT id, first_name FROM students WHERE first_name <> 'secret'");
    const command = `stty cols 60 rows 9; '${process.execPath}' '${MAIN}' top --every 300ms; echo "ended $?"; stty -a`;
    const child = spawn(SCRIPT.path!, ['-qec', command, '/dev/null'], { cwd: guard.folder });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const ended = once(child, 'close');
    const screens = (): string[] => said.split(/\u001b\[H\u001b\[J/).slice(1);
    const last = (): string => screens().at(-2) ?? '';
    try {
      await expect.poll(last, WAIT).toContain(` ${others.length + 4} sessions, `);
      expect(last()).toMatch(/^principal +role/m);
      expect(said).not.toContain('secret');
      // On a screen of nine lines the last line says what is left out, and no line is broken by the terminal.
      clients.push(...(await Promise.all(Array.from({ length: 4 }, () => guard.connect('vendor')))));
      await expect.poll(last, WAIT).toContain(` ${others.length + 8} sessions, `);
      expect(last()).toMatch(new RegExp(`\nand ${others.length + 4} more\r\n$`));
      for (const line of last().split('\r\n')) expect(line.length).toBeLessThanOrEqual(60);
      expect(last().split('\r\n').length).toBeLessThanOrEqual(9);
      child.stdin.write('q');
      await expect.poll(() => said, WAIT).toMatch(/ended 0\r\n[\s\S]* icanon/);
      child.stdin.end();
      await ended;
    } finally {
      child.kill();
      await Promise.all(clients.map((client) => client.end()));
    }
  },
);

it('a drain ends all of it', async () => {
  await guard.done('drain');
  expect(await guard.status).toBe(0);
  expect(await guard.recorded('drain')).toHaveLength(1);
});
