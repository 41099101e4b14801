/** Prints walls as SQL for `psql -1 -f`, in an order in which an account never has more rights than it should. */
import type { Catalog, Relation } from '../sql/catalog/catalog.ts';
import type { Template } from '../sql/text/template.ts';
import { oneStatement } from './one-statement.ts';
import { signature } from './signature.ts';
import { identifier, named, qualified, sqlComment, sqlLiteral } from './sql-text.ts';
import type { PublicRight, Surroundings } from './surroundings.ts';
import {
  OPEN_POLICY,
  ownSchema,
  POLICY_PREFIX,
  type RowFilter,
  type TableRights,
  type Wall,
  type WallRowCheck,
} from './wall.ts';

export interface Printing {
  readonly catalog: Catalog;
  readonly surroundings: Surroundings;
  /** `sha256:…` of the policy. */
  readonly policyHash: string;
  /** Revoke from PUBLIC the rights that a wall must not give, instead of listing them. */
  readonly revokePublic: boolean;
}

/** Marks a schema as a wall's own. */
const SCHEMA_COMMENT = 'made by rowgate compile';

export function printWalls(walls: readonly Wall[], printing: Printing): string {
  const parts = [
    heading(walls, printing),
    ...walls.map((wall) =>
      section(`Role ${named(wall.role)}: what is there is taken away`, takeAway(wall, printing.catalog)),
    ),
    section('Row security, where rows are withheld', openTables(walls, printing.surroundings)),
    ...walls.flatMap((wall) => [
      section(`Role ${named(wall.role)}: schema, functions and views of its own`, ownObjects(wall)),
      section(
        `Role ${named(wall.role)}: rows`,
        wall.filters.map((filter) => policy(filter, wall)),
      ),
      section(`Role ${named(wall.role)}: rights`, rights(wall, printing.catalog)),
      section(`Role ${named(wall.role)}: settings`, settings(wall)),
      limitsOf(wall),
    ]),
    publicRights(walls, printing),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function section(title: string, statements: readonly string[]): string {
  if (statements.length === 0) return '';
  // Whatever names, conditions and values contain, each piece is checked to be one statement.
  return `${sqlComment(title)}\n${statements.map((statement) => `${oneStatement(statement)};`).join('\n')}`;
}

function heading(walls: readonly Wall[], { policyHash }: Printing): string {
  const [first] = walls;
  const made = walls.map((wall) => {
    const whose = wall.kind === 'guard' ? 'for upstream.logins' : 'for clients of the server itself';
    return `  role ${named(wall.role)}: account ${named(wall.account)}, ${whose}, principals ${wall.principals.map(named).join(' ') || '(none)'}`;
  });
  const lines = [
    `The second wall, printed by rowgate compile for database ${named(first?.database ?? '')}, policy ${policyHash}.`,
    ...made,
    'Run it as a superuser, or as an account that owns the tables and may create roles:',
    '  psql -1 -v ON_ERROR_STOP=1 -f FILE',
    'Run it again after a change of policies, principals or tables; rowgate compile --verify says when.',
  ];
  const statements = [
    'SET LOCAL standard_conforming_strings = on',
    `SET LOCAL search_path = ${(first?.searchPath ?? []).map(identifier).join(', ')}`,
    'SET LOCAL client_min_messages = warning',
  ];
  return `${sqlComment(lines.join('\n'))}\n${statements.map((statement) => `${oneStatement(statement)};`).join('\n')}`;
}

function takeAway(wall: Wall, catalog: Catalog): string[] {
  const account = identifier(wall.account);
  const name = sqlLiteral(wall.account);
  const schemas = [...new Set(catalog.data.schemas)]
    .filter((s) => s !== 'pg_catalog' && s !== 'information_schema')
    .sort();
  const own = sqlLiteral(ownSchema(wall));
  return [
    code(`BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${name}) THEN CREATE ROLE ${account} LOGIN; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${name} AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)) THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format('role %I has attributes that no wall holds: superuser, bypassrls, createrole, createdb or replication', ${name});
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS r ON r.oid = m.member WHERE r.rolname = ${name}) THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format('role %I is a member of other roles: a wall does not restrict their rights', ${name});
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ${own} AND pg_catalog.obj_description(n.oid, 'pg_namespace') IS DISTINCT FROM ${sqlLiteral(SCHEMA_COMMENT)}) THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format('schema %I is not of rowgate compile''s making', ${own});
  END IF;
END`),
    ...schemas.flatMap((schema) =>
      ['TABLES', 'SEQUENCES', 'ROUTINES'].map(
        (kind) => `REVOKE ALL ON ALL ${kind} IN SCHEMA ${identifier(schema)} FROM ${account}`,
      ),
    ),
    ...schemas.map((schema) => `REVOKE ALL ON SCHEMA ${identifier(schema)} FROM ${account}`),
    code(`DECLARE made record;
BEGIN
  FOR made IN SELECT p.polname, n.nspname, c.relname FROM pg_catalog.pg_policy AS p
    JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE pg_catalog.starts_with(p.polname::pg_catalog.text, ${sqlLiteral(POLICY_PREFIX)}) AND p.polroles = ARRAY(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = ${name}) LOOP
    EXECUTE pg_catalog.format('DROP POLICY %I ON %I.%I', made.polname, made.nspname, made.relname);
  END LOOP;
  FOR made IN SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ${own} AND c.relkind = 'v' LOOP
    EXECUTE pg_catalog.format('DROP VIEW %I.%I', ${own}, made.relname);
  END LOOP;
  FOR made IN SELECT d.datname FROM pg_catalog.pg_database AS d, pg_catalog.aclexplode(d.datacl) AS x JOIN pg_catalog.pg_roles AS r ON r.oid = x.grantee
    WHERE d.datname = pg_catalog.current_database() AND r.rolname = ${name} AND x.privilege_type = 'TEMPORARY' LOOP
    EXECUTE pg_catalog.format('REVOKE TEMPORARY ON DATABASE %I FROM %I', made.datname, ${name});
  END LOOP;
  FOR made IN SELECT p.oid::pg_catalog.regprocedure AS fn FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ${own} LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s', made.fn);
  END LOOP;
END`),
  ];
}

/** A block of PL/pgSQL as a string constant: no dollar quote, which a name could end. */
function code(block: string): string {
  return `DO ${block.includes('\\') ? 'E' : ''}'${block.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** Row security hides all rows from accounts without a policy: this one keeps other accounts' access unchanged. */
function openTables(walls: readonly Wall[], { opened }: Surroundings): string[] {
  const relations = new Map(walls.flatMap(({ filters }) => filters.map(({ relation }) => [relation.oid, relation])));
  return [...relations.values()].flatMap((relation) => {
    const table = qualified(relation);
    if (relation.rowSecurity && !opened.includes(relation.oid)) return [];
    return [
      `DROP POLICY IF EXISTS ${identifier(OPEN_POLICY)} ON ${table}`,
      `CREATE POLICY ${identifier(OPEN_POLICY)} ON ${table} AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true)`,
      `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    ];
  });
}

function ownObjects(wall: Wall): string[] {
  if (wall.checks.length + wall.views.length === 0) return [];
  const schema = identifier(ownSchema(wall));
  const account = identifier(wall.account);
  return [
    `CREATE SCHEMA IF NOT EXISTS ${schema}`,
    `COMMENT ON SCHEMA ${schema} IS ${sqlLiteral(SCHEMA_COMMENT)}`,
    ...wall.checks.flatMap((check) => {
      const fn = `${schema}.${identifier(check.name)}(${argumentTypes(check)})`;
      return [
        `CREATE FUNCTION ${fn} RETURNS pg_catalog.bool LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ${[...wall.searchPath, 'pg_temp'].map(identifier).join(', ')} AS ${sqlLiteral(check.body)}`,
        `REVOKE ALL ON FUNCTION ${fn} FROM PUBLIC`,
        `GRANT EXECUTE ON FUNCTION ${fn} TO ${account}`,
      ];
    }),
    ...wall.views.flatMap((view) => {
      const name = `${schema}.${identifier(view.name)}`;
      return [`CREATE VIEW ${name} WITH (security_barrier) AS ${view.query}`, `GRANT SELECT ON ${name} TO ${account}`];
    }),
  ];
}

export function argumentTypes({ relation, columns }: WallRowCheck): string {
  return columns.map((name) => relation.columns.find((column) => column.name === name)?.typeName ?? '').join(', ');
}

function policy(filter: RowFilter, wall: Wall): string {
  return policyStatement(filter, qualified(filter.relation), identifier(wall.account));
}

/** `table`: as SQL, with its schema. It qualifies the row's columns, so that they cannot resolve to an alias inside. */
export function policyStatement({ name, command, using, check }: RowFilter, table: string, account: string): string {
  const clauses = [using && ` USING (${over(using, table)})`, check && ` WITH CHECK (${over(check, table)})`];
  return `CREATE POLICY ${identifier(name)} ON ${table} AS RESTRICTIVE FOR ${command} TO ${account}${clauses.map((clause) => clause ?? '').join('')}`;
}

function over(template: Template, table: string): string {
  return template.map((piece) => (typeof piece === 'string' ? piece : table)).join('');
}

function rights(wall: Wall, catalog: Catalog): string[] {
  const account = identifier(wall.account);
  return [
    ...wall.schemas.map((schema) => `GRANT USAGE ON SCHEMA ${identifier(schema)} TO ${account}`),
    ...(wall.temporary ? [`GRANT TEMPORARY ON DATABASE ${identifier(wall.database)} TO ${account}`] : []),
    ...wall.tables.flatMap((table) => tableRights(table, account)),
    ...wall.sequences.map(
      ({ relation, privileges }) => `GRANT ${privileges.join(', ')} ON SEQUENCE ${qualified(relation)} TO ${account}`,
    ),
    ...wall.functions.map((fn) => `GRANT EXECUTE ON ROUTINE ${signature(fn, catalog)} TO ${account}`),
  ];
}

function tableRights(
  { relation, select, insert, update, delete: remove, maintain }: TableRights,
  account: string,
): string[] {
  const of = (privilege: string, columns: readonly string[]): string[] =>
    columns.length === 0 ? [] : [`${privilege} (${columns.map(identifier).join(', ')})`];
  const all = [
    ...of('SELECT', select),
    ...of('INSERT', insert),
    ...of('UPDATE', update),
    ...(remove ? ['DELETE'] : []),
    ...(maintain ? ['MAINTAIN'] : []),
  ];
  return all.length === 0 ? [] : [`GRANT ${all.join(', ')} ON TABLE ${qualified(relation)} TO ${account}`];
}

function settings(wall: Wall): string[] {
  const of = `ALTER ROLE ${identifier(wall.account)} IN DATABASE ${identifier(wall.database)}`;
  return [
    `${of} RESET ALL`,
    `${of} SET search_path = ${wall.ownPath.map(identifier).join(', ')}`,
    ...[...wall.settings].map(([name, value]) => `${of} SET ${name} = ${sqlLiteral(value)}`),
  ];
}

function limitsOf(wall: Wall): string {
  const raw = wall.raw.map(
    ({ relation, column, readBy }) =>
      `  ${named(`${relation.schema}.${relation.name}`)}.${named(column)}, read by ${readBy.join('; ')}`,
  );
  const lines = [
    `What this wall does not hold for ${named(wall.account)}:`,
    ...(raw.length > 0
      ? ['- columns that the role may not see as they are, but its filters or masks read:', ...raw]
      : []),
    ...wall.notes.map((note) => `- ${note}`),
  ];
  return sqlComment(lines.join('\n'));
}

interface Options {
  readonly catalog: Catalog;
  readonly surroundings: Surroundings;
  readonly revokePublic: boolean;
}

/**
 * Rights that every account, and so a wall's account, has through PUBLIC: listed, or revoked if that is asked for. Other accounts may need a right
 * that is revoked from PUBLIC: only a DBA can know.
 */
function publicRights(walls: readonly Wall[], { catalog, surroundings, revokePublic }: Options): string {
  const statements = revokesOf(walls, catalog, surroundings);
  if (statements.length === 0) return '';
  const title =
    'PUBLIC has these rights, and so has every account of this wall. Other accounts may need them: look before you take them away.';
  if (revokePublic) return `${sqlComment(title)}\n${statements.map((sql) => `${oneStatement(sql)};`).join('\n')}`;
  return sqlComment([title, ...statements.map((sql) => `${sql};`)].join('\n'));
}

function revokesOf(
  walls: readonly Wall[],
  catalog: Catalog,
  { toPublic, definers, creatable }: Surroundings,
): string[] {
  const tables = toPublic
    .filter((right) => walls.some((wall) => !isGranted(right, wall)))
    .flatMap((right) => {
      const relation = catalog.relationsByOid.get(right.relation);
      return relation ? [revoke(right, relation)] : [];
    });
  const functions = definers
    .filter((oid) => walls.some((wall) => !wall.functions.some((fn) => fn.oid === oid)))
    .flatMap((oid) => catalog.functionsByOid.get(oid) ?? []);
  return [
    ...[...new Set(tables)].sort(),
    ...functions.map((fn) => `REVOKE EXECUTE ON ROUTINE ${signature(fn, catalog)} FROM PUBLIC`),
    ...creatable.map((schema) => `REVOKE CREATE ON SCHEMA ${identifier(schema)} FROM PUBLIC`),
  ];
}

/** Whether the wall grants the same right. */
function isGranted({ relation, column, privilege }: PublicRight, wall: Wall): boolean {
  const sequence = wall.sequences.find((candidate) => candidate.relation.oid === relation);
  if (sequence) return sequence.privileges.some((granted) => granted === privilege);
  const rights = wall.tables.find((candidate) => candidate.relation.oid === relation);
  if (!rights) return false;
  const { select, insert, update, delete: remove } = rights;
  if (privilege === 'DELETE') return remove;
  const granted = { SELECT: select, INSERT: insert, UPDATE: update }[privilege];
  return column !== undefined && granted?.includes(column) === true;
}

function revoke({ column, privilege }: PublicRight, relation: Relation): string {
  const what = column === undefined ? privilege : `${privilege} (${identifier(column)})`;
  return `REVOKE ${what} ON ${relation.kind === 'S' ? 'SEQUENCE' : 'TABLE'} ${qualified(relation)} FROM PUBLIC`;
}
