/** Tests when a view is read behind a fence: when something in it, in its mask or beside it could tell of rows that its own query hides. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCatalog } from '../../src/catalog/read.ts';
import { Guard } from '../../src/guard/guard.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import { type FreshDatabase, freshDatabase, serverVersion } from '../support/postgres.ts';
import { eachSince } from '../support/since.ts';

/** By name, its query; only those of OPEN may be looked into. */
const VIEWS: Readonly<Record<string, string>> = {
  plain: 'SELECT id, name FROM t WHERE school = 12',
  joined:
    "SELECT t.id, t.name FROM t LEFT JOIN u ON u.id = t.id WHERE t.kind IN ('a', 'b') AND (u.n > 1.5 OR u.n IS NULL)",
  on_plain: 'SELECT * FROM plain WHERE name IS NOT NULL',
  quoted: 'SELECT id, name FROM t AS "{FUNCEXPR" WHERE school = 12',
  casting: 'SELECT id, code::integer AS name FROM t WHERE school = 12',
  filtering: 'SELECT id, name FROM t WHERE school = 12 AND code::integer > 0',
  on_casting: 'SELECT * FROM casting',
  counting: 'SELECT school AS id, count(*) AS name FROM t GROUP BY school',
  limited: 'SELECT id, name FROM t ORDER BY id LIMIT 3',
  asking: 'SELECT id, name FROM t WHERE EXISTS (SELECT FROM u WHERE u.id = t.id)',
  virtual: 'SELECT id, rate AS name FROM v WHERE id > 1',
  colliding: 'SELECT id, a AS name FROM w WHERE a = b',
  nested: 'SELECT id, name FROM t WHERE school = 12 AND ARRAY[ARRAY[id]] = ARRAY[ARRAY[1], ARRAY[2]]',
};
const OPEN = ['plain', 'joined', 'on_plain'];

const SCHEMA = `
CREATE TABLE t (id integer PRIMARY KEY, school integer, name text, code text, kind text);
CREATE TABLE u (id integer PRIMARY KEY, n numeric);
CREATE TABLE v (id integer, units integer, rate integer GENERATED ALWAYS AS (1000 / units) ${serverVersion() < 18 ? 'STORED' : 'VIRTUAL'});
CREATE TABLE w (id integer, a text COLLATE "C", b text COLLATE "POSIX");
${Object.entries(VIEWS)
  .map(([name, query]) => `CREATE VIEW ${name} AS ${query};`)
  .join('\n')}
INSERT INTO t SELECT i, i % 3 + 12, 'n' || i, CASE i % 3 WHEN 0 THEN '1' ELSE 'hidden' END, 'a' FROM generate_series(1, 9) AS i;`;

const ROLE = `
role: reader
tables:
${Object.keys(VIEWS)
  .filter((name) => name !== 'plain')
  .map((name) => `  ${name}: { select: { columns: "*" } }`)
  .join('\n')}
  plain: { rows: id < 100, select: { columns: "*" } }
limits: none`;

let database: FreshDatabase;
let guard: Guard;
beforeAll(async () => {
  database = await freshDatabase();
  await database.query(SCHEMA);
  await loadParser();
  const catalog = new Catalog(await readCatalog((sql) => database.query(sql)));
  const files = [
    { path: 'roles/reader.yaml', text: ROLE },
    { path: 'principals.yaml', text: 'principals: {}' },
  ];
  const options = { catalog, searchPath: ['public'], timeZone: 'UTC', compileCondition, compileMask };
  const { policy, diagnostics } = loadPolicy(files, options);
  const role = policy.roles.get('reader');
  if (!role || role.disabled) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  guard = new Guard({ catalog, role, searchPath: ['public'] });
});
afterAll(() => database.drop());

function sent(sql: string): string {
  const judged = guard.judge(sql);
  if (judged.effect === 'refuse') throw new Error(judged.refusal?.message);
  return renderTemplate(judged.template, () => '1');
}

eachSince(
  ([name]) => (name === 'virtual' ? 18 : 14),
  Object.keys(VIEWS).map((name) => [name] as const),
)('%s', (name) => {
  expect(sent(`SELECT id FROM ${name} WHERE id = 1`).includes('OFFSET 0')).toBe(!OPEN.includes(name));
});

test.each([
  ['a condition that can fail', 'SELECT id FROM plain WHERE name::integer = 1'],
  ['a condition of a table beside it', 'SELECT p.id FROM plain p JOIN joined j ON p.name::integer = j.id'],
  ['a subquery for one value', 'SELECT (SELECT name FROM plain WHERE id = 1) FROM plain'],
  ['a limit that may be negative, around it', 'SELECT id FROM plain WHERE EXISTS (SELECT 1 LIMIT plain.id)'],
  ['a derived table', 'SELECT id FROM (SELECT id, name FROM plain) AS d WHERE name::integer = 1'],
])('beside %s it keeps its fence', (_note, sql) => {
  expect(sent(sql)).toContain('OFFSET 0');
});

test('a view that casts does not fail on rows that it hides', async () => {
  expect(await database.query(sent('SELECT id FROM casting WHERE name = 1'))).toHaveLength(3);
});
