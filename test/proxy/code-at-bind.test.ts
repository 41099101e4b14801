/** Tests user code that runs at Bind, when the server plans a portal and computes constants: it is judged, counted and recorded before. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { B, DP, E, P, Q, S } from '../session/messages.ts';
import { ask, direct, type Peer } from '../session/peer.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { verifierOf } from './support.ts';

/** Principals of a role that may send two statements. */
const COUNTED = ['one', 'two', 'three', 'four'];

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let domain: number;
let peer: Peer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE TABLE plain (id int PRIMARY KEY, note text);
    INSERT INTO plain VALUES (1, 'a');
    CREATE TABLE calls (n serial);
    CREATE FUNCTION write_down() RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO public.calls DEFAULT VALUES; RETURN 'a'; END $$;
    CREATE FUNCTION settled() RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN public.write_down(); END $$;
    CREATE FUNCTION fixed() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN public.write_down(); END $$;
    CREATE FUNCTION refusing() RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = 'P0009'; END $$;
    CREATE VIEW seeing AS SELECT id FROM plain WHERE note = settled();
    CREATE DOMAIN watched AS text CHECK (value IS NULL OR write_down() = 'a');
    CREATE TABLE noted (note watched);
  `);
  domain = await database.query("SELECT 'watched'::regtype::oid::int AS oid").then(([row]) => Number(row!.oid));
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-bind-'));
  await mkdir(join(folder, 'roles'));
  const grants = `tables:
  plain: { select: { columns: "*" } }
  noted: { select: { columns: "*" } }
  seeing: { select: { columns: "*" } }
functions: [settled, fixed, refusing, write_down]`;
  await writeFile(join(folder, 'roles/clerk.yaml'), `role: clerk\n${grants}\nlimits: none\n`);
  await writeFile(join(folder, 'roles/counted.yaml'), `role: counted\n${grants}\nlimits: { statements: 2 per hour }\n`);
  const password = await verifierOf('demo');
  const principals = ['clerk', ...COUNTED].map(
    (name) => `  ${name}: { role: ${name === 'clerk' ? name : 'counted'}, password: "${password}" }\n`,
  );
  await writeFile(join(folder, 'principals.yaml'), `principals:\n${principals.join('')}`);
  guard = await guardInFrontOf(database, { policies: folder });
});
afterEach(() => peer?.close());
afterAll(async () => {
  await guard?.stop();
  await rm(folder, { recursive: true, force: true });
  await database?.drop();
});

const open = async (principal: string) => {
  peer = await direct(guard.url(principal, 'demo'));
};
const calls = async (): Promise<number> => {
  const [row] = await database.query('SELECT count(*)::int AS n FROM calls');
  return row!.n as number;
};
/** The log of this test's statements: each decision with its outcome. */
async function recorded(from: number): Promise<string[]> {
  const records = (await guard.records()).slice(from);
  return records.flatMap(({ kind, id, effect, reason }) => {
    if (kind !== 'decision') return [];
    const outcome = records.find((other) => other.kind === 'outcome' && other.id === id);
    return [`${effect}${reason ? ` ${reason}` : ''}: ${outcome?.status} ${outcome?.sqlstate ?? outcome?.rows}`];
  });
}
const length = async (): Promise<number> => (await guard.records()).length;

const BY_CONSTANT = 'select id from plain where note = settled()';

describe('code that runs at Bind, without any Execute, is recorded', () => {
  test.each([
    ['a stable function', BY_CONSTANT, []],
    ['an immutable function', 'select id from plain where note = fixed()', []],
    ['a view’s', 'select id from seeing', []],
    ['a parameter’s domain', 'select $1', ['a']],
  ])('%s', async (what, text, values) => {
    await open('clerk');
    const [before, from] = [await calls(), await length()];
    const types = what.startsWith('a parameter') ? [domain] : [];
    const words = await ask(peer, P(text, '', types), B(values), S());
    expect(words).toEqual(['ParseComplete', 'BindComplete', 'ReadyForQuery:I']);
    expect(await calls()).toBeGreaterThan(before);
    expect(await recorded(from)).toEqual([expect.stringMatching(/^(allow|rewrite): ok 0$/)]);
  });
});

test('an Execute of the same batch goes on under the decision of its Bind', async () => {
  await open('clerk');
  const from = await length();
  await ask(peer, P(BY_CONSTANT), B(), DP(), E(), S());
  expect(await recorded(from)).toEqual([expect.stringMatching(/: ok 1$/)]);
  await ask(peer, Q('begin'), P(BY_CONSTANT), B([], 'p'), S(), E('p'), S(), Q('commit'));
  expect((await recorded(from)).slice(2, 4)).toEqual([
    expect.stringMatching(/: ok 0$/),
    expect.stringMatching(/: ok 1$/),
  ]);
});

test('a Bind that fails ends the run that it began, executed or not', async () => {
  await open('clerk');
  const from = await length();
  const text = 'select id from plain where note = refusing()';
  expect(await ask(peer, P(text), B(), S())).toContain('ErrorResponse:P0009');
  expect(await ask(peer, P(text), B(), E(), S())).toContain('ErrorResponse:P0009');
  await ask(peer, P('select 1/0'), B(), P(text), B(), E(), S());
  expect(await recorded(from)).toEqual([
    expect.stringMatching(/: error P0009$/),
    expect.stringMatching(/: error P0009$/),
    expect.stringMatching(/: skipped 0$/),
  ]);
});

describe('a portal is counted as one statement', () => {
  test.each<[string, string, (text: string) => Uint8Array[]]>([
    ['executed in the same batch', 'one', (text) => [P(text), B(), E(), S()]],
    ['executed later', 'two', (text) => [Q('begin'), P(text), B(), S(), E(), S(), Q('commit')]],
    ['not executed', 'three', (text) => [P(text), B(), S()]],
    ['executed in part', 'four', (text) => [P(text), B(), E('', 1), S()]],
  ])('%s; over the limit nothing of it runs', async (_how, principal, messages) => {
    await open(principal);
    for (const _ of [1, 2]) expect((await ask(peer, ...messages(BY_CONSTANT))).join()).not.toContain('Error');
    const [before, from] = [await calls(), await length()];
    expect(await ask(peer, ...messages(BY_CONSTANT))).toContain('ErrorResponse:53400');
    expect(await calls()).toBe(before);
    expect((await recorded(from)).some((line) => line.startsWith('refuse limit'))).toBe(true);
  });
});
