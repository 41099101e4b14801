/** The database of `schema.sql`, a guard's judgement for one school's role, and the same filters as PostgreSQL's own row security. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type pg from 'pg';
import { readCatalog } from '../../src/catalog/read.ts';
import { Guard } from '../../src/guard/guard.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import { type PlanNode, type Reading, readingOf } from './rows-read.ts';
import type { PlannedStatement } from './statements.ts';

const SEARCH_PATH = ['public'];
const SCHOOL = 12;

/** The filters of `policies/roles/teacher.yaml` in the server's own words. */
const native = (role: string): string => {
  const of = (table: string, filter: string): string =>
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON ${table} TO ${role} USING (${filter});`;
  const school = `school_id = ${SCHOOL}`;
  const through = `student_id IN (SELECT id FROM students WHERE ${school})`;
  return [
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role};`,
    ...['classes', 'teachers', 'students'].map((table) => of(table, school)),
    ...['parents', 'absences', 'grades'].map((table) => of(table, through)),
    `ALTER VIEW class_lists SET (security_invoker = true);`,
  ].join('\n');
};

export interface RowsRead {
  readonly guarded: Reading;
  readonly unguarded: Reading;
  readonly native: Reading;
}

/** Fills an empty database. `native`: a role of the server that gets the same filters by row security. */
export async function fillSchool(client: pg.Client, nativeRole: string): Promise<void> {
  await client.query(`SET maintenance_work_mem = '256MB'; SET max_parallel_maintenance_workers = 2`);
  await client.query(readFileSync(resolve(import.meta.dirname, 'schema.sql'), 'utf8'));
  await client.query(native(nativeRole));
  // A single process reads, so the numbers are the same each time.
  await client.query('SET max_parallel_workers_per_gather = 0; SET jit = off; SET search_path = public');
}

/** The guard of the role in `policies/`. */
export async function teacherGuard(client: pg.Client): Promise<Guard> {
  await loadParser();
  const catalog = new Catalog(
    await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows),
  );
  const files = ['roles/teacher.yaml', 'principals.yaml', 'subjects.yaml'].map((path) => ({
    path,
    text: readFileSync(resolve(import.meta.dirname, 'policies', path), 'utf8'),
  }));
  const options = { catalog, searchPath: SEARCH_PATH, timeZone: 'UTC', compileCondition, compileMask };
  const { policy, diagnostics } = loadPolicy(files, options);
  const role = policy.roles.get('teacher');
  if (!role || role.disabled) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return new Guard({ catalog, role, searchPath: SEARCH_PATH });
}

/** The text that the guard sends for a principal of school 12; throws where it refuses. */
function sent(guard: Guard, sql: string): string {
  const judged = guard.judge(sql);
  if (judged.effect === 'refuse') throw new Error(`refused: ${judged.refusal?.message}`);
  const most = '1001';
  return renderTemplate(judged.template, (slot) => (slot.kind === 'limit' ? most : `'${SCHOOL}'::integer`));
}

/** Rows read by the statement guarded, unguarded, and under row security. Everything is undone. */
export async function measure(
  client: pg.Client,
  guard: Guard,
  nativeRole: string,
  statement: PlannedStatement,
): Promise<RowsRead> {
  const guarded = sent(guard, statement.sql);
  return {
    guarded: await read(client, { ...statement, sql: guarded }),
    unguarded: await read(client, statement),
    native: await read(client, statement, nativeRole),
  };
}

/** The plan as EXPLAIN ANALYZE gives it. */
async function planOf(client: pg.Client, { sql, values }: PlannedStatement): Promise<PlanNode> {
  const text = `EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, FORMAT JSON) ${sql}`;
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>({ text, values: [...(values ?? [])] });
  return rows[0]!['QUERY PLAN'][0].Plan;
}

async function read(client: pg.Client, statement: PlannedStatement, role?: string): Promise<Reading> {
  await client.query(`BEGIN${role === undefined ? '' : `; SET LOCAL ROLE ${role}`}`);
  try {
    return readingOf(await planOf(client, statement));
  } finally {
    await client.query('ROLLBACK');
  }
}
