/** What a write shows of its rows, what holds of all of them, and where the columns of its query go. */
import type { Write } from '../../sql/analyze/findings.ts';
import type { Level } from '../../sql/analyze/model.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { as, type Body, type Node } from '../../sql/tree.ts';
import type { InRow } from './person.ts';
import { sameKind } from './ties.ts';

/** What a level shows of a row. */
export function listOf({ select }: Level, write: Write | undefined): readonly Node[] {
  if (!write) return select?.targetList ?? [];
  return returningOf(write)?.exprs ?? [];
}

function returningOf({ node }: Write): Body<'ReturningClause'> | undefined {
  const body = as(node, 'InsertStmt') ?? as(node, 'UpdateStmt') ?? as(node, 'DeleteStmt') ?? as(node, 'MergeStmt');
  return body?.returningClause;
}

/** What every row fulfils. A MERGE shows rows that its condition does not hold of. */
export function whereOf({ select }: Level, write: Write | undefined): Node | undefined {
  if (!write) return select?.whereClause;
  return (as(write.node, 'UpdateStmt') ?? as(write.node, 'DeleteStmt'))?.whereClause;
}

/** It gives back nothing but what it was given: no row that was there can be its result. */
export function isPlainInsert(write: Write | undefined): boolean {
  return write?.command === 'InsertStmt' && !write.events.includes('update');
}

/**
 * Of the people in the rows of an INSERT's query: those whose key goes into one of `keys`, the key columns of its table, by which they
 * are counted when it is read.
 */
export function keptUnderTheirKeys(
  catalog: Catalog,
  { target, source, ...write }: Write,
  keys: ReadonlySet<string>,
  people: readonly InRow[],
): number {
  if (!source || target?.source.kind !== 'relation') return 0;
  const { columns } = target.source.view.relation;
  const names = columnsOfInsert(write);
  // INVARIANT: under another's key somebody would be read for nothing.
  const keeps = (index: number): boolean => {
    const column = columns.find(({ name }) => name === names[index]);
    const output = source.outputs[index];
    if (!column || !output || !keys.has(column.name)) return false;
    // Nothing is compared, so that collations are of no matter.
    return sameKind(catalog, { type: column.type }, { type: output.type });
  };
  return people.filter((person) => person.keys.some(keeps)).length;
}

/** Where the columns of its query go. */
function columnsOfInsert({ node, lists }: Pick<Write, 'node' | 'lists'>): readonly (string | undefined)[] {
  const body = as(node, 'InsertStmt');
  // A value that goes into a part of a column is no key.
  const named = body?.cols?.map((column) => as(column, 'ResTarget'));
  if (named?.length) return named.map((column) => (column?.indirection?.length ? undefined : column?.name));
  return lists.find((list) => list.body === body)?.columns ?? [];
}
