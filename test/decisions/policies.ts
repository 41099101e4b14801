/** The policies of the golden cases, compiled against the real database: for each role, the policy of a session. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCatalog } from '../../src/catalog/read.ts';
import { Guard } from '../../src/guard/guard.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import type { FreshDatabase } from '../support/postgres.ts';

const SEARCH_PATH = ['public'];
/** FirstNormalObjectId */
const FIRST_USER_OID = 16384;

export interface Policies {
  /** Each role has the one principal `the_ROLE`. */
  of(role: string): SessionPolicy;
  /** The SQL with names in place of OIDs, which no two databases share. */
  named(sql: string): string;
}

/** Changes a file's text before it is read. */
export type PolicyChange = (path: string, text: string) => string;

/** The catalog of the database, and the parser loaded. */
export async function catalogOf(database: FreshDatabase): Promise<Catalog> {
  await loadParser();
  const client = await database.connect();
  return new Catalog(await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows));
}

/** Throws where the policies have an error. */
export function loadPolicies(catalog: Catalog, folder: string, change: PolicyChange = (_, text) => text): Policies {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.yaml'))
    .map((path) => ({ path, text: change(path, readFileSync(join(folder, path), 'utf8')) }));
  const { policy, diagnostics } = loadPolicy(files, {
    catalog,
    searchPath: SEARCH_PATH,
    timeZone: 'UTC',
    canaryKey: 'elsewhere',
    compileCondition,
    compileMask,
  });
  const errors = diagnostics.filter((d) => d.severity === 'error');
  if (errors.length > 0) throw new Error(errors.map(formatDiagnostic).join('\n'));
  const names = new Map<string, string>();
  for (const { oid, schema, name } of [...catalog.data.relations, ...catalog.data.types, ...catalog.data.functions]) {
    if (oid >= FIRST_USER_OID) names.set(String(oid), `<${schema}.${name}>`);
  }
  // An object without a schema is named by its relation's. OIDs depend on what else was made on the server before.
  for (const { kind, oid, relation, type, name } of catalog.data.dependents ?? []) {
    const owner = catalog.relationsByOid.get(relation) ?? catalog.typesByOid.get(type);
    if (oid >= FIRST_USER_OID && !names.has(String(oid)))
      names.set(String(oid), `<${[kind, `${owner?.schema}.${owner?.name}`, name].filter(Boolean).join(' ')}>`);
  }
  return {
    of(name) {
      const role = policy.roles.get(name);
      const principal = policy.principals.get(`the_${name}`);
      if (!role || !principal) throw new Error(`no role "${name}" with a principal`);
      const guard = new Guard({ catalog, role, searchPath: SEARCH_PATH });
      return { role, principal, hash: policy.hash, judge: (sql) => guard.judge(sql) };
    },
    named: (sql) => sql.replace(/\b\d{5,}\b/g, (number) => names.get(number) ?? number),
  };
}
