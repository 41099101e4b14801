/**
 * What PostgreSQL's scripts are about. Those that are here define objects, run a server or hand out rights, which an owner does: around it they ask the
 * catalogs. All others are on queries and writes.
 */
const OTHERS: Readonly<Record<string, string>> = {
  'rights and roles':
    'create_role init_privs maintain_every password privileges roleattributes rowsecurity security_label',
  'the planner’s statistics and counters': 'stats stats_ext stats_import',
  'files, storage and replication': `cluster compression dbsize indirect_toast largeobject prepared_xacts publication reindex_catalog reloptions
replica_identity subscription tablespace vacuum vacuum_parallel`,
  'the server itself': `amutils conversion database event_trigger event_trigger_login foreign_data guc infinite_recurse misc_functions misc_sanity numa
object_address oidjoins opr_sanity psql psql_crosstab psql_pipeline regproc sanity_check sysviews type_sanity`,
  definitions: `alter_generic alter_operator alter_table comments constraints create_am create_cast create_function_c create_function_sql
create_operator create_procedure create_schema create_table create_table_like create_type create_view dependency drop_if_exists drop_operator
fast_default indexing inherit namespace typed_table`,
};

const NAMES: ReadonlySet<string> = new Set(Object.values(OTHERS).flatMap((names) => names.split(/\s+/)));

/** `file`: `select.sql` */
export function isOnQueries(file: string): boolean {
  return !NAMES.has(file.replace(/\.sql$/, ''));
}
