/** What ON CONFLICT discloses about existing rows: nothing, something about people whose keys are given, or about others. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import { extentOf } from '../../sql/text/extent.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import { baseType, typmodOf } from '../../sql/types/type.ts';
import { isGivenKey, someIn } from './conditions.ts';
import { type ConstraintContext, showsConflict } from './constraints.ts';
import type { GivenKeys, GivenRows } from './disclosure.ts';
import { isReadableForm } from './given-keys.ts';
import { isReadableKey } from './key-types.ts';
import { hasEffect } from './volatile-functions.ts';
import { changedColumns, insertColumns, setItems } from './written-columns.ts';

/**
 * `nothing`: every row is written, whatever exists. `given`: whether and how it is written depends on data of the people whose keys the rows give, at
 * these places. `others`: depends on rows of any person; `rows` is their place, absent if their number is unknown.
 */
export type Conflict =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'given'; readonly keys: readonly GivenKeys[] }
  | { readonly kind: 'others'; readonly rows?: GivenRows };

/** undefined: there is no ON CONFLICT, or none with rows of people. */
export function conflictOf(context: ConstraintContext, analysis: Analysis, write: Write): Conflict | undefined {
  const { catalog, relations } = context;
  const body = as(write.node, 'InsertStmt');
  const clause = body?.onConflictClause;
  if (!clause || write.target?.source.kind !== 'relation') return undefined;
  const { relation } = write.target.source.view;
  const { keys, opaque } = relations.of(relation);
  if (keys.size === 0 && !opaque) return undefined;
  const others: Conflict = { kind: 'others', ...rowsAt(analysis, write) };
  // Its indexes are those of the table behind it.
  if (relation.kind === 'v' || opaque) return others;
  const updates = clause.action === 'ONCONFLICT_UPDATE';
  const met = clause.infer ? [inferred(clause.infer, relation)] : uniqueColumns(relation);
  // The conflicting row has the given person's key, and keeps it.
  if (!met.every((columns) => [...keys].every((key) => columns?.has(key)))) return others;
  const changed = changedColumns(relation, write.sets, catalog);
  if (updates && [...keys].some((key) => changed.has(key))) return others;
  if (updates && !clause.whereClause && !body?.returningClause && isUnseen(context, analysis, write))
    return { kind: 'nothing' };
  const given = [...keys].map((key) => givenAt(catalog, analysis, write, relation, key));
  if (given.every((place) => place !== undefined)) return { kind: 'given', keys: given };
  return others;
}

/**
 * INVARIANT 166: whether nothing but the table differs where a row meets another. Only then SET is computed, which may have effects, lock rows or draw a
 * default; and a row that is new has other foreign keys checked.
 */
function isUnseen(context: ConstraintContext, analysis: Analysis, write: Write): boolean {
  const { calls, references, sublinks } = analysis.marks;
  const isSeen = (node: Node): boolean | undefined => {
    if (sublinks.has(node) || 'SetToDefault' in node || 'A_Indirection' in node) return true;
    if ('ColumnRef' in node) return !references.has(node);
    const call = as(node, 'FuncCall');
    const fn = call && calls.get(call)?.fn;
    return (call && (!fn || hasEffect(fn))) || undefined;
  };
  return !setItems(write).some((item) => someIn(analysis, item, isSeen)) && !showsConflict(context, write);
}

/** Names of the columns that find the conflicting row, by one of the indexes on them, whichever; undefined if they cannot be determined. */
function inferred(
  { conname, indexElems = [] }: { indexElems?: Node[]; conname?: string },
  relation: Relation,
): ReadonlySet<string> | undefined {
  // By another collation or operator class than its own a column's values may be alike that differ.
  const attnums = indexElems.map((item) => {
    const { name, collation, opclass } = as(item, 'IndexElem') ?? {};
    const isOwn = !collation?.length && !opclass?.length;
    return (isOwn && relation.columns.find((column) => column.name === name)?.attnum) || 0;
  });
  const columns = conname ? relation.constraints.find(({ name }) => name === conname)?.columns : attnums;
  const all = (list: readonly number[] = []): string => list.map(Math.abs).sort().join();
  const indexes = relation.uniqueIndexes.filter((one) => all(one.columns) === all(columns));
  const plain = (attnum: number): boolean => indexes.every((one) => !one.columns.includes(-attnum));
  return columns && namesOf(relation, columns.filter(plain));
}

/**
 * INVARIANT 170: of each index in which a row can meet another. One on a sequence's own numbers is no exception: a role may set it, and others may have
 * given rows numbers that it comes to. undefined: they cannot be told; partitions may have more of their own.
 */
function uniqueColumns(relation: Relation): (ReadonlySet<string> | undefined)[] {
  if (relation.kind === 'p') return [undefined];
  return relation.uniqueIndexes.map(({ columns }) => namesOf(relation, columns));
}

/** Without those by another comparison than their own. */
function namesOf({ columns }: Relation, attnums: readonly number[]): ReadonlySet<string> {
  return new Set(attnums.map((attnum) => columns.find((column) => column.attnum === attnum)?.name ?? ''));
}

function givenAt(
  catalog: Catalog,
  analysis: Analysis,
  write: Write,
  relation: Relation,
  key: string,
): GivenKeys | undefined {
  const column = insertColumns(write).indexOf(key);
  const target = relation.columns.find(({ name }) => name === key);
  // A text that is too long for its column may lose blanks on its way into it.
  if (!target || typmodOf(catalog, target) >= 0) return undefined;
  const type = baseType(catalog, target.type);
  const { rows } = rowsAt(analysis, write);
  if (column < 0 || !rows || !isReadableKey(type)) return undefined;
  // INVARIANT 194: as where a key is compared: on its way into the column a value of another type becomes another one.
  const values = write.source?.select?.valuesLists?.map((list) => as(list, 'List')?.items?.[column]);
  if (!values?.every((node) => node && isGivenKey({ analysis, catalog }, { type }, node, false))) return undefined;
  const place = { ...rows, array: false, column };
  return isReadableForm(analysis.parsed.text, place) ? { ...place, type } : undefined;
}

/** The place of the rows of VALUES. */
function rowsAt(analysis: Analysis, { source }: Write): { readonly rows?: GivenRows } {
  const first = as(source?.select?.valuesLists?.[0], 'List')?.items?.[0];
  const { parsed } = analysis;
  const start = source?.kind === 'values' && first ? extentOf(first, parsed)?.start : undefined;
  if (start === undefined) return {};
  const tokens = parsed.tokens();
  let open = tokenAt(tokens, start);
  while (tokens[open - 1]?.word === '(') open -= 1;
  if (tokens[open - 1]?.word !== 'values') return {};
  let close = tokens[open]?.match ?? -1;
  while (tokens[close + 1]?.word === ',' && tokens[close + 2]?.word === '(') close = tokens[close + 2]!.match;
  return close < 0 ? {} : { rows: { start: tokens[open]!.start, end: tokens[close]!.end } };
}
