/**
 * Has the server write a wall's conditions and views in its own words, so that they can be compared with the existing ones: by temporary tables and
 * views of the same columns, in transactions that are rolled back. Nothing is locked or kept.
 */
import type { Canonical } from '../native/existing-rights.ts';
import { argumentTypes, policyStatement } from '../native/print-wall.ts';
import { identifier, sqlLiteral } from '../native/sql-text.ts';
import type { RowFilter, Wall } from '../native/wall.ts';
import type { Query } from './read.ts';

/** `query` must keep to one connection without an open transaction. */
export async function canonicalOf(query: Query, wall: Wall): Promise<Canonical> {
  const filters: Canonical['filters'][number][] = [];
  for (const filter of wall.filters) filters.push(await attempt(query, wall, () => writtenFilter(query, filter)));
  const views: (string | undefined)[] = [];
  for (const view of wall.views) views.push(await attempt(query, wall, () => writtenView(query, view.query)));
  const checks: (string | undefined)[] = [];
  for (const check of wall.checks)
    checks.push(await attempt(query, wall, () => writtenTypes(query, argumentTypes(check))));
  return { filters, views, checks };
}

async function attempt<T>(query: Query, wall: Wall, work: () => Promise<T>): Promise<T | undefined> {
  await query('BEGIN');
  try {
    await query('SET LOCAL standard_conforming_strings = on');
    await query(`SET LOCAL search_path = ${wall.searchPath.map(identifier).join(', ')}`);
    return await work();
  } catch (error) {
    // The comparison goes on if the server refuses a statement. A broken connection shows at the next query.
    if (typeof error === 'object' && error !== null && 'severity' in error && error.severity === 'ERROR')
      return undefined;
    throw error;
  } finally {
    await query('ROLLBACK');
  }
}

async function writtenFilter(query: Query, filter: RowFilter): Promise<Canonical['filters'][number]> {
  const { name, columns } = filter.relation;
  const table = `pg_temp.${identifier(name)}`;
  await query(
    `CREATE TEMP TABLE ${identifier(name)} (${columns.map((c) => `${identifier(c.name)} ${c.typeName}`).join(', ')})`,
  );
  await query(policyStatement(filter, table, 'PUBLIC'));
  const [row] = await read(
    query,
    `SELECT pg_get_expr(p.polqual, p.polrelid) AS "using", pg_get_expr(p.polwithcheck, p.polrelid) AS "check"
     FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid WHERE c.relname = ${sqlLiteral(name)} AND c.relnamespace = pg_my_temp_schema()`,
  );
  return row && { using: text(row.using), check: text(row.check) };
}

async function writtenView(query: Query, sql: string): Promise<string | undefined> {
  await query(`CREATE TEMP VIEW rowgate_view AS ${sql}`);
  const [row] = await read(query, `SELECT pg_get_viewdef('pg_temp.rowgate_view'::regclass) AS query`);
  return row && (text(row.query) ?? undefined);
}

async function writtenTypes(query: Query, types: string): Promise<string | undefined> {
  await query(`CREATE FUNCTION pg_temp.rowgate_types(${types}) RETURNS bool LANGUAGE sql AS 'SELECT true'`);
  const [row] = await read(
    query,
    `SELECT oidvectortypes(f.proargtypes) AS types FROM pg_proc AS f WHERE f.proname = 'rowgate_types' AND f.pronamespace = pg_my_temp_schema()`,
  );
  return row && (text(row.types) ?? undefined);
}

/** With every schema written out, as `readAccount` reads. */
async function read(query: Query, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  await query(`SET LOCAL search_path = ''`);
  return query(sql);
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
