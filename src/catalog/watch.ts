/** Notices that a database's catalog changed, without reading it again. */
import type { Query } from './read.ts';

/** Catalogs that `readCatalog` reads, each with what leaves temporary objects out: other sessions' must not look like a change. */
const WATCHED: readonly (readonly [table: string, condition: string])[] = [
  ['pg_namespace', `r.nspname !~ '^pg_(toast|temp_)'`],
  ['pg_class', `r.relpersistence <> 't' AND r.relkind <> 't'`],
  [
    'pg_attribute',
    `r.attrelid IN (SELECT c.oid FROM pg_class AS c WHERE c.relpersistence <> 't' AND c.relkind <> 't')`,
  ],
  ['pg_index', `r.indrelid IN (SELECT c.oid FROM pg_class AS c WHERE c.relpersistence <> 't' AND c.relkind <> 't')`],
  ['pg_inherits', 'true'],
  ['pg_type', `r.typnamespace IN (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname !~ '^pg_(toast|temp_)')`],
  [
    'pg_constraint',
    `r.contypid <> 0 OR r.contype IN ('p', 'u', 'x') AND r.conrelid IN (SELECT c.oid FROM pg_class AS c WHERE c.relpersistence <> 't')`,
  ],
  ['pg_trigger', `NOT r.tgisinternal AND r.tgrelid IN (SELECT c.oid FROM pg_class AS c WHERE c.relpersistence <> 't')`],
  [
    'pg_rewrite',
    `r.ev_type <> '1' OR r.ev_class IN (SELECT c.oid FROM pg_class AS c WHERE c.relkind = 'v' AND c.relpersistence <> 't')`,
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
    `SELECT count(*)::text || ':' || coalesce(sum(hashtextextended(r.ctid::text || r.xmin::text, 0)), 0)::text AS part` +
    ` FROM pg_catalog.${table} AS r WHERE ${condition}`,
).join(' UNION ALL ');

/** A short text that differs whenever what `readCatalog` would read differs. It may also differ where nothing of interest changed. */
export async function catalogFingerprint(query: Query): Promise<string> {
  const rows = await query(`SELECT string_agg(part, ' ') AS fingerprint FROM (${FINGERPRINT}) AS parts`);
  const fingerprint = rows[0]?.fingerprint;
  if (typeof fingerprint !== 'string') throw new Error('the catalog fingerprint query gave no answer');
  return fingerprint;
}
