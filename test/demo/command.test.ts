/** Tests `rowgate demo` as a newcomer runs it: every command that it prints does what the text says, and Ctrl-C leaves nothing behind. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOUR } from '../../src/demo/tour.ts';

const COMMAND = resolve(import.meta.dirname, '../../dist/cli/main.js');
const run = promisify(execFile);
/** The environment of a shell. */
const WITHOUT_NPM = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));

let folder: string;
let demo: ChildProcess;
let output = '';
let port = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-demo-'));
  await chmod(folder, 0o755); // so that it serves as root too, where another account runs PostgreSQL
  demo = spawn(process.execPath, [COMMAND, 'demo', '--port', '0'], {
    cwd: folder,
    env: WITHOUT_NPM,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await new Promise<void>((done, failed) => {
    demo.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes('Ctrl-C stops')) done();
    });
    demo.stderr?.on('data', (text: Buffer) => {
      output += text.toString();
    });
    demo.once('exit', () => failed(new Error(output)));
  });
  port = Number(/127\.0\.0\.1:(\d+)/.exec(output)?.[1]);
});

afterAll(async () => {
  if (demo.exitCode === null) {
    demo.kill('SIGTERM');
    await once(demo, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
});

/** Pupils that the stolen account got. Its limit is 400 a day; its questions take a part of that, which depends on the machine. */
function taken(stdout: string): number {
  return Number(/(\d+) of 100000 pupils have left/.exec(stdout)?.[1]);
}

async function ask(principal: string, sql: string, options = ''): Promise<pg.QueryResult> {
  const connectionString = `postgres://${principal}:demo-${principal}@127.0.0.1:${port}/ent`;
  const client = new pg.Client({ connectionString, options });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

/** With what `$(… rowgate demo …)` prints in its place. */
async function substituted(text: string): Promise<string> {
  const command = /\$\(npx rowgate (.*)\)/.exec(text);
  if (!command) return text;
  const { stdout } = await run(process.execPath, [COMMAND, ...(command[1] ?? '').split(' ')], { cwd: folder });
  return text.replace(command[0], stdout.trim());
}

/** `$ command` of the README's console blocks, with what it prints there. */
async function readmeCommands(): Promise<{ command: string; printed: string }[]> {
  const readme = await readFile(resolve(import.meta.dirname, '../../README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```console\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  return blocks
    .flatMap((block) => block.split(/^\$ /m).slice(1))
    .map((text) => ({
      command: text.slice(0, text.indexOf('\n')),
      printed: text.slice(text.indexOf('\n') + 1).trim(),
    }));
}

describe('the commands of the README', async () => {
  it.each(await readmeCommands())('$command', async ({ command, printed }) => {
    const psql = /^(?:PGOPTIONS="(.*)" )?psql postgres:\/\/(\w+):\S+ -c "(.*)"$/.exec(command);
    if (psql) {
      const [, options = '', principal = '', sql = ''] = psql;
      const seen = await ask(principal, sql, await substituted(options)).then(
        ({ rows }) => [
          ...rows.map((row) => Object.values(row)[0]),
          `(${rows.length} row${rows.length > 1 ? 's' : ''})`,
        ],
        (error: pg.DatabaseError) => [`ERROR:  ${error.message}`, `HINT:  ${error.hint}`, error.detail?.split(', ')[1]],
      );
      for (const piece of seen) expect(printed).toContain(piece);
      return;
    }
    const [, options = '', sql = ''] = /^npx rowgate explain (.*) "(.*)"$/.exec(command) ?? [];
    const refused = run(process.execPath, [COMMAND, 'explain', ...options.split(' '), sql], { cwd: folder });
    await expect(refused).rejects.toMatchObject({ code: 1, stdout: `${printed}\n` });
  });
});

describe('the commands to copy', () => {
  it.each(TOUR.filter((stop) => stop.refused === undefined))('$principal: $sql', async ({ principal, sql }) => {
    const { rows } = await ask(principal, sql);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThan(10);
  });

  it.each(TOUR.filter((stop) => stop.refused !== undefined))('$principal may not: $sql', async (stop) => {
    await expect(ask(stop.principal, stop.sql)).rejects.toMatchObject({ code: stop.refused });
  });

  it('are all in the text', () => {
    for (const { sql } of TOUR) expect(output).toContain(sql);
  });

  it('name this program as it was called, and need nothing before them that the banner does not say', () => {
    expect(output).not.toMatch(/npx|^\s+rowgate /m);
    expect(output.slice(0, output.indexOf('Ctrl-C stops'))).not.toMatch(/^\{/m);
    expect(output.match(/node \S+main\.js/g)).toHaveLength(4);
  });

  it('explain a refusal', async () => {
    const command = /main\.js explain (--config \S+ --as \S+) "(.*)"/.exec(output);
    const refused = run(
      process.execPath,
      [COMMAND, 'explain', ...(command?.[1]?.split(' ') ?? []), command?.[2] ?? ''],
      {
        cwd: folder,
      },
    );
    await expect(refused).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/address[\s\S]*canteen_vendor\.yaml:\d+/),
    });
  });

  it('show what was taken', async () => {
    const command = /main\.js limits show (.*)/.exec(output)?.[1] ?? '';
    const { stdout } = await run(process.execPath, [COMMAND, 'limits', 'show', ...command.split(' ')], { cwd: folder });
    expect(stdout).toMatch(/subjects\.student[^\n]*per day/);
  });

  it('have left their lines in the decision log', async () => {
    const file = /tail -f (\S+)/.exec(output)?.[1] ?? '';
    const records = (await readFile(join(folder, file), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.filter(({ kind }) => kind === 'decision').length).toBeGreaterThanOrEqual(TOUR.length);
    expect(records.filter(({ effect }) => effect === 'refuse').map(({ principal }) => principal)).toEqual(
      expect.arrayContaining(['teacher', 'canteen']),
    );
  });
});

it('lets the dba make a table, with the account that owns the others', async () => {
  await ask('dba', 'CREATE TABLE notes (id integer)');
  expect((await ask('dba', "SELECT tableowner FROM pg_tables WHERE tablename = 'notes'")).rows).toEqual([
    { tableowner: 'ent_owner' },
  ]);
});

it('knows all samples without an error', async () => {
  const { stdout } = await run(process.execPath, [COMMAND, 'check', '--config', '.rowgate-demo/rowgate.yaml'], {
    cwd: folder,
  });
  expect(stdout).toContain('0 errors, 1 warning');
});

it('does not start twice in one place, nor take the files of a running one away', async () => {
  const second = run(process.execPath, [COMMAND, 'demo', '--port', '0', '--fresh'], { cwd: folder });
  await expect(second).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('PostgreSQL runs in') });
});

it('plays the breach beside it, with its database, which stays up', async () => {
  const { stdout } = await run(process.execPath, [COMMAND, 'demo', '--tour'], { cwd: folder });
  expect(taken(stdout)).toBeLessThanOrEqual(400);
  expect(taken(stdout)).toBeGreaterThan(300);
  expect(stdout).not.toContain('undefined');
  expect((await ask('teacher', 'SELECT 1')).rows).toHaveLength(1);
});

it('ends with the guard and the database stopped when it is told to', async () => {
  demo.kill('SIGINT');
  const [code] = await once(demo, 'exit');
  expect(code).toBe(0);
  expect(await readdir(join(folder, '.rowgate-demo', 'postgresql', 'data'))).not.toContain('postmaster.pid');
  await expect(ask('teacher', 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('plays the breach with the same database, and ends', async () => {
  const { stdout } = await run(process.execPath, [COMMAND, 'demo', '--tour'], { cwd: folder });
  expect(stdout).not.toContain('making');
  expect(taken(stdout)).toBeLessThanOrEqual(400);
  expect(taken(stdout)).toBeGreaterThan(300);
  expect(stdout).not.toContain('undefined');
  expect(stdout).toMatch(/during the theft +\d+ statements, 0 failed/);
  expect(stdout).toContain('the account is locked');
  expect(await readdir(join(folder, '.rowgate-demo', 'postgresql', 'data'))).not.toContain('postmaster.pid');
});

it('starts again at once with what it made, and says so when its port is in use', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const busy = typeof address === 'object' && address ? address.port : 0;
  const second = run(process.execPath, [COMMAND, 'demo', '--port', String(busy)], { cwd: folder });
  await expect(second).rejects.toMatchObject({
    code: 1,
    stdout: expect.not.stringContaining('making'),
    stderr: expect.stringContaining('the port is in use'),
  });
  taken.close();
});
