/** Tests the built command as a shell calls it. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseVerifier, shareChallenge } from '../../src/protocol/scram-verifier.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { testWith } from '../support/tools.ts';
import { eventually, PSQL, psql } from './support.ts';

const MAIN = resolve('dist/cli/main.js');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-cli-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function start(args: readonly string[], input = '') {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  child.stdin.end(input);
  const status = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
  return { child, output, status };
}

async function run(args: readonly string[], input = '') {
  const { output, status } = start(args, input);
  return { status: await status, ...output };
}

describe('rowgate', () => {
  test.each([
    [['--help'], 0],
    [['--version'], 0],
    [['serve', '--help'], 0],
    [['password', '--help'], 0],
    [[], 2],
    [['nonsense'], 2],
    [['login'], 2],
    [['completion', 'bash'], 2],
    [['serve', '--nonsense'], 2],
    [['password', '--like', 'nonsense'], 2],
    [['serve', '--config', 'not-there.yaml'], 1],
  ])('%j ends with %i', async (args, status) => {
    const ran = await run(args);
    expect(ran.status).toBe(status);
    expect(ran.stderr).not.toContain('    at ');
  });

  test.each([
    ['login', 'PGPASSWORD'],
    ['completion', 'rowgate --help'],
  ])('the word %s, which is gone, names the way now', async (word, way) => {
    expect((await run([word])).stderr).toMatch(new RegExp(`^error: there is no "${word}" any more: .*${way}`));
  });

  test('each command has an example', async () => {
    for (const command of ['serve', 'password']) {
      expect((await run([command, '--help'])).stdout).toContain(`Examples:\n  rowgate ${command}`);
    }
  });
});

describe('rowgate password', () => {
  test('reads it from standard input', async () => {
    const { status, stdout } = await run(['password'], 'correct horse\n');
    expect(status).toBe(0);
    expect(parseVerifier(stdout.trim())).toMatchObject({ iterations: 4096 });
  });

  test('makes one up, beside another verifier', async () => {
    const first = parseVerifier((await run(['password'], 'correct horse')).stdout.trim())!;
    const like = (await run(['password'], 'correct horse')).stdout.trim();
    const { stdout, stderr } = await run(['password', '--generate', '--like', like]);
    expect(stderr).toMatch(/^password: [\w-]{32}\n$/);
    const second = parseVerifier(stdout.trim())!;
    expect(shareChallenge(second, parseVerifier(like)!)).toBe(true);
    expect(shareChallenge(second, first)).toBe(false);
  });

  test.each(['', 'short', '1234567\n'])('refuses %j', async (password) => {
    expect(await run(['password'], password)).toMatchObject({ status: 1, stdout: '' });
  });
});

describe('rowgate serve', () => {
  let database: FreshDatabase;
  let login: { url: string };

  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
    login = await database.createLogin();
  });

  afterAll(() => database?.drop());

  async function configure(port: number): Promise<void> {
    const policies = `policies: ${resolve('policies')}\n`;
    const upstream = `upstream: { url: "${login.url}", tls: { mode: disable } }\n`;
    const text = `listen: 127.0.0.1:${port}\n${upstream}${policies}`;
    await writeFile(join(folder, 'rowgate.yaml'), text);
  }

  testWith(PSQL)('says where it listens, serves, and ends when told', async () => {
    await configure(0);
    const { child, output, status } = start(['serve']);
    await eventually(() => output.stdout.includes('\n'), 'it listens');
    expect(output.stdout).toMatch(/^rowgate listens on 127\.0\.0\.1:\d+, in front of 127\.0\.0\.1:\d+\/test_\w+\n$/);
    const port = /:(\d+),/.exec(output.stdout)?.[1];
    const ran = await psql(`postgres://dba:demo-dba@127.0.0.1:${port}/${database.name}`, ['-c', 'SELECT 1']);
    expect(ran).toMatchObject({ stdout: '1' });
    child.kill('SIGTERM');
    expect(await status).toBe(0);
  });

  test('a port in use', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
    await configure((server.address() as { port: number }).port);
    const ran = await run(['serve']);
    server.close();
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(/rowgate: could not begin to listen on 127\.0\.0\.1:\d+: the port is in use\n/);
  });
});
