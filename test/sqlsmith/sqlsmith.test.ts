/**
 * SQLsmith reads the catalogs through Rowgate, as a restricted role that may do much, and sends what it makes up: nothing of it breaks the guard or
 * the server, hangs, or shows a column by the server's own word that the role may not read.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fingerprint } from '../../src/sql/normalize.ts';
import { loadParser } from '../../src/sql/parse.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { findProgram } from '../support/programs.ts';
import { fuzzSeed } from '../support/random.ts';
import { failures, isAllowed, listed, type Made, made, tally } from './report.ts';
import { runSmith, type SmithRun } from './smith.ts';

const LONG = process.env.ROWGATE_LONG === '1';
/** Reading the catalogs alone, a statement for each function, takes it up to a minute. */
const MINUTES = Number(process.env.ROWGATE_SMITH_MINUTES ?? (LONG ? 10 : 0));
/** So many of the statements are put to the server itself, too. */
const SAMPLE = 1_000;
/** Of the worker that runs guard and test, all statements and the log among it. */
const MOST_MEGABYTES = 1_500;
/** Longer than `statement_timeout` and a busy machine together. */
const HANGS_MS = 20_000;

const smith = findProgram('sqlsmith');

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
/** What the guard told its operators of faults. */
const said: string[] = [];

beforeAll(async () => {
  await loadParser();
  database = await freshDatabase();
  await database.query(await readFile(join(import.meta.dirname, 'schema.sql'), 'utf8'));
  await database.query('ANALYZE');
  folder = await mkdtemp(join(tmpdir(), 'rowgate-smith-'));
  await cp(join(import.meta.dirname, 'policies'), folder, { recursive: true });
  const role = join(folder, 'roles/smith.yaml');
  await writeFile(role, `${await readFile(role, 'utf8')}functions: [${(await harmlessFunctions()).join(', ')}]\n`);
  guard = await guardInFrontOf(database, {
    policies: folder,
    log: pino({ level: 'error' }, { write: (line) => void said.push(line) }),
  });
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** SQLsmith calls whatever it finds: all that changes nothing, but what runs SQL in a text. */
async function harmlessFunctions(): Promise<string[]> {
  const rows = await database.query<{ name: string }>(`
    SELECT DISTINCT 'pg_catalog.' || quote_ident(proname) AS name FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND provolatile IN ('i', 's')
      AND proname !~ '_to_xml|^(lo_|pg_ls|pg_read|ts_|pg_get_|has_)|regclass' ORDER BY 1`);
  return rows.map((row) => row.name);
}

test.skipIf(!smith || MINUTES === 0)('what SQLsmith makes up', { timeout: MINUTES * 60_000 + 300_000 }, async () => {
  const seed = fuzzSeed();
  const memory = watchMemory();
  const run = await runSmith(smith!, guard.url('smith'), seed, MINUTES * 60);
  const megabytes = memory.end();
  const records = await guard.records();
  const all = made(records);
  const seconds = lasted(all);
  const allowed = all.filter(isAllowed);
  const refusals = tally(all.filter((one) => !isAllowed(one)).map(({ decision }) => decision.reason));
  const valid = await takenByTheServer(run, all);
  const share = valid.filter(isAllowed).length / valid.length;
  console.log(
    [
      `SQLsmith, seed ${seed}: ${all.length} statements, ${(all.length / seconds).toFixed(1)} a second, ${percent(allowed.length / all.length)} allowed`,
      `refused: ${listed(refusals)}`,
      `failed at the server: ${listed(failures(all))}`,
      `asked of the server itself, it takes ${valid.length} of a sample that have no TABLESAMPLE; of these ${percent(share)} allowed, refused: ${listed(tally(valid.filter((one) => !isAllowed(one)).map(({ decision }) => decision.reason)))}`,
      `the guard's process took ${megabytes.toFixed(0)} MB at most`,
    ].join('\n'),
  );

  expect(run.died, run.said.slice(-500)).toBeUndefined();
  expect(all.length).toBeGreaterThan(100);
  expect(said).toEqual([]);
  expect(refusals.get('provenance')).toBeUndefined();
  expect(refusals.get('internal')).toBeUndefined();
  const outcomes = records.filter((r) => r.kind === 'outcome');
  expect(outcomes.filter((r) => r.reason === 'provenance')).toEqual([]);
  const guardsFaults = outcomes.filter((r) => r.sqlstate === 'XX000' && r.status === 'refused');
  expect(guardsFaults).toEqual([]);
  // A server that went down, or is not there any more; the last statement's connection goes with SQLsmith.
  expect(outcomes.filter((r) => ['57P01', '57P02', '08006'].includes(String(r.sqlstate)))).toEqual([]);
  expect(outcomes.filter((r) => r.status === 'lost').length).toBeLessThanOrEqual(1);
  expect(Math.max(...outcomes.map((r) => Number(r.ms)))).toBeLessThan(HANGS_MS);
  expect(share, 'who meets nothing but refusals shows nothing').toBeGreaterThan(0.5);
  expect(megabytes).toBeLessThan(MOST_MEGABYTES);
  expect((await database.query<{ n: number }>('SELECT 1 AS n'))[0]?.n).toBe(1);
});

/**
 * Of a sample, those that the server itself takes from an owner: SQLsmith makes up some that no server does. Half of what it makes up
 * has TABLESAMPLE, which a role never gets where rows are withheld.
 */
async function takenByTheServer(run: SmithRun, all: readonly Made[]): Promise<Made[]> {
  const client = await database.connect();
  await client.query("SET statement_timeout = '2s'");
  const decided = new Map(all.map((one) => [one.decision.fingerprint, one]));
  const step = Math.max(1, Math.floor(run.statements.length / SAMPLE));
  const taken: Made[] = [];
  for (let i = 0; i < run.statements.length; i += step) {
    const text = run.statements[i]!;
    // Without a fingerprint, a statement cannot be told from others.
    const print = fingerprint(text);
    const one = print === '' ? undefined : decided.get(print);
    if (!one || /tablesample/i.test(text)) continue;
    const known = await client.query(`EXPLAIN ${text}`).then(
      () => true,
      () => false,
    );
    if (known) taken.push(one);
  }
  return taken;
}

function lasted(all: readonly Made[]): number {
  const at = (one: Made | undefined): number => Date.parse(String(one?.decision.time));
  return (at(all.at(-1)) - at(all[0])) / 1000;
}

/** Of this process, in which the guard runs. */
function watchMemory(): { end(): number } {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss / 1024 / 1024);
  }, 1000);
  return {
    end() {
      clearInterval(timer);
      return most;
    },
  };
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
