/** "In front of your own database" of the README: its rights are enough for the account, and its configuration for the guard. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FreshDatabase, freshDatabase, serverAddress, uniqueName } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/cli/main.js');
const ACCOUNT = uniqueName('own');
const run = promisify(execFile);

let database: FreshDatabase;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const section = /^## In front of your own database$([\s\S]*?)^## /m.exec(readme)?.[1] ?? '';
  const block = (language: string): string =>
    new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'm').exec(section)?.[1] ?? '';
  await database.query(
    block('sql')
      .replaceAll('rowgate', ACCOUNT)
      .replace("'…'", "'own'")
      .replace('DATABASE ent', `DATABASE ${database.name}`),
  );
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-own-'));
  await cp(join(ROOT, 'policies'), join(folder, 'policies'), { recursive: true });
  const { host, port } = serverAddress();
  const configuration = block('yaml')
    .replace(/^listen: .*$/m, 'listen: 127.0.0.1:0')
    .replace(/^ {2}url: .*$/m, `  url: postgres://${ACCOUNT}:own@${host}:${port}/${database.name}`)
    .replace(/^ {2}tls: .*\n/m, '');
  await writeFile(join(folder, 'rowgate.yaml'), configuration);
});
afterAll(async () => {
  await database?.query(`DROP OWNED BY ${ACCOUNT}; DROP ROLE ${ACCOUNT}`);
  await database?.drop();
  if (folder) await rm(folder, { recursive: true });
});

it('checks', async () => {
  const { stdout } = await run(process.execPath, [MAIN, 'check'], { cwd: folder });
  expect(stdout).toContain(' 0 errors');
});

it('serves: a teacher reads what was granted, and a DBA writes', async () => {
  const guard = spawn(process.execPath, [MAIN, 'serve'], { cwd: folder });
  let output = '';
  const listens = new Promise<number>((done, failed) => {
    for (const stream of [guard.stdout, guard.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const port = /listens on .*?:(\d+)/.exec(output)?.[1];
        if (port !== undefined) done(Number(port));
      });
    guard.once('exit', () => failed(new Error(output)));
  });
  try {
    const port = await listens;
    const asked = async (principal: string, sql: string): Promise<unknown[]> => {
      const client = new pg.Client(`postgres://${principal}:demo-${principal}@127.0.0.1:${port}/${database.name}`);
      await client.connect();
      const { rows } = await client.query(sql).finally(() => client.end());
      return rows;
    };
    expect(await asked('teacher', 'SELECT first_name FROM students ORDER BY id LIMIT 1')).toHaveLength(1);
    const insert =
      "INSERT INTO absences (student_id, day) SELECT id, '2026-11-30' FROM students LIMIT 1 RETURNING day::text";
    expect(await asked('dba', insert)).toEqual([{ day: '2026-11-30' }]);
  } finally {
    guard.kill('SIGTERM');
    if (guard.exitCode === null) await once(guard, 'exit');
  }
});
