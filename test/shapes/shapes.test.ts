/**
 * Tests judgements that are shared by normalized text: each is the one that a text would get by itself, over all golden cases and generated
 * statements, with other values in their literals.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { JudgementCache } from '../../src/guard/cache/judgement-cache.ts';
import type { Judgement } from '../../src/guard/decision.ts';
import { Guard } from '../../src/guard/guard.ts';
import type { RolePolicy } from '../../src/policy/model/policy.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { fingerprint } from '../../src/sql/text/normalize.ts';
import { readCases } from '../decisions/cases.ts';
import { catalogOf, loadPolicies } from '../decisions/policies.ts';
import { script } from '../noninterference/scripts.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { numbersFrom, withOtherLiterals } from './literals.ts';

const LONG = process.env.ROWGATE_LONG === '1';
/** The number of texts from which a pattern is learned, and of texts after them. */
const LEARNT = 2;
const COMPARED = LONG ? 20 : 2;
const GENERATED = LONG ? 20_000 : 300;
const SEED = Number(process.env.ROWGATE_SEED ?? (LONG ? Date.now() % 2 ** 31 : 20261127));
const TEST = join(import.meta.dirname, '..');

let shared = 0;
let compared = 0;
/** Guards that judge each text by itself, and learn from none. */
const alone = new WeakSet<JudgementCache>();
const find = JudgementCache.prototype.find;
vi.spyOn(JudgementCache.prototype, 'find').mockImplementation(function (this: JudgementCache, ...args) {
  const found = alone.has(this) ? undefined : find.apply(this, args);
  if (found) shared += 1;
  return found;
});

const comesAgain = JudgementCache.prototype.comesAgain;
vi.spyOn(JudgementCache.prototype, 'comesAgain').mockImplementation(function (this: JudgementCache, key) {
  return !alone.has(this) && comesAgain.call(this, key);
});

const databases: FreshDatabase[] = [];
async function made(schema: readonly string[]): Promise<Catalog> {
  const database = await freshDatabase();
  databases.push(database);
  for (const file of schema) await database.query(readFileSync(join(TEST, file), 'utf8'));
  return catalogOf(database);
}

afterAll(async () => {
  for (const database of databases) await database.drop();
  console.log(`${compared} judgements compared, ${shared} of them shared by shape`);
});

const searchPath = ['public'];

/** A statement that was too much for what makes fingerprints leaves those behind it without one, until another is loaded. */
async function fingerprintsAreMade(): Promise<void> {
  while (fingerprint('select 1') === '') await sleep(1);
}

async function compare(role: RolePolicy, catalog: Catalog, texts: readonly string[], seed: number): Promise<void> {
  const guard = new Guard({ catalog, role, searchPath });
  const other = new Guard({ catalog, role, searchPath });
  alone.add((other as unknown as { shapes: JudgementCache }).shapes);
  for (const [i, text] of texts.entries()) {
    const next = numbersFrom(seed + i);
    // Texts from which a pattern is learned are judged as they would be without it, too.
    for (let n = 0; n < LEARNT + COMPARED; n++) {
      await fingerprintsAreMade();
      const varied = n === 0 ? text : withOtherLiterals(text, next);
      expect(plain(guard.judge(varied)), varied).toEqual(plain(other.judge(varied)));
      compared += 1;
    }
  }
}

/** Without what only the rewriting needs of an edit. */
function plain({ edits, ...judgement }: Judgement): Judgement {
  return { ...judgement, edits: edits.map(({ start, end, text }) => ({ start, end, text })) };
}

describe('golden cases', { timeout: 300_000 }, () => {
  let catalog: Catalog;
  let policies: ReturnType<typeof loadPolicies>;
  beforeAll(async () => {
    catalog = await made(['decisions/schema.sql', 'decisions/writes.sql', 'decisions/schema-library.sql']);
    policies = loadPolicies(catalog, join(TEST, 'decisions/policies'));
  });

  test.each(readCases().map(({ file, role, cases }) => ({ file, role, cases })))('$file', async ({ role, cases }) => {
    await compare(
      policies.of(role).role,
      catalog,
      cases.map(({ sql }) => sql),
      SEED,
    );
  });

  test.each([
    'select id from students where id = -1',
    'select id from students where id = - 1 or id = -\n2',
    'select id from students where id = - -1',
    'select id from students where id -1 = 2 - -3',
    "select id from students where id = - '1'",
    'select id from students where id = -2147483647',
    'select id from students where id = -3000000000',
    'select id from students where id = -9223372036854775807',
    'select id from students where id = -1.5',
    'select id from students where id = -1::bigint',
    'select id from students where id in (-1, 2, -3)',
    'select id from students where id between -1 and -/**/2',
    'select -1, -id, - 2 - 3',
    'select id from students order by -1 limit 1',
    'select * from generate_series(-1, 1)',
    'select first_value(id) over (order by id rows 3 preceding) from students',
    "select id from students where last_name ~ 'x3' or last_name like 'x' || '%'",
  ])('signs, frames, patterns: %s', async (text) => {
    await compare(policies.of('teacher').role, catalog, Array<string>(20).fill(text), SEED);
  });

  /** Of the values in these something is asked, or was: `#` is another number each time. */
  const ASKED = [
    'select id + -# from students where id = - #',
    'select id from students where score < #.5',
    'select id from students where id = 300000#',
    "select id from students where last_name like '%x#%' or last_name ilike 'x#%'",
    "select id from students where lower(last_name) = lower('X#')",
    'select substring(last_name, 1, #) from students',
    "select split_part(last_name, 'a', #), id % # from students",
    "select id from absences where day > now() - interval '# days' and minutes > #",
    'select id from absences where day > current_date - #',
    'select id from students order by id limit # offset #',
  ];

  test.each(ASKED)('what is asked of a literal: %s', async (text) => {
    await compare(policies.of('teacher').role, catalog, Array<string>(40).fill(text.replaceAll('#', '3')), SEED);
    await compare(policies.of('counted').role, catalog, Array<string>(40).fill(text.replaceAll('#', '3')), SEED);
  });

  test.each(ASKED)('is judged once where the answers are the same: %s', (text) => {
    const guard = new Guard({ catalog, role: policies.of('teacher').role, searchPath });
    const judge = (value: number) => guard.judge(text.replaceAll('#', String(value)));
    for (let i = 1; i <= LEARNT; i++) judge(i);
    const before = shared;
    for (let i = 0; i < 10; i++) judge(20 + i);
    expect(shared - before).toBe(10);
  });

  test('a text with a known normalized text is remembered when it is repeated', () => {
    const guard = new Guard({ catalog, role: policies.of('teacher').role, searchPath });
    for (let i = 0; i < LEARNT; i++) guard.judge(`SELECT ${i}`);
    const before = shared;
    const [first, second, third] = ['SELECT 7', 'SELECT 7', 'SELECT 7'].map((text) => guard.judge(text));
    expect(second).toEqual(first);
    expect(third).toBe(second);
    expect(shared - before).toBe(2);
  });
});

describe('generated statements', () => {
  test(`${GENERATED} scripts from seed ${SEED}`, { timeout: 300_000 + GENERATED * 300 }, async () => {
    const catalog = await made(['noninterference/schema.sql']);
    const named = (path: string, text: string) =>
      path === 'principals.yaml' ? text.replace('  teacher:', '  the_teacher:') : text;
    const { role } = loadPolicies(catalog, join(TEST, 'noninterference/policies'), named).of('teacher');
    const texts = Array.from({ length: GENERATED }, (_, i) => script(SEED + i).texts).flat();
    const before = shared;
    await compare(role, catalog, texts, SEED);
    expect(shared - before).toBeGreaterThan(GENERATED / 4);
  });
});
