/** What a name in `functions:` stands for: one function, as in GRANT, or all of the server's own that have it; and what `types:`, `collations:`, `catalogs:`, `settings:` and `sequences:` may hold. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knowsObjects } from '../../src/guard/metadata/found.ts';
import { resolveFunctions } from '../../src/policy/compile/functions.ts';
import { isGrantableSetting, whyUngrantable } from '../../src/policy/compile/grantable-settings.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { SETTABLE } from '../../src/policy/compile/shown-settings.ts';
import type { RelationGrant } from '../../src/policy/model/policy.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { catalogOf } from '../decisions/policies.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { environment } from './environment.ts';

let database: FreshDatabase;
let catalog: Catalog;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE FUNCTION twice(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 * 2';
    CREATE FUNCTION twice(text) RETURNS text LANGUAGE sql AS 'SELECT $1 || $1';
    CREATE PROCEDURE tidy(integer) LANGUAGE sql AS 'SELECT 1';
    CREATE DOMAIN share AS integer CHECK (VALUE > 0);
    CREATE DOMAIN small AS share;
    CREATE TABLE people (part share);
    CREATE TABLE places (id integer, name text);
    CREATE SEQUENCE numbers;
    CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`);
  catalog = await catalogOf(database);
});

afterAll(() => database.drop());

function found(text: string): readonly string[] | string {
  const resolved = resolveFunctions(catalog, ['public'], text);
  if ('problem' in resolved) return resolved.problem;
  const type = (oid: number): string => catalog.typesByOid.get(oid)?.name ?? '?';
  return resolved.value.map((fn) => `${fn.schema}.${fn.name}(${fn.args.map(type).join(', ')})`).sort();
}

test.each([
  ['pg_advisory_xact_lock', ['pg_catalog.pg_advisory_xact_lock(int4, int4)', 'pg_catalog.pg_advisory_xact_lock(int8)']],
  ['pg_catalog.pg_advisory_xact_lock(bigint)', ['pg_catalog.pg_advisory_xact_lock(int8)']],
  ['pg_advisory_unlock_all', ['pg_catalog.pg_advisory_unlock_all()']],
  ['tidy', ['public.tidy(int4)']],
  ['public.twice(text)', ['public.twice(text)']],
  ['twice', 'function name "twice" is not unique; write its argument types: public.twice(int4), public.twice(text)'],
])('%s', (text, wanted) => {
  expect(found(text)).toEqual(wanted);
});

test('types: a type with its array and its base, no row type of a table, and what does not exist is withheld', () => {
  const role = (types: string) => {
    const text = `role: a\ntypes: [${types}]\nlimits: none\n`;
    const { policy, diagnostics } = loadPolicy([{ path: 'roles/a.yaml', text }], environment(catalog));
    const named = [...(policy.roles.get('a')?.types ?? [])].map((oid) => catalog.typesByOid.get(oid)!.name);
    return { named: named.sort(), said: diagnostics.map(({ message }) => message) };
  };
  expect(role('public.small')).toEqual({ named: ['_share', '_small', 'share', 'small'], said: [] });
  expect(role('smal').named).toEqual([]);
  expect(role('smal').said[0]).toContain('type "smal" does not exist, did you mean "small"?');
  expect(role('people').said).toEqual(['"people" is a table: its row type goes with the whole of it']);
});

test('collations: those of users by their names, and what does not exist is withheld', () => {
  const role = (collations: string) => {
    const text = `role: a\ncollations: [${collations}]\nlimits: none\n`;
    const { policy, diagnostics } = loadPolicy([{ path: 'roles/a.yaml', text }], environment(catalog));
    const oids = policy.roles.get('a')?.collations;
    const named = catalog.data.collations.filter(({ oid }) => oids?.has(oid)).map(({ name }) => name);
    return { named, said: diagnostics.map(({ message }) => message) };
  };
  expect(role('folded')).toEqual({ named: ['folded'], said: [] });
  expect(role('public.folded')).toEqual({ named: ['folded'], said: [] });
  for (const other of ['foldet', 'pg_catalog.folded', 'a.public.folded', 'C'])
    expect(role(`"${other}"`)).toEqual({
      named: [],
      said: [expect.stringContaining(`collation "${other}" does not exist`)],
    });
});

describe('catalogs: read whole', () => {
  const all = '  people: { select: { columns: "*" } }\n  places: { select: { columns: "*" } }';
  const role = (
    catalogs: string,
    more = `tables:\n${all}\n`,
    besides: readonly { path: string; text: string }[] = [],
  ) => {
    const text = `role: a\ncatalogs: [${catalogs}]\nlimits: none\n${more}`;
    const { policy, diagnostics } = loadPolicy([{ path: 'roles/a.yaml', text }, ...besides], environment(catalog));
    const relations = [...(policy.roles.get('a')?.relations.values() ?? [])];
    return { named: relations.filter(({ named }) => named), said: diagnostics.map(({ message }) => message), policy };
  };
  const found = (catalogs: string, more?: string) => {
    const { named, said } = role(catalogs, more);
    return { named, said };
  };
  const masked = ({ select }: RelationGrant, name: string) => select?.columns.get(name)?.mask !== undefined;

  test('by name, with or without the schema, and without a condition', () => {
    const { named, said } = role('pg_policies, pg_catalog.pg_class, information_schema.columns');
    expect(said).toEqual([]);
    expect(named.map(({ relation }) => relation.name).sort()).toEqual(['columns', 'pg_class', 'pg_policies']);
    for (const { select } of named) expect(select?.conditions).toEqual([]);
    expect(role('').named).toEqual([]);
  });

  test.each([
    'rooms',
    'public.rooms',
    'pg_toast.pg_class',
    'pg_clas',
    'information_schema.pg_class',
    'pg_class_oid_index',
  ])('%s is none', (name) => expect(found(name)).toEqual({ named: [], said: [`"${name}" is no system catalog`] }));

  test.each(['pg_settings', 'pg_cursors', 'pg_prepared_statements', 'pg_hba_file_rules', 'pg_file_settings'])(
    '%s goes to no role',
    (name) =>
      expect(found(name)).toEqual({
        named: [],
        said: [`"${name}" cannot be granted: sessions find there what is their own`],
      }),
  );

  test.each([
    ['a row filter', all.replace('select: { columns: "*" }', 'select: { columns: "*", rows: "true" }')],
    ['a mask', all.replace('select: { columns: "*" }', 'select: { columns: "*", masks: { name: "null" } }')],
    ['a table that is not granted', all.slice(all.indexOf('\n') + 1)],
    ['no table', undefined],
    ['groups', `${all}\nmin_group: 5`],
  ])('INVARIANT 196: none goes to a role from which something is withheld: %s', (_, tables) => {
    for (const name of ['pg_class', 'pg_stats', 'pg_policies', 'pg_mine'])
      expect(found(name, tables === undefined ? '' : `tables:\n${tables}\n`)).toEqual({
        named: [],
        said: expect.arrayContaining([expect.stringContaining('system catalogs tell of rows')]),
      });
  });

  test('INVARIANT 196: nor to any where there are subjects', () => {
    const subjects = { path: 'subjects.yaml', text: 'subjects: { person: { keys: [people.id] } }\n' };
    const { named, said } = role('pg_class', undefined, [subjects]);
    expect(named).toEqual([]);
    expect(said).toEqual(expect.arrayContaining([expect.stringContaining('system catalogs tell of rows')]));
  });

  test('INVARIANT 197: what holds passwords stays hidden, in every catalog of both schemas', async () => {
    const columns = await database.query<{ schema: string; catalog: string; name: string }>(
      `SELECT nspname AS schema, relname AS catalog, attname AS name
       FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid JOIN pg_namespace AS n ON n.oid = relnamespace
       WHERE nspname IN ('pg_catalog', 'information_schema') AND relkind IN ('r', 'v') AND attnum > 0 AND relname <> 'pg_settings'
         AND attname ~ 'passw|conn?info|options$|option_value|secret|credential'`,
    );
    // Options of storage and of dictionaries, and whether there is a password.
    const harmless = new Set(
      'reloptions attoptions spcoptions spcoptions subpasswordrequired credentials_delegated'.split(' '),
    );
    const asked = columns.filter(({ name, catalog }) => !harmless.has(name) && !catalog.startsWith('pg_stat'));
    expect(asked.length).toBeGreaterThan(15);
    for (const { schema, catalog, name } of asked) {
      const { named } = role(`${schema}.${catalog}`);
      // Files of the configuration go to no role.
      expect(
        named.every((grant) => masked(grant, name)),
        `${catalog}.${name}`,
      ).toBe(true);
      expect(named.length, catalog).toBe(/_file_/.test(catalog) || catalog.startsWith('pg_hba') ? 0 : 1);
    }
  });

  test('INVARIANT 198: names of objects are looked up for a role that lacks one catalog', () => {
    const { relations } = catalog.data;
    const own = relations.filter(({ schema, kind }) => schema === 'pg_catalog' && kind === 'r').map(({ name }) => name);
    const knows = (names: readonly string[]) => knowsObjects(role(names.join(', ')).policy.roles.get('a')!, catalog);
    expect(own.length).toBeGreaterThan(50);
    expect(knows(own)).toBe(true);
    for (const one of ['pg_class', 'pg_publication', 'pg_statistic', own[0]!, own.at(-1)!])
      expect(knows(own.filter((name) => name !== one)), one).toBe(false);
    expect(knows([])).toBe(false);
  });

  test('a table that someone has put beside the server’s own is none, and withheld from every role', async () => {
    const other = await freshDatabase();
    try {
      await other.query('SET allow_system_table_mods = on; CREATE TABLE pg_catalog.mine (id integer)');
      const load = (catalogs: string) =>
        loadPolicy(
          [{ path: 'roles/a.yaml', text: `role: a\ncatalogs: [${catalogs}]\nlimits: none\n` }],
          environment(own),
        ).diagnostics.map(({ message }) => message);
      const own = await catalogOf(other);
      for (const name of ['mine', 'pg_class'])
        expect(load(name)).toEqual([expect.stringContaining('system catalogs tell of rows')]);
    } finally {
      await other.drop();
    }
  });

  test('INVARIANT 230: warnings of PL/pgSQL, which tell how many rows its code finds, go to the same roles alone', () => {
    const text = (tables: string) =>
      `role: a\n${tables}settings: { plpgsql.extra_errors: any, PLpgSQL.extra_warnings: any, plpgsql.print_strict_params: any }\nlimits: none\n`;
    const said = (tables: string) =>
      loadPolicy([{ path: 'roles/a.yaml', text: text(tables) }], environment(catalog)).diagnostics.map(
        ({ message }) => message,
      );
    expect(said(`tables:\n${all}\n`)).toEqual([]);
    const three = Array.from({ length: 3 }, () => expect.stringContaining('makes code of users tell how many rows'));
    expect(said('')).toEqual(three);
    expect(
      said(`tables:\n${all.replace('select: { columns: "*" }', 'select: { columns: "*", rows: "true" }')}\n`),
    ).toEqual(three);
  });

  test('which transaction wrote a row of them stays hidden', () => {
    const [grant] = role('pg_class').named;
    for (const name of ['xmin', 'xmax', 'cmin', 'cmax', 'ctid']) expect(masked(grant!, name)).toBe(true);
  });
});

test.each([
  ['work_mem: 64MB, hash_mem_multiplier: 2, app.tenant: any, ENABLE_sort: any', []],
  ['work_mem: any', ['expected the most that "work_mem" may be set to, found "any"']],
  ['work_mem: 64 MiB', ['expected the most that "work_mem" may be set to, found "64 MiB"']],
  ['enable_sort: 1', ['expected any, found "1"']],
  ['vacuum_cost_delay: any, default_statistics_target: any, max_parallel_workers: 4, effective_io_concurrency: 16', []],
  ['max_parallel_workers: any', ['expected the most that "max_parallel_workers" may be set to, found "any"']],
  [
    'max_stack_depth: any',
    ['parameter "max_stack_depth" is none that can be granted: it reveals how deep withheld documents are'],
  ],
  [
    'search_path: any',
    ['parameter "search_path" is none that can be granted: it is read with each text, and is fixed'],
  ],
  [
    'session_replication_role: any',
    [expect.stringContaining('is none that can be granted: it decides as whom a statement runs')],
  ],
  ['rowgate.token: any', ['parameter "rowgate.token" is none that can be granted']],
  ['plpgsql.variable_conflict: any', ['parameter "plpgsql.variable_conflict" is none that can be granted']],
  ['plpgsql.check_asserts: any', ['parameter "plpgsql.check_asserts" is none that can be granted']],
  ['plpgsql.extra_errors: all', ['expected any, found "all"']],
])('settings: { %s }', (settings, said) => {
  const text = `role: a\nsettings: { ${settings} }\nlimits: none\n`;
  const { diagnostics } = loadPolicy([{ path: 'roles/a.yaml', text }], environment(catalog));
  expect(diagnostics.map(({ message }) => message)).toEqual(said);
});

test.each([
  ['["*", xmin, tableoid]', true, []],
  ['["*"]', true, []],
  ['[part, xmin]', false, []],
  ['["*", part]', true, ['"*" has column "part": beside it stand system columns alone']],
  ['["*", xmax, xmax]', true, ['column "xmax" stands here twice']],
  ['["*", xmm]', true, [expect.stringContaining('column "xmm" of relation "people" does not exist')]],
])('columns: %s', (columns, whole, said) => {
  const text = `role: a\ntables: { people: { select: { columns: ${columns} } } }\nlimits: none\n`;
  const { policy, diagnostics } = loadPolicy([{ path: 'roles/a.yaml', text }], environment(catalog));
  expect(diagnostics.map(({ message }) => message)).toEqual(said);
  if (said.length === 0)
    expect(policy.roles.get('a')?.relations.get(catalog.relation('public', 'people')!.oid)?.select?.whole).toBe(whole);
});

test('what is written names its columns, or all of them', () => {
  const text = 'role: a\ntables: { people: { insert: { columns: ["*"] } } }\nlimits: none\n';
  const { diagnostics } = loadPolicy([{ path: 'roles/a.yaml', text }], environment(catalog));
  expect(diagnostics.map(({ message }) => message)[0]).toContain('column "*" of relation "people" does not exist');
});

test('each setting that the server lets a session change is free, can be granted, or has its reason why not', async () => {
  const rows = await database.query<{ name: string }>(
    "SELECT lower(name) AS name FROM pg_settings WHERE context IN ('user', 'superuser') ORDER BY 1",
  );
  const placed = (name: string): string[] => [
    ...(SETTABLE.some((one) => one === name) ? ['free'] : []),
    ...(isGrantableSetting(name) ? ['granted'] : []),
    ...(whyUngrantable(name) === undefined ? [] : ['refused']),
  ];
  expect(rows.length).toBeGreaterThan(100);
  expect(rows.filter(({ name }) => placed(name).length === 0)).toEqual([]);
  // Of what is granted nothing is refused. Those that are fixed may be set to the value that they have.
  expect(rows.filter(({ name }) => isGrantableSetting(name) && placed(name).length > 1)).toEqual([]);
});

test.each([
  ['sequences: { public.numbers: [usage, select] }', []],
  ['sequences: { numbers: [] }', ['expected something, found nothing']],
  ['sequences: { numbers: [delete] }', ['expected "usage", "select" or "update", found "delete"']],
  ['sequences: { number: [usage] }', [expect.stringContaining('"number" does not exist')]],
  ['sequences: { people: [usage] }', ['"people" is no sequence']],
  [
    'tables: { numbers: { select: { columns: "*" } } }\nsequences: { numbers: [usage] }',
    ['sequence "numbers" is granted twice; the first grant is roles/a.yaml:2'],
  ],
  ['access: unrestricted\nsequences: { numbers: [usage] }', ['"sequences" does not go with "access: unrestricted"']],
])('%s', (text, said) => {
  const { diagnostics } = loadPolicy(
    [{ path: 'roles/a.yaml', text: `role: a\n${text}\nlimits: none\n` }],
    environment(catalog),
  );
  expect(diagnostics.map(({ message }) => message)).toEqual(said);
});
