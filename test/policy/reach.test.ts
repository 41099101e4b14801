/** Tests what granted views, functions, triggers, generated columns and types reach that the role may not see: `check` warns of it, `access` lists it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCatalogWithReaches } from '../../src/catalog/reaches.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { accessTo, type ReviewedAccess } from '../../src/policy/review/access.ts';
import { reachWarnings } from '../../src/policy/review/warnings.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { environment } from './environment.ts';

const SCHEMA = `
  CREATE TABLE pupils (id int PRIMARY KEY, school int, name text, ssn text, initials text GENERATED ALWAYS AS (left(name, 1) || left(ssn, 1)) STORED);
  CREATE TABLE secrets (id int, what text);
  CREATE TABLE audit (at timestamptz DEFAULT now(), what text);
  CREATE VIEW names AS SELECT id, name FROM pupils;
  CREATE VIEW numbers AS SELECT id, ssn AS n FROM pupils;
  CREATE VIEW over_numbers AS SELECT count(*) FROM numbers;
  CREATE MATERIALIZED VIEW kept AS SELECT what FROM secrets;
  CREATE FUNCTION atomic_sum() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(id) FROM secrets; END;
  CREATE VIEW by_function AS SELECT atomic_sum();
  CREATE FUNCTION text_body(n int) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'WITH secrets AS (SELECT 1) SELECT p.ssn FROM pupils AS p, secrets WHERE p.id = n';
  CREATE FUNCTION row_body() RETURNS SETOF pupils LANGUAGE sql AS 'SELECT * FROM pupils';
  CREATE FUNCTION pl() RETURNS text LANGUAGE plpgsql AS $$ DECLARE v text; BEGIN SELECT what INTO v FROM public.secrets WHERE id = 1; v := v || (SELECT max(ssn) FROM pupils); RETURN v; END $$;
  CREATE FUNCTION dynamic() RETURNS text LANGUAGE plpgsql AS $$ DECLARE v text; BEGIN EXECUTE 'SELECT 1' INTO v; RETURN v; END $$;
  CREATE FUNCTION harmless(a int) RETURNS int LANGUAGE sql AS 'SELECT a + 1';
  CREATE FUNCTION calls_it() RETURNS text LANGUAGE sql AS 'SELECT public.pl()';
  CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (what) SELECT what FROM secrets; RETURN NEW; END $$;
  CREATE TRIGGER note AFTER UPDATE ON pupils FOR EACH ROW EXECUTE FUNCTION noted();
  CREATE FUNCTION known(text) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM secrets WHERE what = $1)';
  CREATE DOMAIN code AS text CHECK (known(VALUE));
  CREATE TABLE coded (id int, codes code[]);
  CREATE FUNCTION by_set_config() RETURNS text LANGUAGE sql AS $$SELECT set_config('role', 'x', false)$$;
  CREATE FUNCTION calls_setting() RETURNS text LANGUAGE sql AS 'SELECT public.by_set_config()';
  CREATE FUNCTION by_set() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF true THEN SET standard_conforming_strings = off; END IF; RETURN NEW; END $$;
  CREATE TABLE beds (id int, note text);
  CREATE TRIGGER sets BEFORE UPDATE ON beds FOR EACH ROW EXECUTE FUNCTION by_set();
  CREATE DOMAIN setting_domain AS text CHECK (set_config('row_security', 'off', false) IS NOT NULL);
  CREATE TABLE setting (id int, note text DEFAULT set_config('role', 'x', false), more setting_domain,
    CONSTRAINT sets CHECK (set_config('role', 'x', false) IS NOT NULL));
  CREATE FUNCTION for_itself() RETURNS int LANGUAGE plpgsql SET search_path = public AS $$ BEGIN
    -- set nothing
    UPDATE beds SET note = 'set role'; RETURN 1; END $$;
`;

let database: FreshDatabase;
let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  database = await freshDatabase();
  await database.query(SCHEMA);
  catalog = new Catalog(await readCatalogWithReaches((sql) => database.query(sql)));
});
afterAll(() => database.drop());

function load(role: string, more: Readonly<Record<string, string>> = {}) {
  const files = Object.entries({ 'roles/r.yaml': `role: r\n${role}\nlimits: none\n`, ...more }).map(([path, text]) => ({
    path,
    text,
  }));
  const { policy, diagnostics } = loadPolicy(files, environment(catalog));
  expect(diagnostics).toEqual([]);
  return policy;
}

function warnings(role: string): string[] {
  return reachWarnings(load(role), catalog, ['public']).map(({ line, message }) => `${line}: ${message}`);
}

const tables = (text: string): string => `tables:\n  ${text}`;
const PUPILS = 'pupils: { select: { columns: [id, school, name] } }';

describe('warnings', () => {
  test.each<[string, string, string[]]>([
    ['nothing that is not granted is looked at', tables(PUPILS), []],
    [
      'functions and triggers that change settings, and none that changes them for itself',
      'functions: [calls_setting, for_itself]\ntables:\n  beds: { select: { columns: "*" }, update: { columns: [note] } }',
      [
        '2: function "public.calls_setting" changes settings, in function "public.by_set_config": a session in which it changes one that Rowgate relies on is ended',
        '4: trigger function "public.by_set" of "public.beds", set off by UPDATE, changes settings, in function "public.by_set": a session in which it changes one that Rowgate relies on is ended',
      ],
    ],
    [
      'defaults, checks and domains that change settings',
      tables('setting: { select: { columns: "*" }, insert: { columns: [id] } }'),
      [
        'constraint "sets" of "public.setting"',
        'constraint "setting_domain_check" of "public.setting_domain"',
        'default "note" of "public.setting"',
      ].map((what) => `3: ${what} changes settings: a session in which it changes one that Rowgate relies on is ended`),
    ],
    ['a view of granted columns', tables(`${PUPILS}\n  names: { select: { columns: "*" } }`), []],
    [
      'a view that reads a withheld column',
      tables(`${PUPILS}\n  numbers: { select: { columns: "*" } }`),
      ['4: view "public.numbers" reads "ssn" of "public.pupils", which role "r" may not see as it is'],
    ],
    [
      'a masked column counts as withheld',
      tables(
        `pupils: { select: { columns: [id], masks: { ssn: "left(ssn, 0)" } } }\n  numbers: { select: { columns: "*" } }`,
      ),
      ['4: view "public.numbers" reads "ssn" of "public.pupils", which role "r" may not see as it is'],
    ],
    [
      'a view over a view',
      tables(`${PUPILS}\n  over_numbers: { select: { columns: "*" } }`),
      ['4: view "public.over_numbers" reads "ssn" of "public.pupils", which role "r" may not see as it is'],
    ],
    [
      'a materialized view of a table that is not granted',
      tables('kept: { select: { columns: "*" } }'),
      ['3: materialized view "public.kept" reads "public.secrets" ("what"), which role "r" may not read'],
    ],
    [
      'a view that calls a function',
      tables('by_function: { select: { columns: "*" } }'),
      ['3: view "public.by_function" reads "public.secrets" ("id"), which role "r" may not read'],
    ],
    [
      'rows past a filter',
      tables(
        'pupils: { rows: school = 1, select: { columns: [id, school, name] } }\n  names: { select: { columns: "*" } }',
      ),
      ['4: view "public.names" reads all rows of "public.pupils", which role "r" sees filtered (roles/r.yaml:3)'],
    ],
    [
      'rows past a filter, of a view that is filtered itself',
      tables(
        'pupils: { rows: school = 1, select: { columns: [id, school, name] } }\n  names: { select: { columns: "*", rows: id < 10 } }',
      ),
      [],
    ],
    [
      'an SQL function with a body of text, a CTE in it named like a table',
      `${tables(PUPILS)}\nfunctions: [public.text_body]`,
      [
        '4: SECURITY DEFINER function "public.text_body" reads "ssn" of "public.pupils", which role "r" may not see as it is',
      ],
    ],
    [
      'a star in a function',
      `${tables(PUPILS)}\nfunctions: [public.row_body]`,
      [
        '4: function "public.row_body" reads "initials", "ssn" of "public.pupils", which role "r" may not see as they are',
      ],
    ],
    [
      'PL/pgSQL',
      `${tables(PUPILS)}\nfunctions: [public.pl]`,
      [
        '4: function "public.pl" reads "public.secrets" ("id", "what"), which role "r" may not read',
        '4: function "public.pl" reads "ssn" of "public.pupils", which role "r" may not see as it is',
      ],
    ],
    [
      'a function through another',
      'functions:\n  - public.calls_it',
      [
        '3: function "public.calls_it" reads "public.secrets" ("id", "what"), which role "r" may not read',
        '3: function "public.calls_it" reads "public.pupils" ("id", "ssn"), which role "r" may not read',
      ],
    ],
    [
      'SQL that is put together',
      'functions: [public.dynamic]',
      ['2: function "public.dynamic" cannot be seen through: what function "public.dynamic" reads is not known'],
    ],
    ['a harmless function', 'functions: [public.harmless]', []],
    [
      'a trigger of a granted write, and not its audit table, which is only written',
      tables('pupils:\n    select: { columns: [id] }\n    update: { columns: [name] }'),
      [
        '5: trigger function "public.noted" of "public.pupils", set off by UPDATE, reaches "public.secrets" ("what"), which role "r" may not read',
      ],
    ],
    [
      'a trigger of a write that is not granted',
      tables('pupils: { select: { columns: [id] }, insert: { columns: [id] } }'),
      [],
    ],
    [
      'a generated column',
      tables('pupils: { select: { columns: [id, name, initials] } }'),
      ['3: generated column "initials" of "public.pupils" is computed from "ssn", which role "r" may not see as it is'],
    ],
    [
      'the check of a domain, with a column that is an array of it',
      tables('coded: { select: { columns: [id, codes] } }'),
      [
        '3: the check of type "public.code", by function "public.known", reads "public.secrets" ("what"), which role "r" may not read',
      ],
    ],
    ['the check of a domain of a column that is not granted', tables('coded: { select: { columns: [id] } }'), []],
  ])('%s', (_, role, expected) => {
    expect(warnings(role)).toEqual(expected);
  });

  test('nothing is said of an unrestricted role, nor where the catalog does not say what things reach', () => {
    const unrestricted = loadPolicy(
      [{ path: 'roles/r.yaml', text: 'role: r\naccess: unrestricted\nlimits: none\n' }],
      environment(catalog),
    );
    expect(reachWarnings(unrestricted.policy, catalog, ['public'])).toEqual([]);
    const { reaches: _, bodies: __, ...bare } = catalog.data;
    const policy = load(tables('kept: { select: { columns: "*" } }'));
    expect(reachWarnings(policy, new Catalog(bare), ['public'])).toEqual([]);
  });
});

describe('access', () => {
  const ROLE = `attributes: { school: integer }
tables:
  pupils:
    rows: school = :school
    select: { columns: [id, name], masks: { ssn: "left(ssn, 1) || '*'" } }
    update: { columns: [name] }
  numbers: { select: { columns: "*" } }
  coded: { select: { columns: [id], rows: id IN (SELECT id FROM pupils WHERE ssn IS NOT NULL) } }
functions: [public.text_body, public.dynamic]`;
  const OTHERS = {
    'roles/dba.yaml': 'role: dba\naccess: unrestricted\nlimits: none\n',
    'roles/seen.yaml': 'role: seen\nmode: observe\nlimits: none\n',
    'roles/zero.yaml': 'role: zero\ntables: { coded: { select: { columns: [id] } } }\nlimits: none\n',
  };
  const review = (table: string, column?: string) => {
    const relation = catalog.relation('public', table)!;
    const policy = load(ROLE, OTHERS);
    return accessTo(
      relation,
      relation.columns.find(({ name }) => name === column),
      policy,
      catalog,
      ['public'],
    );
  };
  const short = ({ role, way, form, rows, rule }: ReviewedAccess) =>
    [role, way, form, rows.join(' AND '), rule].join(' | ');

  test('of a column', () => {
    expect(review('pupils', 'ssn').access.map(short)).toEqual([
      'dba | unrestricted | whole, and every other table |  | roles/dba.yaml:1',
      "r | select | masked by ((pg_catalog.left(pupils.ssn, 1) || '*'))::text | (pupils.school = (:school)) | roles/r.yaml:6",
      'r | filter | not shown: the row filter of public.coded reads it |  | roles/r.yaml:9',
      'r | view | what view public.numbers shows of it |  | roles/r.yaml:8',
      'r | function | what function public.text_body makes of it |  | roles/r.yaml:10',
      'r | function | perhaps: function public.dynamic cannot be seen through |  | roles/r.yaml:10',
      'seen | observed | whole, and every other table: nothing is refused |  | roles/seen.yaml:1',
    ]);
  });

  test('of a table', () => {
    expect(
      review('pupils')
        .access.filter(({ role }) => role === 'r')
        .map(short)
        .slice(0, 2),
    ).toEqual([
      'r | select | columns id, name; masked ssn; 2 withheld | (pupils.school = (:school)) | roles/r.yaml:6',
      'r | update | columns name | (pupils.school = (:school)) | roles/r.yaml:7',
    ]);
  });

  test('a role that errors close is named, not left out', () => {
    const text = `role: r\n${tables('pupils: { select: { columns: [id] } }')}\nscope: { nosuch: all }\nlimits: none\n`;
    const { policy } = loadPolicy([{ path: 'roles/r.yaml', text }], environment(catalog));
    const relation = catalog.relation('public', 'pupils')!;
    expect(accessTo(relation, undefined, policy, catalog, ['public'])).toEqual({
      access: [],
      closed: [{ role: 'r', reason: 'roles/r.yaml:4: subject "nosuch" does not exist' }],
    });
  });
});
