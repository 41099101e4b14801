/** Which columns of its target a statement writes, and what it puts into each. */
import { descendants } from '../../policy/compile/names.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import { as, type Node } from '../../sql/parse/tree.ts';

/** For an INSERT, in the order of its values; undefined for a column that is written only in part, or perhaps not by its value. */
export function insertColumns({
  node,
  lists,
  target,
}: Pick<Write, 'node' | 'lists' | 'target'>): readonly (string | undefined)[] {
  const body = as(node, 'InsertStmt');
  const listed = body?.cols?.map((column) => as(column, 'ResTarget'));
  const named = listed?.length
    ? listed.map((column) => (column?.indirection?.length ? undefined : column?.name))
    : (lists.find((list) => list.body === body)?.columns ?? []);
  if (body?.override !== 'OVERRIDING_USER_VALUE') return named;
  // INVARIANT 248: an identity column takes its sequence's number in place of the value. Through a view it is not known which one is.
  const relation = target?.source.kind === 'relation' ? target.source.view.relation : undefined;
  const takesValue = (name: string | undefined): boolean =>
    relation?.kind !== 'v' && relation?.columns.find((column) => column.name === name)?.identity === '';
  return named.map((name) => (takesValue(name) ? name : undefined));
}

/**
 * INVARIANT 249: columns of a relation that are others where these are set: one may be generated from them, and a view may show it under a second name, or
 * compute with it.
 */
export function changedColumns(relation: Relation, sets: ReadonlySet<string>, catalog: Catalog): ReadonlySet<string> {
  const changed = new Set(sets);
  if (relation.kind !== 'v') {
    for (const { columns } of [relation, ...descendants(catalog, relation)])
      for (const { name, generated } of columns) if (generated !== '') changed.add(name);
    return changed;
  }
  const { base, columns = [] } = relation.view?.writes ?? {};
  const table = catalog.relationsByOid.get(base ?? 0);
  const below = new Map(columns.map(([attnum, at]) => [attnum, table?.columns.find((one) => one.attnum === at)?.name]));
  const named = relation.columns.map(({ name, attnum }) => ({ name, below: below.get(attnum) }));
  const set = named.flatMap((one) => (sets.has(one.name) && one.below !== undefined ? one.below : []));
  const behind = table && changedColumns(table, new Set(set), catalog);
  for (const one of named) if (one.below === undefined || behind?.has(one.below) !== false) changed.add(one.name);
  return changed;
}

/** The items of each SET list, those of ON CONFLICT and of MERGE's branches too. */
export function setItems({ node }: Pick<Write, 'node'>): readonly Node[] {
  const conflict = as(node, 'InsertStmt')?.onConflictClause;
  const branches = as(node, 'MergeStmt')?.mergeWhenClauses?.map((when) => as(when, 'MergeWhenClause'));
  const updates = branches?.filter((when) => when?.commandType !== 'CMD_INSERT');
  return [
    ...(as(node, 'UpdateStmt')?.targetList ?? []),
    ...(conflict?.targetList ?? []),
    ...(updates?.flatMap((when) => when?.targetList ?? []) ?? []),
  ];
}

/** What is put into a column: of `(a, b) = (…)` the whole that it comes from. */
export function assignedValue(item: Node): Node | undefined {
  const value = as(item, 'ResTarget')?.val;
  return as(value, 'MultiAssignRef')?.source ?? value;
}
