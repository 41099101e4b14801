/** Grants on real tables, whole or in part, for tests that ask the server where result columns come from. */
import type { ColumnGrant, RelationGrant } from '../../src/policy/model/policy.ts';
import type { Column } from '../../src/sql/catalog/catalog.ts';
import type { FreshDatabase } from '../support/postgres.ts';

/** Grants the table's columns but for `withheld`. */
export async function grantOf(
  database: FreshDatabase,
  table: string,
  withheld: readonly string[] = [],
): Promise<RelationGrant> {
  const rows = await database.query<{ oid: number; attname: string; attnum: number; atttypid: number }>(
    `select attrelid::int as oid, attname, attnum, atttypid::int from pg_attribute where attrelid = '${table}'::regclass and attnum > 0`,
  );
  const columns = rows.map(
    ({ attname, attnum, atttypid }): Column => ({
      attnum,
      name: attname,
      type: atttypid,
      typmod: -1,
      typeName: '',
      collation: 0,
      notNull: false,
      generated: '',
      identity: '',
    }),
  );
  const rule = 'roles/tester.yaml:3';
  const granted = columns
    .filter((column) => !withheld.includes(column.name))
    .map((column): [string, ColumnGrant] => [column.name, { column, rule }]);
  return {
    relation: {
      oid: rows[0]!.oid,
      schema: 'public',
      name: table,
      kind: 'r',
      persistence: 'p',
      rowType: 0,
      columns,
      primaryKey: [],
      parents: [],
      rowSecurity: false,
      ofType: 0,
      ownedBy: null,
      rowTriggers: [],
      rules: [],
      constraints: [],
      uniqueIndexes: [],
      foreignKeys: [],
    },
    select: { columns: new Map(granted), conditions: [], whole: withheld.length === 0, rule },
    rule,
    system: false,
  };
}
