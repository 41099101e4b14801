/** Tests a whole guard as `rowgate serve` starts it: what it serves, changes of policies and catalog, and why it does not start. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningGuard } from '../../src/app/keep-running.ts';
import { startGuard } from '../../src/app/run-guard.ts';
import { parseConfig } from '../../src/config/load.ts';
import { recordsOf } from '../support/decision-log.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { LINUX, testWith } from '../support/tools.ts';
import { eventually, PSQL, psql } from './support.ts';

let database: FreshDatabase;
let folder: string;
let guard: RunningGuard;
const lines: string[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  const login = await database.createLogin();
  await database.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${login.user}`);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-serve-'));
  await cp('policies', join(folder, 'policies'), { recursive: true });
  guard = await startGuard(config(login.url), logger());
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

function config(url: string, port = 0) {
  const text = `listen: 127.0.0.1:${port}\nupstream: { url: "${url}", tls: { mode: disable } }\nlog: { file: ./log.jsonl }\ntime_zone: Europe/Paris\n`;
  const loaded = parseConfig(join(folder, 'rowgate.yaml'), text, {});
  if (!loaded.config) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

function logger() {
  return pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
}

const url = (user: string, password = `demo-${user}`) =>
  `postgres://${user}:${password}@127.0.0.1:${guard.address.port}/${database.name}`;

async function records(): Promise<Record<string, unknown>[]> {
  // An outcome is written a moment after its client has the answer.
  await sleep(20);
  return recordsOf(await readFile(join(folder, 'log.jsonl'), 'utf8'));
}

test('a teacher sees her school, and what she asked is recorded', async () => {
  const ran = await psql(url('teacher'), [
    '-c',
    'SELECT DISTINCT school_id FROM students',
    '-c',
    'SELECT ine FROM students',
  ]);
  expect(ran.stdout).toBe('1');
  expect(ran.stderr).toContain('permission denied for column "ine" of relation "students"');
  const kinds = (await records()).map(({ kind, effect, principal }) =>
    [kind, effect, principal].filter(Boolean).join(' '),
  );
  expect(kinds.slice(0, 3)).toEqual(['start', 'policy', 'login teacher']);
  expect(kinds).toContain('decision rewrite teacher');
  expect(kinds).toContain('decision refuse teacher');
});

describe('policies change under way', () => {
  const file = () => join(folder, 'policies', 'principals.yaml');
  const edit = async (change: (text: string) => string) => writeFile(file(), change(await readFile(file(), 'utf8')));

  testWith(PSQL)(
    'a broken edit leaves the running policy in force, and is logged with file, line and column',
    async () => {
      const before = await readFile(file(), 'utf8');
      await edit((text) => text.replace('role: teacher', 'rolle: teacher'));
      await eventually(() => lines.some((line) => /principals\.yaml:\d+:\d+: error/.test(line)), 'the error is logged');
      expect((await psql(url('teacher'), ['-c', 'SELECT 1'])).stdout).toBe('1');
      await eventually(
        async () => (await records()).some(({ kind, problems }) => kind === 'policy' && problems),
        'it is recorded',
      );
      await writeFile(file(), before);
    },
  );

  testWith(PSQL)('a good one holds at the next statement; the sessions of a removed principal end', async () => {
    const [stays, leaves] = ['teacher', 'canteen'].map((user) => new pg.Client({ connectionString: url(user) }));
    await stays!.connect();
    await leaves!.connect();
    const gone = new Promise<Error>((done) => leaves!.on('error', done));
    await edit((text) => text.replace(/ {2}canteen:\n( {4}.*\n)+/, '').replace('school_id: 1 }', 'school_id: 2 }'));
    expect(await gone).toMatchObject({ code: '57P01' });
    const { rows } = await stays!.query('SELECT DISTINCT school_id FROM students');
    expect(rows).toEqual([{ school_id: 2 }]);
    await stays!.end();
    await leaves!.end().catch(() => {});
    expect((await psql(url('canteen'), ['-c', 'SELECT 1'])).stderr).toContain('password authentication failed');
  });

  test('a changed catalog is noticed on SIGHUP', async () => {
    await database.query('ALTER TABLE rooms ADD COLUMN x int').catch(() => {});
    // The guard asks by itself as well, and may be the first to notice.
    let tables = 0;
    await eventually(async () => {
      await database.query(`CREATE TABLE later_${++tables} (id int)`);
      await guard.reload();
      return (await records()).some(({ kind, via }) => kind === 'policy' && via === 'signal');
    }, 'recorded');
  });
});

/** For another one beside the first, which has the log, and the folder where budgets are kept. */
const withLog = (url: string, port = 0) => {
  const same = config(url, port);
  return { ...same, log: { ...same.log, file: join(folder, 'other.jsonl') } };
};
const beside = (url: string, port = 0) => ({ ...withLog(url, port), state: { kind: 'memory' } as const });

describe('a guard that cannot start says why', () => {
  test('port in use: its log says that it has ended', async () => {
    await expect(startGuard(beside(database.url, guard.address.port), logger())).rejects.toThrow(/the port is in use/);
    const other = recordsOf(await readFile(join(folder, 'other.jsonl'), 'utf8')).map(({ kind }) => kind);
    expect(other.filter((kind) => kind !== 'seal')).toEqual(['start', 'policy', 'stop']);
  });

  testWith(LINUX)('a state or log where no folder can be made', async () => {
    const { log } = config(database.url);
    const places = [
      { ...withLog(database.url), state: { kind: 'file', folder: '/proc/rowgate/state' } as const },
      { ...beside(database.url), log: { ...log, file: '/proc/decisions.jsonl' } },
    ];
    for (const place of places)
      await expect(startGuard(place, logger())).rejects.toThrow(
        /could not open the (state in|decision log) \/proc\S+: ENOENT: no such file or directory/,
      );
  });

  test('another guard writes the same log, also by another name: nothing is written to it', async () => {
    const before = (await records()).length;
    const same = { ...config(database.url), state: { kind: 'memory' } as const };
    await symlink(join(folder, 'log.jsonl'), join(folder, 'link.jsonl'));
    for (const file of ['log.jsonl', 'link.jsonl']) {
      await expect(startGuard({ ...same, log: { ...same.log, file: join(folder, file) } }, logger())).rejects.toThrow(
        /another guard writes the decision log .*: give each a "log.file" of its own/,
      );
    }
    expect((await records()).length).toBe(before);
  });

  test('another guard keeps its budgets in the same folder', async () => {
    await expect(startGuard(withLog(database.url), logger())).rejects.toThrow(
      /another guard has .*rowgate-state.*: give each a "state" of its own, or let them share one by redis:/,
    );
  });

  test('a database that refuses the account', async () => {
    const wrong = database.url.replace(/:[^:@]*@/, ':wrong@');
    await expect(startGuard(beside(wrong), logger())).rejects.toThrow(
      /could not read the catalog of the database: password authentication failed/,
    );
  });

  test('no database: it starts, and refuses every login', async () => {
    const waiting = await startGuard(beside(`postgres://a:b@127.0.0.1:1/${database.name}`), logger());
    const there = url('teacher').replace(`:${guard.address.port}/`, `:${waiting.address.port}/`);
    const { stderr } = await psql(there, ['-c', 'SELECT 1']);
    expect(stderr).toContain('Rowgate is waiting for the database server');
    expect(lines.join('\n')).toMatch(/ECONNREFUSED.*logins are refused until it can/);
    await waiting.stop();
  });

  test('no policies', async () => {
    const empty = { ...beside(database.url), policies: join(folder, 'nothing') };
    await expect(startGuard(empty, logger())).rejects.toThrow(/could not read policies folder/);
  });

  test('a log that cannot be written', async () => {
    const bad = {
      ...config(database.url),
      log: { ...config(database.url).log, file: join(folder, 'no', 'such', 'folder') },
    };
    await expect(startGuard(bad, logger())).rejects.toThrow(/could not open the decision log/);
  });
});
