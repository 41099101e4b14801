/** The functions that SQLsmith may call: it calls all that it finds in the catalogs, so nearly all are granted, and few statements are lost to a refusal. */
import type { FreshDatabase } from '../support/postgres.ts';

/** The beginnings of names. */
const NOT_GRANTED = [
  // They run SQL in a text, or show what catalogs hide.
  'query_to_xml table_to_xml schema_to_xml database_to_xml cursor_to_xml ts_rewrite ts_stat pg_get_(?!wal_) has_ .*regclass',
  // They wait, lock, end sessions, and change settings, sequences, files, slots, statistics.
  'pg_sleep pg_advisory pg_try_advisory pg_terminate pg_cancel set_config setseed setval nextval currval lastval lo(?:_|read|write)',
  'pg_(?:import|extension|logical|prepared|nextoid|stop|isolation) .*_slot binary_upgrade brin_ gin_ .*_stats$',
  // Types that have no values.
  'any unknown cstring void shell internal trigger event_trigger language fdw index_am table_am tsm pg_ddl .*handler',
];

/** With their schema, as a policy has them. */
export async function harmlessFunctions(database: FreshDatabase): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `SELECT 'pg_catalog.' || quote_ident(proname) AS name FROM pg_proc
     WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND prorettype NOT IN ('trigger'::regtype, 'internal'::regtype)
     GROUP BY proname HAVING proname !~ $1 AND bool_and(has_function_privilege('public', oid, 'EXECUTE')) ORDER BY 1`,
    [`^(?:${NOT_GRANTED.join(' ').replaceAll(' ', '|')})`],
  );
  return rows.map((row) => row.name);
}
