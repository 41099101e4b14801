/**
 * Tests random statements of SQLsmith, which reads the catalogs through Rowgate as a restricted role with many grants: none breaks the guard or the
 * server, hangs, or shows a column that the role may not read, by the server's own report.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { catalogOf, loadPolicies } from '../decisions/policies.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { fuzzSeed } from '../support/random.ts';
import { condition, testWith, tool } from '../support/tools.ts';
import { harmlessFunctions } from './functions.ts';
import { watchMemory } from './memory.ts';
import { failures, isAllowed, listed, made, tally } from './report.ts';
import { type Seen, seenBy } from './seen.ts';
import { READING_MS, runSmith } from './smith.ts';
import { isBroken, type Verdict, verdictsOn } from './verdicts.ts';

const LONG = process.env.ROWGATE_LONG === '1';
const MINUTES = Number(process.env.ROWGATE_SMITH_MINUTES ?? (LONG ? 10 : 0));
/** The number of statements that are judged once more, and sent to the server itself. */
const SAMPLE = 1_000;
/** Memory of the worker that runs guard and test, in MB: the most, and a growth that ten kilobytes kept of each statement would reach in half of the time. */
const MOST_MEMORY = 800;
const MOST_GROWTH = 60;
/** Longer than `statement_timeout` and a busy machine together. */
const HANGS_MS = 20_000;

const smith = tool('sqlsmith');

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let catalog: Catalog;
let seen: Seen;
/** The guard's messages to its operators about faults. */
const said: string[] = [];

beforeAll(async () => {
  const schema = await readFile(join(import.meta.dirname, 'schema.sql'), 'utf8');
  database = await freshDatabase();
  await database.query(schema);
  await database.query('ANALYZE');
  folder = await mkdtemp(join(tmpdir(), 'rowgate-smith-'));
  await cp(join(import.meta.dirname, 'policies'), folder, { recursive: true });
  const role = join(folder, 'roles/smith.yaml');
  const functions = (await harmlessFunctions(database)).join(', ');
  await writeFile(role, `${await readFile(role, 'utf8')}functions: [${functions}]\n`);
  catalog = await catalogOf(database);
  seen = await seenBy(loadPolicies(catalog, folder).of('smith').role, catalog, schema);
  guard = await guardInFrontOf(database, {
    policies: folder,
    log: pino({ level: 'error' }, { write: (line) => void said.push(line) }),
  });
});

afterAll(async () => {
  await guard?.stop();
  await seen?.drop();
  await database?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

testWith(smith, condition(MINUTES > 0, 'a long run: npm run test:long'))(
  'what SQLsmith makes up',
  { timeout: READING_MS + MINUTES * 60_000 + 600_000 },
  async () => {
    const seed = fuzzSeed();
    const memory = watchMemory();
    const run = await runSmith(smith.path!, guard.url('the_smith', 'demo-smith'), {
      seed,
      seconds: MINUTES * 60,
      sampled: SAMPLE,
    });
    const { most, growth } = memory.end();
    const all = made(await guard.records());
    const refused = all.filter((one) => !isAllowed(one)).map(({ decision }) => decision.reason);
    const session = loadPolicies(catalog, folder).of('smith');
    const client = await guard.connect('the_smith', 'demo-smith');
    const verdicts = await verdictsOn(run.sample, session, seen, client);
    const valid = verdicts.filter((one) => one.valid);
    const share = valid.filter(({ refusal }) => !refusal).length / valid.length;
    const broken = verdicts.filter(isBroken);
    console.log(
      [
        `SQLsmith, seed ${seed}: ${all.length} statements, ${(all.length / lasted(all)).toFixed(1)} a second, ${percent(1 - refused.length / all.length)} allowed`,
        `refused: ${listed(tally(refused))}`,
        `failed at the server: ${listed(failures(all))}`,
        `of a sample of ${verdicts.length} without TABLESAMPLE, the server itself takes ${valid.length} from a role with these grants; of these ${percent(share)} allowed`,
        `refused of these: ${listed(refusals(valid))}`,
        `what it does not take: refused as ${listed(tally(verdicts.filter((one) => !one.valid).map(({ refusal }) => refusal?.reason)))}`,
        `the guard's process took ${most.toFixed(0)} MB at most, and ${growth.toFixed(0)} MB more in the fourth quarter than in the second`,
      ].join('\n'),
    );

    expect(run.died, run.said).toBeUndefined();
    expect(all.length).toBeGreaterThan(100);
    expect(said).toEqual([]);
    const records = await guard.records();
    const reasons = tally(records.map(({ reason }) => reason));
    expect(reasons.get('provenance')).toBeUndefined();
    expect(reasons.get('internal')).toBeUndefined();
    const outcomes = records.filter((r) => r.kind === 'outcome');
    const guardsFaults = outcomes.filter((r) => r.sqlstate === 'XX000' && r.status === 'refused');
    expect(guardsFaults).toEqual([]);
    // A server that went down, or is not there any more; the last statement's connection goes with SQLsmith.
    expect(outcomes.filter((r) => ['57P01', '57P02', '08006'].includes(String(r.sqlstate)))).toEqual([]);
    expect(outcomes.filter((r) => r.status === 'lost').length).toBeLessThanOrEqual(1);
    expect(Math.max(...outcomes.map((r) => Number(r.ms)))).toBeLessThan(HANGS_MS);
    expect(broken, 'what the guard made of it is no statement to the server').toEqual([]);
    expect(share, 'who meets nothing but refusals shows nothing').toBeGreaterThan(0.8);
    expect(growth).toBeLessThan(MOST_GROWTH);
    expect(most).toBeLessThan(MOST_MEMORY);
    expect((await database.query<{ n: number }>('SELECT 1 AS n'))[0]?.n).toBe(1);
  },
);

/** By their messages, the most frequent ones. */
function refusals(verdicts: readonly Verdict[]): Map<string, number> {
  const counted = tally(
    verdicts.map(({ refusal }) => refusal && `${refusal.reason} (${refusal.message.slice(0, 120)})`),
  );
  return new Map([...counted].slice(0, 12));
}

function lasted(all: ReturnType<typeof made>): number {
  const at = (one: (typeof all)[number] | undefined): number => Date.parse(String(one?.decision.time));
  return (at(all.at(-1)) - at(all[0])) / 1000;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
