/** Notices that a database's catalog changed, without reading it again. */
import type { Query } from './read.ts';

/** Catalogs that `readCatalog` reads, each with what leaves temporary objects out: other sessions' must not look like a change. */
const LASTING = (relation: string): string =>
  `${relation} IN (SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.relpersistence <> 't' AND c.relkind <> 't')`;

const WATCHED: readonly (readonly [table: string, condition: string])[] = [
  ['pg_namespace', `r.nspname !~ '^pg_(toast|temp_)'`],
  ['pg_class', `r.relpersistence <> 't' AND r.relkind <> 't'`],
  ['pg_attribute', LASTING('r.attrelid')],
  ['pg_attrdef', LASTING('r.adrelid')],
  ['pg_index', LASTING('r.indrelid')],
  ['pg_constraint', `(r.conrelid = 0 OR ${LASTING('r.conrelid')})`],
  ['pg_trigger', LASTING('r.tgrelid')],
  ['pg_rewrite', LASTING('r.ev_class')],
  ['pg_policy', LASTING('r.polrelid')],
  ['pg_statistic_ext', 'true'],
  ['pg_collation', 'true'],
  ['pg_partitioned_table', 'true'],
  ['pg_inherits', 'true'],
  [
    'pg_type',
    `r.typnamespace IN (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname !~ '^pg_(toast|temp_)')`,
  ],
  ['pg_range', 'true'],
  ['pg_proc', 'true'],
  ['pg_aggregate', 'true'],
  ['pg_operator', 'true'],
  ['pg_cast', 'true'],
  ['pg_opclass', 'true'],
  ['pg_amop', 'true'],
  ['pg_amproc', 'true'],
  ['pg_extension', 'true'],
];

/** Every change of a row gives it a new xmin and place; the sum over their hashes needs no sorting. */
const FINGERPRINT = WATCHED.map(
  ([table, condition]) =>
    `SELECT pg_catalog.count(*)::text || ':' || coalesce(pg_catalog.sum(pg_catalog.hashtidextended(r.ctid, r.xmin::text::int8)), 0)::text AS part` +
    ` FROM pg_catalog.${table} AS r WHERE ${condition}`,
).join(' UNION ALL ');

/** A short text that differs whenever what `readCatalog` would read differs. It may also differ where nothing of interest changed. */
export async function catalogFingerprint(query: Query): Promise<string> {
  const rows = await query(`SELECT string_agg(part, ' ') AS fingerprint FROM (${FINGERPRINT}) AS parts`);
  const fingerprint = rows[0]?.fingerprint;
  if (typeof fingerprint !== 'string') throw new Error('the catalog fingerprint query gave no answer');
  return fingerprint;
}
