/** Clients' questions to the catalogs, with random conditions. Without databases and roles, which the whole server shares. */
import type { Generator } from './generator.ts';
import { RELATIONS } from './model.ts';

const NAMES = [...RELATIONS.map((r) => r.name), 'payroll', 'memberships', 'audit', 'nothing'];

const QUERIES: readonly string[] = [
  "SELECT c.oid, c.relname, c.relkind, c.relnatts, c.reltuples, c.relpages, c.relallvisible FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND %c",
  'SELECT a.attrelid, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped AND %c',
  'SELECT c.relname, pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid WHERE %c',
  'SELECT c.relname, i.indisunique, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE %c',
  'SELECT c.relname, k.conname, k.contype, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE %c',
  'SELECT c.relname, t.tgname, t.tgenabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND %c',
  "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'public' AND table_name %l",
  "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public' AND table_name %l",
  "SELECT constraint_name, table_name, constraint_type FROM information_schema.table_constraints WHERE table_schema = 'public' AND table_name %l",
  "SELECT c.relname, col_description(c.oid, 1), obj_description(c.oid, 'pg_class') FROM pg_class c WHERE %c",
  'SELECT t.typname, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE t.typname <> %t ORDER BY e.enumsortorder',
  "SELECT p.proname, pg_get_function_arguments(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public' AND p.proname <> %t",
  'SELECT c.relname, s.seqstart, s.seqincrement FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid WHERE %c',
  'SELECT c.relname, count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE %c GROUP BY c.relname',
  'SELECT schemaname, tablename, hasindexes FROM pg_tables WHERE tablename %l',
  'SELECT schemaname, viewname, definition FROM pg_views WHERE viewname %l',
  'SELECT d.classid, d.objid, d.deptype FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid WHERE %c',
  'SELECT c.relname, s.n_live_tup FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid WHERE %c',
  'SELECT c.relname FROM pg_class c WHERE c.reltuples > 50 AND %c',
  'SELECT tablename, attname, n_distinct FROM pg_stats WHERE tablename %l',
  "SELECT count(*) FROM pg_class c WHERE c.oid = ANY ('{pg_class, pg_proc}'::regclass[]) AND c.relname <> %t",
  'SELECT l.relation, l.pid FROM pg_lock_status() AS l JOIN pg_class c ON c.oid = l.relation WHERE %c',
  "SELECT to_regclass(%t) IS NULL, to_regclass('public.' || %t) IS NULL",
];

export function catalogQuery(g: Generator): string {
  const name = (): string => `'${g.choices.pick(NAMES)}'`;
  const names = (): string => g.choices.pick([`= ${name()}`, `IN (${name()}, ${name()})`, "LIKE 'c%'", `<> ${name()}`]);
  return g.choices.pick(QUERIES).replace(/%[clt]/g, (slot) => {
    if (slot === '%c')
      return g.choices.pick([`c.relname ${names()}`, `c.relname ${names()} AND c.relkind IN ('r', 'p', 'v')`]);
    return slot === '%l' ? names() : name();
  });
}
