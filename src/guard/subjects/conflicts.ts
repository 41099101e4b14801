/** What ON CONFLICT discloses about existing rows: nothing, something about people whose keys are given, or about others. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import { extentOf } from '../../sql/text/extent.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import { baseType } from '../../sql/types/type.ts';
import type { GivenKeys, GivenRows } from './disclosure.ts';
import { isReadableForm } from './given-keys.ts';
import { isReadableKey } from './key-types.ts';
import { insertColumns } from './written-columns.ts';

/**
 * `nothing`: every row is written, whatever exists. `given`: whether and how it is written depends on data of the people whose keys the rows give, at
 * these places; no places: they are the people of the query whose rows are written. `others`: depends on rows of any person; `rows` is their place,
 * absent if their number is unknown.
 */
export type Conflict =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'given'; readonly keys: readonly GivenKeys[] }
  | { readonly kind: 'others'; readonly rows?: GivenRows };

/** `keys`: the key columns of the target. undefined: there is no ON CONFLICT. */
export function conflictOf(
  analysis: Analysis,
  write: Write,
  keys: ReadonlySet<string>,
  catalog: Catalog,
): Conflict | undefined {
  const body = as(write.node, 'InsertStmt');
  const clause = body?.onConflictClause;
  if (!clause || write.target?.source.kind !== 'relation' || keys.size === 0) return undefined;
  const { relation } = write.target.source.view;
  const others: Conflict = { kind: 'others', ...rowsAt(analysis, write) };
  // Its indexes are those of the table behind it.
  if (relation.kind === 'v') return others;
  const updates = clause.action === 'ONCONFLICT_UPDATE';
  const met = updates ? [inferred(clause.infer, relation)] : uniqueColumns(relation, catalog, insertColumns(write));
  // The conflicting row has the given person's key, and keeps it.
  if (!met.every((columns) => [...keys].every((key) => columns?.has(key)))) return others;
  if ([...keys].some((key) => write.sets.has(key))) return others;
  if (updates && !clause.whereClause && !body?.returningClause) return { kind: 'nothing' };
  const given = [...keys].map((key) => givenAt(analysis, write, relation, key, catalog));
  if (given.every((place) => place !== undefined)) return { kind: 'given', keys: given };
  return write.source?.kind === 'values' || !write.source ? others : { kind: 'given', keys: [] };
}

/** Names of the columns that find the conflicting row; undefined if they cannot be determined. */
function inferred(
  infer: { indexElems?: Node[]; conname?: string } | undefined,
  relation: Relation,
): ReadonlySet<string> | undefined {
  if (infer?.conname) {
    const found = relation.constraints?.find(({ name }) => name === infer.conname);
    return found && namesOf(relation, found.columns);
  }
  // By another collation or operator class than its own a column's values may be alike that differ.
  const names = (infer?.indexElems ?? []).map((item) => {
    const { name, collation, opclass } = as(item, 'IndexElem') ?? {};
    return collation?.length || opclass?.length ? undefined : name;
  });
  return new Set(names.filter((name) => name !== undefined));
}

/** Of each index in which a row can meet another. undefined among them: one that cannot be told. */
function uniqueColumns(
  relation: Relation,
  catalog: Catalog,
  given: readonly (string | undefined)[],
): (ReadonlySet<string> | undefined)[] {
  if (!relation.uniqueIndexes) return [undefined];
  const isMade = (attnum: number): boolean => {
    const column = relation.columns.find((one) => one.attnum === attnum);
    if (!column || given.includes(column.name)) return false;
    return (
      column.identity !== '' ||
      catalog.data.relations.some((one) => one.ownedBy?.relation === relation.oid && one.ownedBy.column === attnum)
    );
  };
  return relation.uniqueIndexes
    .filter(({ columns }) => !columns.some(isMade))
    .map(({ columns }) => namesOf(relation, columns));
}

function namesOf({ columns }: Relation, attnums: readonly number[]): ReadonlySet<string> {
  return new Set(attnums.map((attnum) => columns.find((column) => column.attnum === attnum)?.name ?? ''));
}

function givenAt(
  analysis: Analysis,
  write: Write,
  relation: Relation,
  key: string,
  catalog: Catalog,
): GivenKeys | undefined {
  const column = insertColumns(write).indexOf(key);
  const target = relation.columns.find(({ name }) => name === key);
  // A text that is too long for its column may lose blanks on its way into it.
  if (!target || target.typmod >= 0) return undefined;
  const type = baseType(catalog, target.type);
  const { rows } = rowsAt(analysis, write);
  if (column < 0 || !rows || !isReadableKey(type)) return undefined;
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
