/** Tests the embedded server: fresh databases are separate, and a server that is not stopped ends with its owner. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer } from '../../src/demo/server.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

describe('a fresh database', () => {
  let database: FreshDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  it('is PostgreSQL 18 in UTF-8, whatever the machine speaks', async () => {
    const [row] = await database.query(
      "SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('server_encoding') AS encoding, upper('élève') AS upper",
    );
    expect(row).toEqual({ major: 18, encoding: 'UTF8', upper: 'ÉLÈVE' });
  });

  it('takes logins by password only', async () => {
    const login = await database.createLogin();
    const client = new pg.Client({ connectionString: login.url });
    await client.connect();
    expect((await client.query('SELECT current_user AS who')).rows).toEqual([{ who: login.user }]);
    await client.end();
    const wrong = new pg.Client({ connectionString: database.urlFor(login.user, 'wrong') });
    await expect(wrong.connect()).rejects.toMatchObject({ code: '28P01' });
  });
});

describe('a server of its own', () => {
  it('keeps its data when it is stopped and started again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-server-'));
    const first = await startServer({ folder });
    await run(first.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await first.stop();
    const second = await startServer({ folder, temporary: true });
    expect(await run(second.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    await second.stop();
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('ends, and takes its temporary folder along, when its owner is killed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-server-'));
    const module = new URL('../../dist/demo/server.js', import.meta.url).href;
    const script = `const { startServer } = await import(${JSON.stringify(module)});
      const server = await startServer({ folder: ${JSON.stringify(folder)}, temporary: true });
      console.log(server.port); setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    owner.kill('SIGKILL');
    for (let i = 0; i < 200 && (await stat(folder).catch(() => undefined)); i++) await sleep(50);
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says why it does not come up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-server-'));
    const wrong = startServer({
      folder,
      settings: { max_connections: 'many' },
      port: 1,
      temporary: true,
    });
    await expect(wrong).rejects.toThrow(/PostgreSQL did not start[\s\S]*max_connections/);
  });
});

async function run(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}
