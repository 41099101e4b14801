/** A policy environment over a database of the tests. */
import pg from 'pg';
import { readCatalog } from '../../src/catalog/read.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import type { PolicyEnvironment } from '../../src/policy/source/sql-source.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';

/** The catalog of the database at `url`; makes ready to parse, too. */
export async function catalogOf(url: string): Promise<Catalog> {
  await loadParser();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return new Catalog(await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows));
  } finally {
    await client.end();
  }
}

/** As the guard loads policies. */
export function environment(catalog: Catalog): PolicyEnvironment {
  return { catalog, searchPath: ['public'], timeZone: 'Europe/Paris', compileCondition, compileMask };
}

/**
 * Takes every SQL text as it is, but for the word BROKEN, which it finds wrong: so that places can be tested for every kind of
 * YAML scalar without depending on what the SQL means.
 */
export function plainEnvironment(catalog: Catalog): PolicyEnvironment {
  const problems = (sql: string) =>
    sql.includes('BROKEN') ? [{ message: 'broken', offset: sql.indexOf('BROKEN') }] : [];
  return {
    ...environment(catalog),
    compileCondition: ({ sql, okSql, rule }) => {
      const found = problems(sql);
      if (found.length > 0) return found;
      return { filter: [`(${sql})`], ok: [`(${okSql ?? sql})`], evaluated: 'scan', rule, reads: [] };
    },
    compileMask: ({ sql }) => {
      const found = problems(sql);
      return found.length > 0 ? found : { mask: [`(${sql})`], leaky: false };
    },
  };
}
