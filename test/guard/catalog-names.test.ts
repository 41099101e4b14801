/** Tests functions and casts that look into the catalogs by OID or name: whatever their arguments, they tell no more than the catalogs do. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { functionClass } from '../../src/guard/function-class.ts';
import { mayBeMetadata } from '../../src/guard/metadata/functions.ts';
import { operatorsByPath } from '../../src/policy/compile/fixed-operators.ts';
import { SHOWN_SETTINGS } from '../../src/policy/compile/shown-settings.ts';
import { analyze, type RelationView } from '../../src/sql/analyze/analyze.ts';
import type { Relation } from '../../src/sql/catalog/catalog.ts';
import { isParsed, parse } from '../../src/sql/parse/parse.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import type { Template } from '../../src/sql/text/template.ts';
import { serverVersion } from '../support/postgres.ts';
import { type CatalogWorld, catalogWorld, NUMBERS } from './catalog-world.ts';

let world: CatalogWorld;
beforeAll(async () => {
  world = await catalogWorld();
});
afterAll(() => world.drop());

/** Every number that is an object of this database. */
const EVERY = `${NUMBERS} AS n`;

describe('asked about every number there is, nothing hidden is told', () => {
  it.each([
    `SELECT n::regclass FROM ${EVERY}`,
    `SELECT n::oid::regclass::text FROM ${EVERY}`,
    `SELECT CAST((n) AS regclass) FROM ${EVERY}`,
    `SELECT (n::bigint)::pg_catalog.regclass FROM ${EVERY}`,
    `SELECT n::regclass::oid::regclass || '' FROM ${EVERY}`,
    `SELECT format('%s', n::regclass) FROM ${EVERY}`,
    `SELECT to_json(n::regclass) FROM ${EVERY}`,
    `SELECT n::regtype FROM ${EVERY}`,
    `SELECT n::regproc FROM ${EVERY}`,
    `SELECT n::regprocedure FROM ${EVERY}`,
    `SELECT n::regoper FROM ${EVERY}`,
    `SELECT n::regnamespace FROM ${EVERY}`,
    `SELECT n::text::regclass FROM ${EVERY} WHERE n IN (SELECT oid FROM pg_class)`,
    `SELECT (ARRAY[n::oid])::regclass[] FROM ${EVERY}`,
    `SELECT (ARRAY[n::oid])::regtype[] FROM ${EVERY}`,
    `SELECT format_type(n::oid, NULL) FROM ${EVERY}`,
    `SELECT pg_catalog.format_type(n::oid, -1) FROM ${EVERY}`,
    `SELECT oidvectortypes(n::text::oidvector) FROM ${EVERY}`,
    `SELECT pg_get_viewdef(n) FROM ${EVERY}`,
    `SELECT pg_get_viewdef(n::oid, true) FROM ${EVERY}`,
    `SELECT pg_get_viewdef(max(n)::oid, 80) FROM ${EVERY} GROUP BY n`,
    `SELECT pg_get_ruledef(n) FROM ${EVERY}`,
    `SELECT pg_get_indexdef(n) FROM ${EVERY}`,
    `SELECT pg_get_indexdef(n, 1, true) FROM ${EVERY}`,
    `SELECT pg_get_constraintdef(n) FROM ${EVERY}`,
    `SELECT pg_get_triggerdef(n) FROM ${EVERY}`,
    `SELECT pg_get_statisticsobjdef(n) FROM ${EVERY}`,
    `SELECT pg_get_statisticsobjdef_columns(n) FROM ${EVERY}`,
    `SELECT pg_get_partkeydef(n) FROM ${EVERY}`,
    `SELECT pg_get_partition_constraintdef(n) FROM ${EVERY}`,
    `SELECT p FROM ${EVERY}, pg_partition_ancestors(n) AS p`,
    `SELECT pg_get_function_arguments(n) FROM ${EVERY}`,
    `SELECT pg_get_function_identity_arguments(n) FROM ${EVERY}`,
    `SELECT pg_get_function_result(n) FROM ${EVERY}`,
    `SELECT pg_get_function_arg_default(n, 1) FROM ${EVERY}`,
    `SELECT col_description(n, a) FROM ${EVERY}, generate_series(1, 14) AS a`,
    `SELECT obj_description(n, 'pg_class') FROM ${EVERY}`,
    `SELECT obj_description(n, 'pg_constraint') FROM ${EVERY}`,
    `SELECT obj_description(n) FROM ${EVERY}`,
  ])('%s', async (sql) => {
    const told = await world.ask(sql);
    expect(told, world.judge(sql).refusal?.message).toBeInstanceOf(Array);
    expect((told as string[]).length).toBeGreaterThan(0);
    expect((told as string[]).filter((value) => value !== null && /qzx/.test(value))).toEqual([]);
  });

  test('without a guard the same statements do tell', async () => {
    const told = async (sql: string) => (await world.raw(sql)).filter((value) => /qzx/.test(value ?? ''));
    expect((await told(`SELECT n::regclass FROM ${EVERY}`)).length).toBeGreaterThan(5);
    expect((await told(`SELECT format_type(n::oid, NULL) FROM ${EVERY}`)).length).toBeGreaterThan(2);
    expect((await told(`SELECT pg_get_constraintdef(n) FROM ${EVERY}`)).length).toBeGreaterThan(2);
  });
});

describe('whether it is there cannot be told either: as of a number that is nothing', () => {
  const NOTHING = '4000000000';
  it.each([
    'SELECT (OID::oid)::regclass IS NULL',
    'SELECT pg_table_is_visible(OID)',
    'SELECT pg_type_is_visible(OID)',
    "SELECT has_table_privilege(OID::oid, 'SELECT')",
    "SELECT has_any_column_privilege(OID::oid, 'SELECT')",
    "SELECT has_column_privilege(OID::oid, 1::int2, 'SELECT')",
    'SELECT pg_relation_is_publishable((OID::oid)::regclass)',
    'SELECT pg_relation_is_updatable(OID::oid, false)',
    'SELECT pg_is_other_temp_schema(OID)',
    'SELECT pg_relation_size(OID)',
    'SELECT pg_get_viewdef((OID::oid)::regclass) IS NULL',
    'SELECT count(*) FROM pg_partition_ancestors(OID)',
  ])('%s', async (sql) => {
    const [hidden] = await world.raw("SELECT 'qzxview'::regclass::oid::text");
    expect(await world.ask(sql.replace('OID', hidden!))).toEqual(await world.ask(sql.replace('OID', NOTHING)));
    expect(await world.ask(sql.replace('OID', hidden!))).toBeInstanceOf(Array);
  });
});

describe('a setting with a name that is no constant', () => {
  it('is shown where it is on the list, however it is written', async () => {
    expect(await world.ask('SELECT current_setting($1)', ['Server_Version_Num'])).toEqual([String(await number())]);
    expect(await world.ask("SELECT current_setting(n, true) FROM unnest(ARRAY['timezone']) AS n")).toEqual(['UTC']);
    expect(
      await world.ask('SELECT name FROM pg_settings WHERE current_setting(name) <> setting AND unit IS NULL'),
    ).toEqual([]);
  });

  it('is as one that does not exist where it is not', async () => {
    for (const name of ['data_directory', 'primary_conninfo', 'nonsense', 'app.tenant']) {
      expect(await world.ask('SELECT current_setting($1, true)', [name])).toEqual([null]);
      expect(await world.ask('SELECT current_setting($1)', [name])).toBe(
        `error 42704: unrecognized configuration parameter "${name} (unknown, or not shown to this role)"`,
      );
    }
    expect(await world.ask("SELECT current_setting('data_' || 'directory', true)")).toEqual([null]);
    expect(await world.raw("SELECT current_setting('data_directory')")).toHaveLength(1);
  });

  it('the function of all settings shows no more than the view', async () => {
    const all = await world.ask('SELECT name FROM pg_show_all_settings() ORDER BY 1');
    expect(all).toEqual(await world.ask('SELECT name FROM pg_settings ORDER BY 1'));
    expect(await world.ask('SELECT count(sourcefile) + count(sourceline) FROM pg_show_all_settings() AS s')).toEqual([
      '0',
    ]);
    expect(
      await world.ask('SELECT a.name FROM pg_class c, LATERAL pg_show_all_settings() AS a(name) WHERE c.oid = 0'),
    ).toEqual([]);
    for (const sql of [
      'SELECT pg_show_all_settings()',
      'SELECT * FROM ROWS FROM (pg_show_all_settings(), generate_series(1, 2))',
      'SELECT * FROM ROWS FROM (pg_show_all_settings())',
      'SELECT * FROM pg_show_all_settings() WITH ORDINALITY',
    ])
      expect(await world.ask(sql)).toMatch(/^refused/);
  });

  it('a condition that fails does not run on a hidden setting', async () => {
    // No regular expression. The planner runs what is cheap first: this is cheaper than the filter.
    await world.raw("SELECT set_config('session_preload_libraries', '*', false)");
    const asked = (source: string) => `SELECT count(*) > 0 FROM ${source} WHERE ('x' ~ s.setting) IS NOT NULL`;
    await expect(world.raw(asked('pg_show_all_settings() AS s'))).rejects.toThrow('invalid regular expression');
    for (const source of [
      'pg_settings AS s',
      'pg_show_all_settings() AS s',
      'pg_am, pg_catalog.pg_show_all_settings() s',
    ])
      expect(await world.ask(asked(source))).toEqual(['t']);
    await world.raw('RESET session_preload_libraries');
  });

  it.each([
    'EXECUTE q(NAME)',
    'CALL p(NAME)',
    'VALUES (NAME)',
    'SELECT 1 ORDER BY NAME',
    'SELECT 1 LIMIT length(NAME)',
    'SELECT 1 GROUP BY NAME',
    'SELECT 1 WHERE NAME IS NOT NULL',
    'SELECT s FROM coalesce(NAME, NAME) AS s',
    'SELECT s FROM generate_series(1, length(NAME)) AS s',
    'SELECT rank() OVER (ORDER BY NAME)',
    'SELECT max(NAME) FILTER (WHERE NAME IS NOT NULL)',
    'SELECT (SELECT NAME)',
    'SELECT ARRAY[NAME]',
    'SELECT CASE NAME WHEN NAME THEN 1 END',
    'SELECT a FROM (VALUES (NAME)) AS v(a)',
    'WITH w AS MATERIALIZED (SELECT NAME AS a) SELECT a FROM w',
    'SELECT x FROM kinds AS k JOIN LATERAL (SELECT NAME AS x) AS l ON true',
    'SELECT 1 FROM kinds AS k JOIN kinds AS l ON l.name = NAME',
    'SELECT xmlelement(name a, NAME)',
    'SELECT JSON_OBJECT(NAME: NAME)',
    "SELECT * FROM JSON_TABLE(to_jsonb(NAME), '$' COLUMNS (a text PATH '$'))",
    'DECLARE c CURSOR FOR SELECT NAME',
    'PREPARE q2 AS SELECT NAME',
    'EXPLAIN SELECT NAME',
    'COPY (SELECT NAME) TO STDOUT',
    'SELECT set_config(NAME, NAME, false)',
  ])('wherever it is asked for: %s', (sql) => {
    const computed = sql.replaceAll('NAME', "current_setting('data_' || 'directory', true)");
    const { effect, template, fault } = world.judge(computed);
    expect(fault).toBeUndefined();
    if (effect === 'refuse') return;
    const sent = template.join('');
    const calls = sent.match(/current_setting\(/g)?.length ?? 0;
    expect(calls).toBeGreaterThan(0);
    expect(sent.match(/current_setting\(CASE WHEN pg_catalog\.lower/g)?.length).toBe(calls);
  });

  const number = async () => (await world.raw("SELECT current_setting('server_version_num')"))[0];
});

describe('a name that is hidden and one that does not exist give the same answer', () => {
  const same = async (sql: string, parameters = (name: string): unknown[] => [name]): Promise<void> => {
    const uses = sql.includes('$1');
    const answer = async (name: string): Promise<unknown> => {
      const told = await world.ask(sql.replaceAll('NAME', name), uses ? parameters(name) : []);
      return JSON.parse(JSON.stringify(told).replaceAll(name, 'NAME'));
    };
    const hidden = await answer('qzxkinds');
    expect(hidden).toEqual(await answer('nonsense'));
    expect(JSON.stringify(hidden)).not.toMatch(/refused/);
  };
  it.each([
    "SELECT 'NAME'::regclass",
    "SELECT regclass 'NAME'",
    "SELECT CAST('public.NAME' AS regclass)",
    "SELECT count(*) FROM pg_class WHERE oid = 'NAME'::regclass",
    "SELECT count(*) FROM pg_attribute WHERE attrelid = ('NAME')::regclass::oid",
    'SELECT $1::regclass',
    'SELECT count(*) FROM pg_attribute WHERE attrelid = $1::regclass',
    'SELECT $1::text::regclass',
    "SELECT ('public.' || 'NAME')::regclass",
    "SELECT to_regclass('NAME')",
    'SELECT to_regclass($1)',
    "SELECT to_regtype('NAME')",
    "SELECT 'NAME'::regtype",
    'SELECT $1::regtype',
    "SELECT has_table_privilege('NAME', 'SELECT')",
    "SELECT has_column_privilege('people', 'NAME', 'SELECT')",
    "SELECT has_schema_privilege('NAME', 'USAGE')",
    "SELECT pg_get_viewdef('NAME')",
    "SELECT pg_get_serial_sequence('NAME', 'id')",
    "SELECT pg_relation_size('NAME')",
    "SELECT pg_relation_is_updatable('NAME', true)",
    "SELECT count(*) FROM pg_partition_ancestors('NAME')",
    "SELECT count(*) FROM pg_partition_tree('NAME')",
    "SELECT coalesce(to_regclass('NAME'), 'people'::regclass)",
  ])('%s', (sql) => same(sql));

  it('of functions, schemas, roles and sequences too', async () => {
    for (const [sql, hidden] of [
      ["SELECT to_regproc('NAME')", 'qzxmaker'],
      ["SELECT to_regprocedure('NAME()')", 'qzxmaker'],
      ["SELECT 'NAME'::regproc", 'qzxmaker'],
      ["SELECT to_regnamespace('NAME')", 'qzxschema'],
      ["SELECT 'NAME'::regnamespace", 'qzxschema'],
      ["SELECT 'NAME'::regclass", 'qzxsequence'],
      ["SELECT 'NAME'::regclass", 'qzxpartial'],
      ["SELECT 'NAME'::regrole", 'pg_monitor'],
      ["SELECT to_regrole('NAME')", 'pg_monitor'],
      ["SELECT has_schema_privilege('NAME', 'USAGE')", 'qzxschema'],
      ["SELECT pg_has_role('NAME', 'MEMBER')", 'pg_monitor'],
      ["SELECT pg_has_role('NAME', 'pg_monitor', 'MEMBER')", 'pg_monitor'],
      ["SELECT has_database_privilege('NAME', 'CONNECT')", 'template1'],
    ] as const) {
      const answer = async (name: string): Promise<unknown> =>
        JSON.stringify(await world.ask(sql.replaceAll('NAME', name))).replaceAll(name, 'NAME');
      expect(await answer(hidden), sql).toEqual(await answer('nonsense'));
    }
  });
});

describe('other ways to a name are refused', () => {
  it.each([
    "SELECT coalesce('people'::regclass, 16500)",
    "SELECT CASE WHEN true THEN 16500 ELSE 'people'::regclass END",
    "SELECT 'people'::regclass UNION ALL SELECT 16500",
    "VALUES ('people'::regclass), (16500)",
    "SELECT ARRAY['people'::regclass, 16500]",
    "SELECT array_append(ARRAY['people'::regclass], 16500)",
    "SELECT ARRAY['people'::regclass] || 16500",
    "SELECT greatest('people'::regclass, 16500)",
    "SELECT '{16500}'::regclass[]",
    "SELECT '{people, qzxkinds}'::regclass[]",
    "SELECT '{int4, qzxmood}'::regtype[]",
    "SELECT '{int4, _qzxmood}'::regtype[]",
    "SELECT '{int4, mood}'::regtype[]",
    "SELECT '{int4, 16500}'::regtype[]",
    "SELECT '{int4, NULL}'::regtype[]",
    "SELECT '{{int4}, {int8}}'::regtype[]",
    "SELECT '[5:5]={int4}'::regtype[]",
    `SELECT '{int4, "qzxmood"}'::regtype[]`,
    "SELECT '{int4,qzxschema.x}'::regtype[]",
    "SELECT '{shout}'::regproc[]",
    'SELECT $1::regclass[]',
    'SELECT a FROM json_to_record(\'{"a": 16500}\') AS x(a regclass)',
    'SELECT (jsonb_populate_record(NULL::pg_type, \'{"typinput": "16500"}\')).typinput',
    "SELECT * FROM (SELECT 'people'::regclass AS c) AS a FULL JOIN (SELECT 16500 AS c) AS b USING (c)",
    'SELECT regclass(16500)',
    "SELECT pg_get_expr('x', 16500)",
    'SELECT pg_get_expr(e.adbin, 16500) FROM (SELECT adbin FROM pg_attrdef) AS e',
    'SELECT * FROM format_type(16500, NULL) AS f',
    "SELECT * FROM age((SELECT '3'::xid)) AS t",
  ])('%s', async (sql) => {
    expect(await world.ask(sql)).toMatch(/^refused: /);
  });

  test('a parameter of PREPARE is looked up, and refused where it is declared as a name: EXECUTE would read it', async () => {
    const [hidden] = await world.raw("SELECT 'qzxview'::regclass::oid::text");
    expect(await world.ask('PREPARE p(regclass) AS SELECT $1')).toMatch(/^refused: /);
    expect(await world.ask('PREPARE p AS SELECT $1::regclass')).toEqual([]);
    for (const number of [hidden, '99999'])
      await expect(world.raw(`EXECUTE p('${number}')`)).rejects.toThrow(`" ${number}" does not exist`);
    expect(await world.raw(`EXECUTE p('people')`)).toEqual(['people']);
  });

  test('names of cursors are no way to ask', async () => {
    const told = await world.ask('SELECT pg_get_viewdef(name) FROM pg_cursors');
    expect(told).toEqual([]);
    expect(world.judge('SELECT pg_get_viewdef(name) FROM pg_cursors').effect).toBe('rewrite');
  });
});

describe('pg_get_expr prints an expression of its own relation alone', () => {
  it.each([
    "SELECT pg_get_expr(c.conbin, 'people'::regclass) FROM pg_constraint AS c WHERE conbin IS NOT NULL",
    `SELECT pg_get_expr(c.conbin, n) FROM pg_constraint AS c, ${EVERY} WHERE conname = 'name_is_long'`,
    `SELECT pg_get_expr(d.adbin, n) FROM pg_attrdef AS d, ${EVERY} WHERE d.adrelid = 'people'::regclass`,
    'SELECT pg_get_expr(i.indpred, i.indrelid) FROM pg_index AS i WHERE i.indpred IS NOT NULL',
    'SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relpartbound IS NOT NULL',
    'SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef',
    'SELECT pg_get_expr(adbin, adrelid, true) FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum',
  ])('%s', async (sql) => {
    const told = await world.ask(sql);
    expect(told).toBeInstanceOf(Array);
    expect((told as string[]).filter((value) => value !== null).length).toBeGreaterThan(0);
    expect((told as string[]).filter((value) => /qzx/.test(value ?? ''))).toEqual([]);
  });
});

/** Before PostgreSQL 16, columns are written behind their table. */
const OF = serverVersion() >= 16 ? '' : 'people.';
const VIEWDEF = ` SELECT ${OF}id,\n    ${OF}name\n   FROM people\n  WHERE (${OF}name <> 'x'::text);`;

describe('granted objects are told as before', () => {
  it.each([
    ["SELECT 'people'::regclass", ['people']],
    ["SELECT c.oid::regclass FROM pg_class AS c WHERE relname = 'people'", ['people']],
    ["SELECT conrelid::regclass FROM pg_constraint WHERE conname = 'name_is_long'", ['people']],
    [
      "SELECT DISTINCT attrelid::regclass::text FROM pg_attribute WHERE attrelid = 'people_name'::regclass",
      ['people_name'],
    ],
    ["SELECT to_regclass('people')", ['people']],
    ["SELECT (SELECT oid FROM pg_class WHERE relname = 'kinds')::regclass", ['kinds']],
    ["SELECT '0'::oid::regclass", ['-']],
    ["SELECT 'integer'::regtype", ['integer']],
    ["SELECT 'mood'::regtype", ['mood']],
    ["SELECT atttypid::regtype FROM pg_attribute WHERE attname = 'mood' AND attrelid = 'people'::regclass", ['mood']],
    ["SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'people'", ['public']],
    ["SELECT '{int, int8,int2[]}'::regtype[]", ['{integer,bigint,smallint[]}']],
    ["SELECT '{people, pg_class,public.kinds}'::regclass[]", ['{people,pg_class,kinds}']],
    ["SELECT typname FROM pg_type WHERE oid = ANY ('{bool}'::regtype[])", ['bool']],
    ["SELECT proargtypes::regtype[] FROM pg_proc WHERE proname = 'shout'", ['[0:0]={text}']],
    ["SELECT pg_get_viewdef('clear')", [VIEWDEF]],
    ["SELECT pg_get_viewdef(oid) IS NULL FROM pg_class WHERE relname = 'seen'", ['t']],
    [
      "SELECT pg_get_indexdef('people_lower'::regclass)",
      ["CREATE INDEX people_lower ON public.people USING btree (lower(name)) WHERE (name > 'a'::text)"],
    ],
    ["SELECT pg_get_serial_sequence('people', 'id')", ['public.people_id_seq']],
    ["SELECT has_table_privilege('people', 'SELECT')", ['t']],
    ["SELECT has_table_privilege(current_user, 'people', 'SELECT')", ['t']],
    ["SELECT col_description('people'::regclass, 2)", ['a name']],
    ["SELECT obj_description('people'::regclass, 'pg_class')", ['everybody']],
    ['SELECT tgname FROM pg_trigger WHERE NOT tgisinternal', ['touched']],
    [
      'SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal',
      ['CREATE TRIGGER touched BEFORE UPDATE ON public.people FOR EACH ROW EXECUTE FUNCTION touch()'],
    ],
    ['SELECT stxname FROM pg_statistic_ext', ['seen_together']],
    ["SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'people'", ['postgres']],
    ["SELECT pg_get_partkeydef('days'::regclass)", ['RANGE (day)']],
    ["SELECT count(*) FROM pg_partition_ancestors('days_2026')", ['2']],
    ["SELECT relnatts FROM pg_class WHERE relname = 'people'", ['11']],
    ["SELECT relchecks FROM pg_class WHERE relname = 'people'", ['1']],
    ["SELECT relrowsecurity FROM pg_class WHERE relname = 'people'", ['f']],
    ['SELECT definition IS NULL FROM pg_views WHERE schemaname = $$public$$ ORDER BY viewname', ['f', 't']],
    ["SELECT coalesce(pg_size_pretty(pg_table_size('kinds')), 'unsaid')", ['unsaid']],
  ] as const)('%s', async (sql, expected) => {
    expect(await world.ask(sql)).toEqual(expected);
  });

  test('with the name of the column that PostgreSQL gives it', async () => {
    const sent = (sql: string) => world.judge(sql).template.join('');
    for (const [sql, name] of [
      ['SELECT 16384::regclass', 'regclass'],
      ['SELECT n::regclass FROM (SELECT 16384 AS n) AS x', 'n'],
      ['SELECT pg_get_viewdef(16384)', 'pg_get_viewdef'],
      ["SELECT CASE WHEN true THEN 'people'::regclass ELSE 16384::oid::regclass END", 'regclass'],
    ] as const) {
      const client = await world.database.connect();
      const { fields } = await client.query(sent(sql));
      expect([sql, fields[0]?.name]).toEqual([sql, (await client.query(sql)).fields[0]?.name]);
      expect(fields[0]?.name === name || sql.includes('CASE')).toBe(true);
      await client.end();
    }
  });
});

describe('a name in a long list that is judged in part', () => {
  const list = (...names: string[]): string =>
    [...Array(400).fill('people'), ...names, ...Array(400).fill('kinds')].map((name) => `'${name}'`).join(', ');

  test.each(['regclass', 'regtype'])('%s: one that is hidden is as one that is not there', async (type) => {
    const ask = (name: string) => world.ask(`SELECT count(*) FROM pg_class WHERE oid::${type} IN (${list(name)})`);
    const hidden = await ask('qzxkinds');
    expect(String(hidden).replaceAll('qzxkinds', 'NAME')).toBe(
      String(await ask('qzxmissing')).replaceAll('qzxmissing', 'NAME'),
    );
  });

  test('a name that may be found is found', async () => {
    expect(await world.ask(`SELECT count(*) FROM pg_class WHERE oid::regclass IN (${list()})`)).toEqual(['2']);
  });
});

describe('values outside of catalog rows that would tell all the same', () => {
  it.each([
    'SELECT enum_range(NULL::qzxmood)',
    'SELECT enum_first(NULL::public.qzxmood)',
    "SELECT 'glad'::qzxmood",
    "SELECT CAST('qzxlabel' AS qzxmood) = 'qzxlabel'",
    'SELECT NULL::qzxmood[]',
  ])('%s: labels of a hidden enum', async (sql) => {
    expect(world.judge(sql).refusal?.reason).toBe('type-not-granted');
  });

  test('a visible enum is what it was', async () => {
    expect(await world.ask("SELECT enum_range('glad'::mood)")).toEqual(['{glad,sad}']);
  });

  test('settings but those of the list', async () => {
    const names = (await world.ask('SELECT name FROM pg_settings')) as string[];
    expect(names.filter((name) => !SHOWN_SETTINGS.has(String(name).toLowerCase()))).toEqual([]);
    expect(names).toContain('server_version_num');
    expect(await world.raw("SELECT name FROM pg_settings WHERE name = 'primary_conninfo'")).toHaveLength(1);
  });

  test('a collation of a user that is like the database’s own', async () => {
    expect(await world.ask('SELECT default_collate_name FROM information_schema.character_sets')).toEqual([null]);
  });

  it.each(['kinds', 'public.kinds', '"public".kinds', 'public . kinds', '"DATABASE"."public"."kinds"'])(
    'the name %s is looked up',
    async (name) => {
      const text = name.replace('DATABASE', world.database.name);
      expect(await world.ask(`SELECT to_regclass($1::text)::text`, [text])).toEqual(['kinds']);
    },
  );

  it.each(['qzxschema.qzxinside', '"a public.x"', 'my_public.kinds', 'pg_toast.x', 'public.kinds.x'])(
    'the name %s is not',
    async (name) => {
      expect(await world.ask(`SELECT to_regclass($1::text)::text`, [name])).toEqual([null]);
    },
  );
});

describe('no relation and no function of the server is refused for being one', () => {
  const grantedToAll = (list: string, kind: string, owner: string) =>
    `EXISTS (SELECT FROM aclexplode(coalesce(${list}, acldefault('${kind}', ${owner}))) AS a WHERE a.grantee = 0)`;

  it('catalogs that PostgreSQL shows to all accounts can be read', async () => {
    const relations = await world.raw(
      `SELECT format('%I.%I', n.nspname, relname) FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE relkind IN ('r', 'v')
         AND nspname IN ('pg_catalog', 'information_schema') AND ${grantedToAll('relacl', 'r', 'relowner')} ORDER BY 1`,
    );
    expect(relations.length).toBeGreaterThan(130);
    const unread: unknown[] = [];
    for (const name of relations) {
      const told = await world.ask(`SELECT row_to_json(x)::text FROM ${name} AS x`);
      if (typeof told === 'string' || told.some((row) => /qzx/.test(row ?? ''))) unread.push([name, told]);
    }
    expect(unread).toEqual([]);
  });

  it('a function that any account may call can be called, or changes something', async () => {
    const all = new Set(
      await world.raw(
        `SELECT oid::text FROM pg_proc WHERE prokind = 'f' AND NOT prosecdef AND ${grantedToAll('proacl', 'f', 'proowner')}`,
      ),
    );
    const { catalog } = world;
    const refused: string[] = [];
    let called = 0;
    for (const fn of catalog.data.functions) {
      const name = functionClass(fn, catalog);
      if (!all.has(String(fn.oid)) || name === undefined || PURE.has(name) || NOT_OF_NULL.has(fn.name)) continue;
      const types = fn.args.map((oid) => catalog.typesByOid.get(oid)!);
      const args = types.map((type) => `NULL::${type.schema}."${type.name}"`).join(', ');
      const call = `${fn.schema}.${fn.name}(${args})`;
      const answer = await world.ask(
        fn.returnsSet || fn.outColumns.length > 0 ? `SELECT count(x) FROM ${call} AS x` : `SELECT ${call} IS NULL`,
      );
      called += 1;
      if (typeof answer !== 'string' || fn.volatility === 'v' || name === 'SQL text' || name === 'files') continue;
      refused.push(`${fn.name}: ${answer}`);
    }
    expect(called).toBeGreaterThan(300);
    expect(refused).toEqual([]);
  });

  it.each([
    ['SELECT pg_blocking_pids(1)', [null]],
    ['SELECT count(*) FROM pg_lock_status()', ['0']],
    ['SELECT count(*) FROM pg_stat_get_activity(NULL) AS a', ['0']],
    ['SELECT pid FROM pg_stat_get_activity(NULL::int)', []],
    ['SELECT i FROM pg_stat_get_backend_idset() AS i', []],
    ['SELECT system_identifier FROM pg_control_system()', [null]],
    ['SELECT s.x FROM pg_control_system() AS s(x)', [null]],
    ['SELECT x FROM pg_class AS c, LATERAL pg_blocking_pids(7) AS x WHERE c.relname = $$people$$', [null]],
    ["SELECT relid FROM pg_partition_tree('days'::regclass) ORDER BY 1", ['days', 'days_2026']],
    ["SELECT relid FROM pg_partition_tree('people')", []],
    ["SELECT * FROM age('3'::xid) AS t", [null]],
    ['SELECT pg_describe_object(1259, 1259, 0)', [null]],
    ["SELECT txid_status(1), pg_xact_status('1')", [null]],
  ] as const)('%s', async (sql, expected) => {
    expect(await world.ask(sql)).toEqual(expected);
  });

  it.each([
    'SELECT pg_stat_get_activity(NULL)',
    'SELECT pg_stat_get_activity(pid) FROM pg_stat_activity',
    'SELECT a.pid FROM pg_stat_activity AS s, pg_stat_get_activity(s.pid) AS a',
    'SELECT * FROM pg_stat_get_activity($1)',
    'SELECT * FROM pg_stat_get_activity((SELECT 1))',
    'SELECT * FROM ROWS FROM (pg_lock_status(), generate_series(1, 2))',
    'SELECT * FROM pg_lock_status() WITH ORDINALITY',
    'SELECT (pg_lock_status()).pid',
    'SELECT generate_series(1, 2), pg_stat_get_backend_idset()',
    'SELECT array(SELECT pg_stat_get_backend_idset())',
    'SELECT coalesce(i, 0) FROM ROWS FROM (pg_stat_get_backend_idset()) AS i',
    'SELECT pg_get_publication_tables($$qzxpublication$$)',
  ])('nothing is shown in another way: %s', async (sql) => {
    expect(await world.ask(sql)).toMatch(/^refused/);
  });
});

/** Their values depend on their arguments, or they cannot be called: `builtin-functions.test.ts` holds each to its class. */
const PURE: ReadonlySet<string> = new Set(['arguments', 'steps', 'operators', 'uncallable', 'text forms']);
/** These take something else than NULL: a column of a catalog, a constant name, an array; or values that no account can have. */
const NOT_OF_NULL: ReadonlySet<string> = new Set(
  `_pg_expandarray _pg_index_position _pg_truetypid _pg_truetypmod makeaclitem pg_get_expr pg_get_publication_tables pg_input_error_info
pg_input_is_valid pg_mcv_list_items satisfies_hash_partition ts_parse ts_token_type`.split(/\s+/),
);

describe('system columns of catalogs', () => {
  it('are NULL in every one, but for the catalog that a row is in', async () => {
    const tables = await world.raw(
      "SELECT relname::text FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' ORDER BY 1",
    );
    const told = (name: string) =>
      `SELECT count(*) FROM pg_catalog.${name} WHERE tableoid <> 'pg_catalog.${name}'::regclass OR num_nonnulls(xmin, xmax, cmin, cmax, ctid) > 0`;
    const answers: [string | null, Awaited<ReturnType<CatalogWorld['ask']>>][] = [];
    for (const name of tables) answers.push([name, await world.ask(told(name!))]);
    const open = answers.filter(
      ([, answer]) => typeof answer !== 'string' || !answer.startsWith('refused: permission denied for table'),
    );
    expect(open.length).toBeGreaterThan(40);
    expect(open.filter(([, answer]) => answer[0] !== '0')).toEqual([]);
  });

  it.each([
    ['SELECT age(c.xmin) FROM pg_class AS c', null],
    ['SELECT c.xmin::text FROM pg_catalog.pg_class AS c', null],
    ['SELECT ctid FROM pg_class AS c', null],
    ['SELECT (c).xmin FROM pg_class AS c', null],
    ['SELECT x FROM (SELECT relname, xmin AS x FROM pg_class) AS c', null],
    ['SELECT c.tableoid::regclass FROM pg_class AS c', 'pg_class'],
    ['SELECT obj_description(c.oid, c.tableoid::regclass::name) FROM pg_class AS c', 'everybody'],
    ['SELECT greatest(age(c.xmin), -1) FROM pg_class AS c', '-1'],
  ])('%s', async (sql, expected) => {
    expect(await world.ask(`${sql} WHERE relname = 'people'`)).toEqual([expected]);
  });
});

/** Operators of a text that another schema of the path could bring its own of, nearer to the operands' types. */
function foundByPath(sql: string): string[] {
  const { catalog } = world;
  const parsed = parse(sql);
  if (!isParsed(parsed)) throw new Error(`${parsed.message}: ${sql}`);
  const viewOf = (relation: Relation): RelationView => {
    const columns = relation.columns.map(
      (column) => ({ column, access: 'granted', masked: false, leaky: true }) as const,
    );
    return { relation, columns, guarded: false, hides: 'no', system: true };
  };
  const env = { catalog, searchPath: [], viewOf, parameterTypes: [] };
  return operatorsByPath(analyze(parsed.statements[0]!.node, parsed, env), env).map(
    ({ name, types }) => `${types.map((type) => catalog.typesByOid.get(type ?? 0)?.name).join(` ${name} `)}`,
  );
}

describe('added expressions mean the same under any search_path', () => {
  it('to the reading of each catalog', () => {
    const slots = (template: Template) => renderTemplate(template, () => 'rowgate_row');
    const found = [...world.role.relations.values()]
      .filter(({ system }) => system)
      .flatMap(({ relation, select }) => {
        const masks = [...select!.columns.values()].flatMap(({ mask }) => (mask ? [slots(mask)] : []));
        const conditions = select!.conditions.map(({ filter }) => slots(filter));
        const sql = `SELECT ${masks.join(', ')} FROM ${relation.schema}.${relation.name} AS rowgate_row WHERE ${['true', ...conditions].join(' AND ')}`;
        return foundByPath(sql).map((operator) => `${relation.name}: ${operator}`);
      });
    expect([...new Set(found)]).toEqual([]);
  });

  it('to calls and casts that look into the catalogs', () => {
    const { catalog } = world;
    const calls = catalog.data.functions
      .filter((fn) => fn.schema === 'pg_catalog' && mayBeMetadata(fn.name) && fn.name !== 'pg_get_expr')
      .map(({ name, args }) => {
        const types = args.map((oid) => catalog.typesByOid.get(oid)!.name);
        return `SELECT pg_catalog.${name}(${types.map((_, i) => `x.c${i}`).join(', ')}) FROM (SELECT ${types.map((type, i) => `NULL::pg_catalog.${type} AS c${i}`).join(', ')} OFFSET 0) AS x`;
      });
    const kinds = [
      'regclass',
      'regtype',
      'regproc',
      'regprocedure',
      'regoper',
      'regoperator',
      'regnamespace',
      'regrole',
      'regconfig',
      'regdictionary',
      'regcollation',
    ];
    const casts = kinds.flatMap((kind) => [
      `SELECT c::${kind} FROM (SELECT ''::text AS c OFFSET 0) AS x`,
      `SELECT c::${kind} FROM (SELECT '1'::oid AS c OFFSET 0) AS x`,
      `SELECT 'qzx'::${kind}`,
      `SELECT ARRAY[c]::${kind}[] FROM (SELECT '1'::oid AS c OFFSET 0) AS x`,
    ]);
    const found = [...calls, ...casts].flatMap((sql) => {
      const { template, effect } = world.judge(sql);
      if (effect === 'refuse') return [];
      const sent = renderTemplate(template, () => 'NULL');
      return foundByPath(sent).map((operator) => `${sql.replace(/ FROM.*/, '')}: ${operator}`);
    });
    expect([...new Set(found)]).toEqual([]);
  });
});
