/** What sessions record in one turn of the event loop stands in the file at its end, in its order, and before anybody is told so. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DecisionLog, openLog } from '../../src/record/log.ts';
import type { SessionLog } from '../../src/record/session-log.ts';
import type { DecisionEntry, OutcomeEntry } from '../../src/session/entries.ts';

let folder: string;
let log: DecisionLog;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-turn-'));
  log = openLog({
    file: join(folder, 'd.jsonl'),
    durability: 'batched',
    text: 'normalized',
    guard: 'g1',
    clock: Date.now,
  });
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const session = (name: string): SessionLog =>
  log.session({
    session: name,
    principal: name,
    role: 'r',
    attributes: {},
    client: 'c',
    database: 'd',
    application: '',
  });
const decision = (id: string, effect: DecisionEntry['effect'] = 'allow'): DecisionEntry => ({
  kind: 'decision',
  id,
  command: 'SELECT',
  fingerprint: 'f',
  statement: `SELECT ${id}`,
  tables: [],
  columns: [],
  effect,
  policy: 'sha256:p',
  text: '',
});
const outcome = (id: string): OutcomeEntry => ({
  kind: 'outcome',
  id,
  rows: 1,
  bytes: 2,
  changed: 0,
  ms: 3,
  status: 'ok',
});
const told = (of: SessionLog): Promise<boolean> => new Promise((done) => of.reachDisk()?.tell(done));
/** What the file holds of statements, in its order. */
const held = (): string[] =>
  readFileSync(join(folder, 'd.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
    .filter(({ kind }) => kind !== 'segment' && kind !== 'seal')
    .map(({ kind, id, decision: of, principal }) => `${kind} ${id ?? of ?? principal}`);

test('decisions and outcomes of several sessions, told when they stand', async () => {
  const [a, b] = [session('a'), session('b')];
  expect([a.append(decision('1')), b.append(decision('2')), a.append(outcome('1'))]).toEqual([true, true, true]);
  expect(held()).toEqual([]);
  expect(await told(b)).toBe(true);
  expect(held()).toEqual(['decision 1', 'decision 2', 'outcome 2']);
  expect([a.reachDisk(), b.reachDisk()]).toEqual([undefined, undefined]);
});

test('a session that has recorded no decision in this turn waits for nobody', () => {
  const [a, b] = [session('a'), session('b')];
  a.append(decision('1'));
  b.append(outcome('0'));
  expect(b.reachDisk()).toBeUndefined();
});

test('whatever else is recorded comes behind what was recorded before', () => {
  const a = session('a');
  a.append(decision('1', 'refuse'));
  expect(log.append('lock', { principal: 'a', by: 'rowgate' })).toBe(true);
  expect(held()).toEqual(['decision 1', 'lock a']);
});

test('who is about to be shown is recorded at once', () => {
  log.append('login', { principal: 'a' });
  const a = session('a');
  a.append(decision('1'));
  // Without a key to hash by nothing is written of them; what was recorded before is.
  expect(a.append({ kind: 'seen', id: '1', keys: { student: ['4711'] } })).toBe(true);
  expect(held()).toEqual(['login a', 'decision 1']);
});

test('closing writes what waits', async () => {
  session('a').append(decision('1'));
  await log.close();
  expect(held()).toEqual(['decision 1']);
});

test('thousands of one turn do not all wait', () => {
  const a = session('a');
  for (let i = 0; i < 1_000; i++) a.append(decision(`${i}`));
  expect(held().length).toBeGreaterThan(700);
});
