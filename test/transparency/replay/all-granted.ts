/** A role to which everything that a database has is granted, as the policy folder of one principal `all`. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { CLASSES, type FunctionClassName, OVERLOADS } from '../../../src/guard/builtin-functions.ts';
import { isGrantableSetting } from '../../../src/policy/compile/grantable-settings.ts';

export const PASSWORD = 'demo-owner';

const TABLES = `
SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind,
       ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS columns
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND nspname !~ '^(pg_|information_schema)'`;

/** Without the types of their arguments where the name has one function alone: not every type can be written. */
const FUNCTIONS = `
SELECT n.nspname AS schema, proname AS name,
       count(*) OVER (PARTITION BY n.nspname, proname) > 1 AS several,
       ARRAY(SELECT format('"%s"."%s"%s', s.nspname, coalesce(e.typname, t.typname), CASE WHEN e.oid IS NOT NULL THEN '[]' END)
             FROM unnest(proargtypes) WITH ORDINALITY AS a (oid, place) JOIN pg_type AS t ON t.oid = a.oid
             LEFT JOIN pg_type AS e ON e.typarray = t.oid JOIN pg_namespace AS s ON s.oid = t.typnamespace ORDER BY place) AS types
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
WHERE nspname !~ '^(pg_|information_schema)' AND prokind <> 'x'`;

const TYPES = `
SELECT n.nspname AS schema, typname AS name FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = typnamespace
WHERE nspname !~ '^(pg_|information_schema)' AND typelem = 0 AND typisdefined
  AND (typrelid = 0 OR EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND relkind = 'c'))`;

const COLLATIONS = `
SELECT DISTINCT n.nspname AS schema, collname AS name FROM pg_collation JOIN pg_namespace AS n ON n.oid = collnamespace
WHERE nspname !~ '^(pg_|information_schema)' AND collencoding IN (-1, (SELECT encoding FROM pg_database WHERE datname = current_database()))`;

const CATALOGS = `
SELECT nspname AS schema, relname AS name FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname IN ('pg_catalog', 'information_schema') AND relkind IN ('r', 'v')`;

const SETTINGS = 'SELECT name FROM pg_settings';

/** Of the server's own functions those that a role has by grant alone, also those that run SQL text, or that tell more with a grant. */
const MORE_BY_GRANT: ReadonlySet<string> = new Set(['nothing', 'types', 'parsers']);
const asksGrant = (name: FunctionClassName): boolean => !CLASSES[name].allowed || MORE_BY_GRANT.has(name);
const BY_GRANT: ReadonlySet<string> = new Set([
  ...Object.entries(CLASSES).flatMap(([name, { names }]) => (asksGrant(name as FunctionClassName) ? names : [])),
  ...Object.entries(OVERLOADS).flatMap(([signature, name]) => (asksGrant(name) ? signature.replace(/\(.*/, '') : [])),
]);
const OWN_FUNCTIONS = `SELECT DISTINCT proname AS name FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace`;

/** Memory and workers, up to what is more than any suite asks for. */
const MOST: Readonly<Record<string, string>> = {
  effective_io_concurrency: '1000',
  hash_mem_multiplier: '1000',
  maintenance_io_concurrency: '1000',
  maintenance_work_mem: '1GB',
  max_parallel_maintenance_workers: '8',
  max_parallel_workers: '1024',
  max_parallel_workers_per_gather: '8',
  temp_buffers: '1GB',
  work_mem: '1GB',
};

interface Named {
  readonly schema: string;
  readonly name: string;
}

interface Arguments {
  readonly several: boolean;
  readonly types: readonly string[];
}

export interface Granting {
  /** What an earlier attempt has found to be ungrantable. */
  readonly without: ReadonlySet<string>;
  /** Settings of an application's own: no catalog has their names. */
  readonly customSettings: readonly string[];
}

export async function grantAll(
  folder: string,
  database: pg.Client,
  { without, customSettings }: Granting,
): Promise<void> {
  const rows = async <T>(sql: string): Promise<T[]> => (await database.query(sql)).rows as T[];
  const name = ({ schema, name }: Named): string => `"${schema.replaceAll('"', '""')}"."${name.replaceAll('"', '""')}"`;
  const signature = (fn: Named & Arguments): string => (fn.several ? `${name(fn)}(${fn.types.join(', ')})` : name(fn));
  const kept = (names: readonly string[]): string[] => names.filter((one) => !without.has(one));
  const tables: Record<string, unknown> = {};
  for (const table of await rows<Named & { kind: string; columns: string[] }>(TABLES)) {
    const key = name(table);
    if (without.has(key)) continue;
    const select = { columns: table.kind === 'v' || table.kind === 'S' ? '*' : ['*', ...SYSTEM_COLUMNS] };
    const write = { columns: table.columns };
    const writable = table.kind !== 'm' && table.kind !== 'S' && !without.has(`write ${key}`);
    tables[key] = writable ? { select, insert: write, update: write, delete: {} } : { select };
  }
  const settings = (await rows<{ name: string }>(SETTINGS)).map((setting) => setting.name.toLowerCase());
  const own = new Set((await rows<{ name: string }>(OWN_FUNCTIONS)).map(({ name }) => name));
  const role = {
    role: 'all',
    tables,
    functions: kept([
      ...(await rows<Named & Arguments>(FUNCTIONS)).map(signature),
      ...[...own].filter((name) => BY_GRANT.has(name) || name.startsWith('pg_stat_')),
    ]),
    types: kept((await rows<Named>(TYPES)).map(name)),
    collations: (await rows<Named>(COLLATIONS)).map(name),
    ...(!without.has('catalogs') && { catalogs: kept((await rows<Named>(CATALOGS)).map(name)) }),
    settings: Object.fromEntries(
      kept([...settings, ...customSettings])
        .filter(isGrantableSetting)
        .map((setting) => [setting, MOST[setting] ?? 'any']),
    ),
    statements: ['copy_to', 'copy_from', 'explain', 'explain_analyze', 'listen', 'notify', 'lock', 'call'],
    collect: 'allow',
    limits: 'none',
  };
  await mkdir(join(folder, 'roles'), { recursive: true });
  // Whole: the guard reads it whenever it sees another catalog.
  await writeFile(join(folder, WRITTEN), JSON.stringify(role, null, 1));
  await rename(join(folder, WRITTEN), join(folder, ROLE_FILE));
  await writeFile(join(folder, 'principals.yaml'), PRINCIPALS);
}

const ROLE_FILE = 'roles/all.yaml';
const WRITTEN = 'all.json';

/** By the lines that the errors name: tables, or their writes alone, types, functions, settings. */
export async function ungrantable(folder: string, errors: readonly string[]): Promise<string[]> {
  const lines = (await readFile(join(folder, ROLE_FILE), 'utf8')).split('\n');
  const keyOf = (line: string): string => JSON.parse(/"(?:[^"\\]|\\.)*"/.exec(line)![0]);
  const found = errors.map((error) => {
    const number = /^roles\/all\.yaml:(\d+):/.exec(error)?.[1];
    if (number === undefined) throw new Error(error);
    let writes = false;
    for (let at = Number(number) - 1; ; at--) {
      const line = lines[at]!;
      // All of them: a table that cannot be granted, or not whole, is withheld.
      if (line.startsWith(' "catalogs"')) return 'catalogs';
      if (/^ {3}"(?:insert|update|delete)"/.test(line)) writes = true;
      if (/^ {2}"/.test(line)) return `${writes ? 'write ' : ''}${keyOf(line)}`;
    }
  });
  return [...new Set(found)];
}

const SYSTEM_COLUMNS = ['tableoid', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax'];

const PRINCIPALS = `principals:
  all:
    role: all
    password: SCRAM-SHA-256$4096:ZdskxGXk3EX3X53I06EuUg==$Ddnkw9ef/pzBZVqin8tpiRNDAKSes23L8eWfo2ZUP/U=:T9jWo5h0jIof+gZQql8mPvNXT/oxMdFXAD7YyAlKsO8=
`;
