/** The text that makes a value of the `regclass` family, or NULL if the role does not find the object. */
import type { Finder } from '../metadata/found.ts';
import type { RegType } from '../metadata/reg-types.ts';

/** The row that contains the arguments, as `rowgate_1` and so on, in the text around them. */
export const CALL = 'rowgate_call';

/** The text before and after an expression. */
export type TextAround = readonly [before: string, behind: string];

/** Around a name. INVARIANT 50: a hidden relation and one that does not exist give the same error; other kinds of object give NULL, both alike. */
export function ofName(type: RegType, finder: Finder, alias: string): TextAround {
  const oid = `${CALL}.rowgate_oid`;
  const text = `${CALL}.rowgate_1`;
  const found = type.found(finder, oid);
  const missing =
    type.name === 'regclass'
      ? // Volatile: otherwise the server may compute it at Bind, for a missing relation and not for a hidden one.
        ` WHEN ${text} IS NOT NULL THEN pg_catalog.regclass(pg_catalog.quote_ident(' ' || ${text} || pg_catalog.left(pg_catalog.clock_timestamp()::pg_catalog.text, 0)))`
      : '';
  return [
    `(SELECT (CASE WHEN ${oid} = '0'::pg_catalog.oid OR ${found} THEN ${oid}${missing} END)::pg_catalog.${type.name}${alias} FROM (SELECT CASE WHEN rowgate_text.rowgate_1 ~ '^[0-9]{1,9}$' THEN rowgate_text.rowgate_1::pg_catalog.oid ELSE (${finder.named(type.lookup, 'rowgate_text.rowgate_1')})::pg_catalog.oid END AS rowgate_oid, rowgate_text.rowgate_1 FROM (SELECT (`,
    `)::pg_catalog.text AS rowgate_1) AS rowgate_text) AS ${CALL})`,
  ];
}

/** Around an OID, which is read as the type `read`. */
export function ofOid(type: RegType, finder: Finder, read: string, alias: string): TextAround {
  const oid = `${CALL}.rowgate_1`;
  return [
    `(SELECT (CASE WHEN ${oid} = '0'::pg_catalog.oid OR ${type.found(finder, oid)} THEN ${oid} END)::pg_catalog.${type.name}${alias} FROM (SELECT (`,
    `)::pg_catalog.${read} AS rowgate_1) AS ${CALL})`,
  ];
}

/** Around a list of OIDs: NULL for each that is not found. */
export function ofOids(type: RegType, finder: Finder, alias: string): TextAround {
  const list = `${CALL}.rowgate_1`;
  const item = 'rowgate_item.rowgate_oid';
  return [
    `(SELECT (CASE WHEN ${list} IS NOT NULL THEN ARRAY(SELECT CASE WHEN ${item} = '0'::pg_catalog.oid OR ${type.found(finder, item)} THEN ${item} END FROM pg_catalog.unnest(${list}) WITH ORDINALITY AS rowgate_item(rowgate_oid, rowgate_n) ORDER BY rowgate_item.rowgate_n) END)::pg_catalog.${type.name}[]${alias} FROM (SELECT (`,
    `)::pg_catalog.oid[] AS rowgate_1) AS ${CALL})`,
  ];
}
