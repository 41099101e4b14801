/** Tests that columns of set operations have the types that the server gives them: an untyped literal takes the type of the other arm. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { analyze, isQuery } from '../../src/sql/analyze/analyze.ts';
import type { RelationView } from '../../src/sql/analyze/range-table.ts';
import type { Catalog, Relation } from '../../src/sql/catalog/catalog.ts';
import { isParsed, parse } from '../../src/sql/parse/parse.ts';
import { catalogOf } from '../decisions/policies.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
let catalog: Catalog;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    CREATE TABLE u (bp char(5), vc varchar(5), n name, i int, d date, j jsonb);
    CREATE FUNCTION kind(char) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'bpchar' $$;
    CREATE FUNCTION kind(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'text' $$;
    CREATE FUNCTION kind(name) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'name' $$;
    CREATE FUNCTION kind(int) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'int4' $$;
    CREATE FUNCTION kind(bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'int8' $$;
    CREATE FUNCTION kind(date) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'date' $$;
    CREATE FUNCTION kind(jsonb) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'jsonb' $$;`);
  catalog = await catalogOf(database);
});

afterAll(() => database.drop());

const viewOf = (relation: Relation): RelationView => ({
  relation,
  columns: relation.columns.map((column) => ({ column, access: 'granted', masked: false, leaky: false })),
  guarded: false,
  hides: 'no',
  system: false,
});

/** The overload of `kind` that a statement calls, by its argument; undefined where it is refused. */
function called(sql: string): string | undefined {
  const parsed = parse(sql);
  const node = isParsed(parsed) ? parsed.statements[0]?.node : undefined;
  if (!isParsed(parsed) || !node || !isQuery(node)) throw new Error(`does not parse: ${sql}`);
  const env = { catalog, searchPath: ['public'], viewOf, targetOf: viewOf, parameterTypes: [] };
  const { refusals, marks } = analyze(node, parsed, env);
  const fn = marks.functions.find((call) => call.fn.name === 'kind')?.fn;
  return refusals.length > 0 ? undefined : catalog.typesByOid.get(fn?.args[0] ?? 0)?.name;
}

async function calledByTheServer(sql: string): Promise<string | undefined> {
  try {
    const [row] = await database.query<{ kind: string }>(sql);
    return row?.kind;
  } catch {
    return undefined;
  }
}

test.each([
  "SELECT '5' UNION SELECT bp FROM u",
  "SELECT bp FROM u UNION SELECT '5'",
  "SELECT '5' UNION SELECT n FROM u",
  "SELECT '5' UNION ALL SELECT i FROM u",
  "SELECT '2026-01-01' EXCEPT SELECT d FROM u",
  "SELECT '5' UNION SELECT '6'",
  "(SELECT '5' UNION SELECT '6') UNION SELECT bp FROM u",
  "SELECT bp FROM u UNION (SELECT '5' UNION SELECT '6')",
  "VALUES ('5') UNION SELECT bp FROM u",
  'SELECT NULL UNION SELECT bp FROM u',
  "SELECT DISTINCT '5' UNION SELECT bp FROM u",
  "SELECT DISTINCT ON (x) '5' AS x UNION SELECT bp FROM u",
  "(SELECT '5' ORDER BY 1) UNION SELECT bp FROM u",
  "(SELECT '5' AS x ORDER BY x) UNION SELECT bp FROM u",
  "(SELECT '5' AS x FROM u ORDER BY i) UNION SELECT bp FROM u",
  "SELECT '5' GROUP BY 1 UNION SELECT bp FROM u",
  "SELECT '5' AS x GROUP BY x UNION SELECT bp FROM u",
  "SELECT '5' AS i FROM u GROUP BY i UNION SELECT bp FROM u",
  "SELECT '5' AS x FROM u GROUP BY bp UNION SELECT bp FROM u",
  "SELECT '5' AS x FROM u GROUP BY ROLLUP (1) UNION SELECT bp FROM u",
  "SELECT '{}' INTERSECT SELECT j FROM u",
  "WITH RECURSIVE r(x) AS (SELECT '5' UNION ALL SELECT x FROM r WHERE false) SELECT x FROM r",
])('%s', async (query) => {
  const from = `(${query}) t(x) RIGHT JOIN (SELECT 1) one ON true`;
  expect(called(`SELECT kind(x) FROM ${from}`)).toBe(await calledByTheServer(`SELECT kind(x) FROM ${from}`));
});
