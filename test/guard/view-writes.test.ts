/** Tests writes to views: what reaches the table behind, whose policy applies, which rows are judged, and what is refused by name. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCatalog } from '../../src/catalog/read.ts';
import { Guard } from '../../src/guard/guard.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const SCHEMA = `
CREATE TABLE pupils (id integer PRIMARY KEY, school integer DEFAULT 12, name text, code text, secret text DEFAULT 'hidden');
CREATE VIEW names AS SELECT id, school, name, code FROM pupils;
CREATE VIEW own AS SELECT id, school, name, code FROM pupils WHERE school = 12 WITH CHECK OPTION;
CREATE VIEW walled WITH (security_barrier) AS SELECT id, school, name, code FROM pupils WHERE school = 12 WITH CHECK OPTION;
CREATE VIEW inner_half WITH (security_barrier) AS SELECT * FROM pupils WHERE id < 100;
CREATE VIEW outer_half WITH (security_barrier) AS SELECT id, school, name, code FROM inner_half WHERE school = 12 WITH CASCADED CHECK OPTION;
CREATE VIEW half_checked AS SELECT id, school, name, code FROM inner_half WHERE school = 12 WITH LOCAL CHECK OPTION;
CREATE VIEW unchecked AS SELECT id, school, name, code FROM pupils WHERE school = 12;
CREATE VIEW failing AS SELECT id, school, name, code FROM pupils WHERE code::integer > 0 WITH CHECK OPTION;
CREATE VIEW renamed AS SELECT id, school AS place, name FROM pupils;
CREATE VIEW swapped AS SELECT id, school AS code, code AS school, name FROM pupils;
CREATE VIEW computed AS SELECT id, school, name, code::integer AS n FROM pupils;
CREATE VIEW asking AS SELECT id, name, (SELECT max(id) FROM pupils) AS id2 FROM pupils;
CREATE VIEW counted AS SELECT school, count(*) AS n FROM pupils GROUP BY school;
CREATE VIEW ruled AS SELECT id, school, name, code FROM pupils;
CREATE RULE quiet AS ON UPDATE TO ruled DO INSTEAD NOTHING;
CREATE VIEW stepped AS SELECT id, school, name FROM pupils WHERE school = 12;
CREATE VIEW loose AS SELECT id, school, name FROM pupils WHERE school = 12;
CREATE FUNCTION step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE pupils SET name = NEW.name WHERE id = OLD.id; RETURN NEW; END $$;
CREATE FUNCTION other_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER step INSTEAD OF UPDATE ON stepped FOR EACH ROW EXECUTE FUNCTION step();
CREATE TRIGGER step INSTEAD OF UPDATE ON loose FOR EACH ROW EXECUTE FUNCTION other_step();
CREATE VIEW failing_step AS SELECT id, school, name FROM pupils WHERE code::integer > 0;
CREATE TRIGGER step INSTEAD OF UPDATE ON failing_step FOR EACH ROW EXECUTE FUNCTION step();
CREATE TABLE rooms (id integer PRIMARY KEY, name text, seats integer);
CREATE VIEW large AS SELECT id, name, seats FROM rooms WHERE seats > 10;
INSERT INTO pupils SELECT i, 12 + i % 2, CASE i % 2 WHEN 0 THEN 'n' || i ELSE 'hidden' || i END, CASE i % 2 WHEN 0 THEN '1' ELSE 'hidden' END FROM generate_series(1, 6) AS i;
INSERT INTO rooms VALUES (1, 'a', 5), (2, 'b', 20)`;

const VIEWS = ['names', 'own', 'walled', 'outer_half', 'half_checked', 'unchecked', 'failing'];
const WRITES = 'insert: { columns: [id, school, name, code] }, update: { columns: [school, name, code] }, delete: {}';
const ON_VIEWS = `
${VIEWS.map((name) => `  ${name}: { select: { columns: [id, school, name, code] }, ${WRITES} }`).join('\n')}
  ruled: { select: { columns: [id, name] }, update: { columns: [name] } }
  renamed: { select: { columns: [id, place, name] }, update: { columns: [place, name] } }
  swapped: { select: { columns: [id, school, code, name] }, update: { columns: [name] } }
  computed: { select: { columns: [id, name, n] }, update: { columns: [name] } }
  asking: { select: { columns: [id, name, id2] }, update: { columns: [name] } }
  counted: { select: { columns: [school] }, update: { columns: [school] } }
  stepped: { select: { columns: [id, name] }, update: { columns: [name] } }
  loose: { select: { columns: [id, name] }, update: { columns: [name] } }
  failing_step: { select: { columns: [id, name] }, update: { columns: [name] } }`;

const ROLES: Readonly<Record<string, string>> = {
  // The tables behind the views were not granted.
  views: `
role: views
tables:${ON_VIEWS}
functions: [public.step]
limits: none`,
  // It was, in part: both hold.
  both: `
role: both
attributes: { school: integer }
tables:${ON_VIEWS}
  pupils:
    rows: school = :school
    select: { columns: [id, school, name] }
    insert: { columns: [id, school, name] }
    update: { columns: [school, name] }
    delete: { rows: "name <> 'n4'" }
functions: [public.step]
limits: none`,
  reading: `
role: reading
tables:
  names: { select: { columns: "*" }, ${WRITES} }
  pupils: { select: { columns: [id] } }
limits: none`,
  whole: `
role: whole
tables:
  large: { select: { columns: "*" }, insert: { columns: "*" }, update: { columns: "*" }, delete: {} }
  rooms: { select: { columns: "*" }, insert: { columns: "*" }, update: { columns: "*" }, delete: {} }
limits: none`,
};

let database: FreshDatabase;
const guards = new Map<string, Guard>();
beforeAll(async () => {
  database = await freshDatabase();
  await database.query(SCHEMA);
  await loadParser();
  const catalog = new Catalog(await readCatalog((sql) => database.query(sql)));
  const files = [
    ...Object.entries(ROLES).map(([name, text]) => ({ path: `roles/${name}.yaml`, text })),
    { path: 'principals.yaml', text: 'principals: {}' },
  ];
  const options = { catalog, searchPath: ['public'], timeZone: 'UTC', compileCondition, compileMask };
  const { policy, diagnostics } = loadPolicy(files, options);
  for (const name of Object.keys(ROLES)) {
    const role = policy.roles.get(name);
    if (!role || role.disabled) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
    guards.set(name, new Guard({ catalog, role, searchPath: ['public'] }));
  }
});
afterAll(() => database.drop());

/** The client's result and the pupils that are there then, or the error. */
async function outcome(role: string, sql: string, before = ''): Promise<unknown> {
  const judged = guards.get(role)!.judge(sql);
  if (judged.effect === 'refuse') return judged.refusal?.message;
  const sent = renderTemplate(judged.template, () => "'12'::integer");
  const client = await database.connect();
  await client.query('BEGIN');
  try {
    await client.query(before);
    const { rows } = await client.query({ text: sent, rowMode: 'array' });
    const { rows: left } = await client.query({
      text: "SELECT id, school, name FROM pupils WHERE name NOT LIKE 'hidden%' OR school = 12 ORDER BY 1",
      rowMode: 'array',
    });
    return { rows: rows.map((row) => JSON.stringify(row)), left: left.map((row) => row.join()) };
  } catch (error) {
    return `${(error as { code: string }).code} ${(error as Error).message}`;
  } finally {
    await client.query('ROLLBACK');
  }
}

const ALL = ['2,12,n2', '4,12,n4', '6,12,n6'];

describe('of a table that was not granted', () => {
  test.each([
    ['INSERT', "INSERT INTO own (id, name) VALUES (20, 'new')", [...ALL, '20,12,new']],
    ['INSERT without a list', "INSERT INTO own VALUES (20, 12, 'new')", [...ALL, '20,12,new']],
    ['UPDATE', "UPDATE own SET name = 'new' WHERE id IN (1, 2)", ['2,12,new', ...ALL.slice(1)]],
    [
      'UPDATE of a view on a view',
      "UPDATE outer_half SET name = 'new' WHERE id IN (1, 2)",
      ['2,12,new', ...ALL.slice(1)],
    ],
    [
      'UPDATE … FROM',
      'UPDATE own SET name = o.name FROM own AS o WHERE o.id = 4 AND own.id = 2',
      ['2,12,n4', ...ALL.slice(1)],
    ],
    [
      'UPDATE by what can fail, of a view that keeps rows back',
      "UPDATE walled SET name = 'new' WHERE code::integer = 1 AND id = 2",
      ['2,12,new', ...ALL.slice(1)],
    ],
    [
      'UPDATE to what can fail',
      'UPDATE own SET name = (code::integer + 1)::text WHERE id IN (1, 2)',
      ['2,12,2', ...ALL.slice(1)],
    ],
    ['DELETE', 'DELETE FROM own WHERE id < 4', ALL.slice(1)],
    ['DELETE of a view that checks nothing', 'DELETE FROM unchecked WHERE id < 4', ALL.slice(1)],
    [
      'by a trigger with a granted function',
      "UPDATE stepped SET name = 'new' WHERE id = 2",
      ['2,12,new', ...ALL.slice(1)],
    ],
  ])('%s', async (_what, sql, left) => {
    expect(await outcome('views', sql)).toEqual({ rows: [], left });
  });

  test('RETURNING gives the granted columns, a star too', async () => {
    const { rows } = (await outcome('views', "UPDATE own SET name = 'new' WHERE id = 2 RETURNING *, upper(name)")) as {
      rows: string[];
    };
    expect(rows).toEqual(['[2,12,"new","1","NEW"]']);
  });

  test.each([
    ['a row that leaves the view', 'UPDATE own SET school = 13 WHERE id = 2'],
    ['a row that never was in it', "INSERT INTO own VALUES (20, 13, 'x')"],
    ['one that leaves a view below', "INSERT INTO outer_half VALUES (200, 12, 'x')"],
  ])('the server stops %s', async (_what, sql) => {
    expect(await outcome('views', sql)).toMatch(/^44000 /);
  });

  test.each([
    ['no check', 'UPDATE unchecked SET school = 13', 'a WHERE that it stands on is not checked'],
    ['no check, of an INSERT', "INSERT INTO unchecked VALUES (9, 13, 'x')", 'a WHERE that it stands on is not checked'],
    [
      'a check that leaves out the view below',
      "INSERT INTO half_checked VALUES (200, 12, 'x')",
      'a WHERE that it stands on is not checked',
    ],
    ['a query that can fail', "UPDATE failing SET name = 'x' WHERE id = 1", 'can fail on rows that it hides'],
    ['no table behind it', 'UPDATE counted SET school = 1', 'is not automatically updatable'],
    [
      'a subquery in its list',
      "UPDATE asking SET name = 'x' WHERE id2 = 6",
      'a WHERE that it stands on is not checked',
    ],
    ['a rule', "UPDATE ruled SET name = 'x'", 'a rule rewrites it'],
    ['a trigger with a function that was not granted', "UPDATE loose SET name = 'x'", 'a trigger writes in its place'],
    ['a trigger of a query that can fail', "UPDATE failing_step SET name = 'x'", 'can fail on rows that it hides'],
    ['a condition that can fail', "UPDATE own SET name = 'x' WHERE code::integer = 1", 'security_barrier'],
    ['a division', 'DELETE FROM own WHERE 1 / (id - 1) > 5', 'security_barrier'],
    ['a subquery', 'DELETE FROM own WHERE id = (SELECT 1 / 0)', 'security_barrier'],
    [
      'a condition that can fail beside it',
      "UPDATE own SET name = 'x' FROM names n WHERE n.id = own.id AND n.code::integer = 1",
      'security_barrier',
    ],
    [
      'a trigger and a condition that can fail',
      "UPDATE stepped SET name = 'x' WHERE name::integer = 1",
      'security_barrier',
    ],
    ['ON CONFLICT', 'INSERT INTO own (id) VALUES (2) ON CONFLICT DO NOTHING', 'ON CONFLICT on view "own"'],
    [
      'ON CONFLICT DO UPDATE',
      "INSERT INTO own (id) VALUES (2) ON CONFLICT (id) DO UPDATE SET name = 'x'",
      'ON CONFLICT on view "own"',
    ],
    [
      'MERGE',
      'MERGE INTO own USING (SELECT 2 AS id) AS s ON s.id = own.id WHEN MATCHED THEN DELETE',
      'MERGE on view "own"',
    ],
    ['a column that was not granted', 'UPDATE own SET id = 7 WHERE id = 2', 'permission denied for column "id"'],
    ['EXPLAIN', "EXPLAIN UPDATE names SET name = 'x'", 'its estimates would tell'],
  ])('refused by name: %s', async (_what, sql, why) => {
    expect(await outcome('views', sql)).toContain(why);
  });
});

describe('of a table that was granted as well', () => {
  test.each([
    ['INSERT', "INSERT INTO names VALUES (20, 12, 'new')", [...ALL, '20,12,new']],
    ['UPDATE keeps to its rows', "UPDATE names SET name = 'new'", ['2,12,new', '4,12,new', '6,12,new']],
    [
      'UPDATE by what can fail runs behind its filter',
      "UPDATE names SET name = 'new' WHERE code::integer = 1",
      ['2,12,new', '4,12,new', '6,12,new'],
    ],
    [
      'a computed column is asked behind its filter',
      "UPDATE computed SET name = 'new' WHERE n = 1",
      ['2,12,new', '4,12,new', '6,12,new'],
    ],
    ['DELETE keeps to those that it may delete', 'DELETE FROM names', ['4,12,n4']],
  ])('%s', async (_what, sql, left) => {
    expect(await outcome('both', sql)).toEqual({ rows: sql.startsWith('DELETE') ? [] : expect.anything(), left });
  });

  test.each([
    ['UPDATE out of its rows', 'UPDATE names SET school = 13 WHERE id = 2'],
    ['INSERT out of its rows', "INSERT INTO names VALUES (20, 13, 'x')"],
    ['UPDATE out of them by NULL', 'UPDATE names SET school = NULL WHERE id = 2'],
  ])('%s fails as a row that may not be written', async (_what, sql) => {
    expect(await outcome('both', sql)).toMatch(/^22P02 .*rowgate_check 0/);
  });

  test.each(
    [
      [
        'a column that the table does not grant',
        "UPDATE names SET code = '2' WHERE id = 2",
        'permission denied for column "code"',
      ],
      [
        'a column of rows that the view renames',
        "UPDATE renamed SET name = 'x'",
        'restricted by a column that the view does not show by its name',
      ],
      [
        'a column of rows under the name of another',
        "UPDATE swapped SET name = 'x'",
        'restricted by a column that the view does not show by its name',
      ],
    ].slice(0, 3),
  )('refused by name: %s', async (_what, sql, why) => {
    expect(await outcome('both', sql)).toContain(why);
  });

  test('a write that the table does not allow, the view does not allow either', async () => {
    expect(await outcome('reading', "UPDATE names SET name = 'x'")).toContain('role may not update in "pupils"');
  });
});

test('where all is held whole, a view is written as PostgreSQL does', async () => {
  for (const sql of [
    'UPDATE large SET seats = 1 WHERE 100 / (seats - 5) > 0 AND seats > 5',
    "INSERT INTO large VALUES (2, 'x', 1) ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name",
    "INSERT INTO large VALUES (3, 'x', 1) RETURNING large",
  ])
    expect(await outcome('whole', sql)).toMatchObject({ left: ALL });
});

test('hidden rows change nothing of what comes back', async () => {
  const without = 'DELETE FROM pupils WHERE school = 13';
  for (const [role, sql] of [
    ['views', "UPDATE walled SET name = 'new' WHERE code::integer = 1 RETURNING id"],
    ['views', 'DELETE FROM walled WHERE 1 / (id - 1) >= 0 RETURNING id'],
    ['both', "UPDATE names SET name = 'new' WHERE code::integer = 1 RETURNING id"],
    ['both', "UPDATE computed SET name = 'new' WHERE n > 0 RETURNING id"],
    ['both', 'DELETE FROM names WHERE name::integer = 1'],
  ] as const)
    expect([sql, await outcome(role, sql)]).toEqual([sql, await outcome(role, sql, without)]);
});
