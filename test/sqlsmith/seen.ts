/** A server for a role as the policy describes it: a statement that it refuses need not pass the guard. */

import pg from 'pg';
import { mayCall } from '../../src/guard/may-use.ts';
import type { RolePolicy, WriteGrant } from '../../src/policy/model/policy.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { freshDatabase } from '../support/postgres.ts';

export interface Seen {
  /** Whether the server would run it, by its own privileges. */
  takes(sql: string): Promise<boolean>;
  drop(): Promise<void>;
}

/** `schema`: the SQL that makes the database. */
export async function seenBy(role: RolePolicy, catalog: Catalog, schema: string): Promise<Seen> {
  const database = await freshDatabase();
  await database.query(schema);
  const login = await database.createLogin();
  await database.query([...columnGrants(role, login.user), ...functionsTaken(role, catalog)].join(';\n'));
  const client = new pg.Client({ connectionString: login.url });
  await client.connect();
  await client.query("SET statement_timeout = '2s'");
  return {
    takes: (sql) =>
      client.query(`EXPLAIN ${sql}`).then(
        () => true,
        () => false,
      ),
    async drop() {
      await client.end();
      await database.drop();
    },
  };
}

function columnGrants(role: RolePolicy, user: string): string[] {
  return [...role.relations.values()]
    .filter(({ system }) => !system)
    .flatMap((grant) => {
      const table = `${pg.escapeIdentifier(grant.relation.schema)}.${pg.escapeIdentifier(grant.relation.name)}`;
      const on = (privilege: string, columns: Iterable<string>): string =>
        `GRANT ${privilege} (${[...columns].map((name) => pg.escapeIdentifier(name)).join(', ')}) ON ${table} TO ${user}`;
      const written = (privilege: string, write: WriteGrant | undefined): string[] =>
        write ? [on(privilege, write.columns)] : [];
      return [
        ...(grant.select ? [on('SELECT', grant.select.columns.keys())] : []),
        ...written('INSERT', grant.insert),
        ...written('UPDATE', grant.update),
        ...(grant.delete ? [`GRANT DELETE ON ${table} TO ${user}`] : []),
      ];
    });
}

/** Revokes the functions that the policy does not give, but for those behind operators and casts. */
function functionsTaken(role: RolePolicy, catalog: Catalog): string[] {
  const { functions, operators, casts } = catalog.data;
  const behind = new Set([...operators, ...casts].map(({ fn }) => fn));
  const taken = functions.filter((fn) => !mayCall(role, fn, catalog) && !behind.has(fn.oid)).map(({ oid }) => oid);
  return [
    `DO $$ DECLARE fn regprocedure; BEGIN
       FOR fn IN SELECT oid FROM pg_proc WHERE oid = ANY ('{${taken.join()}}') AND oid < 16384
       LOOP EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', fn); END LOOP;
     END $$`,
  ];
}
