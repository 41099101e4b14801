/** What a write takes from people who are not those of its rows. */

import { descendants } from '../../policy/compile/names.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Catalog, Oid, WriteEvent } from '../../sql/catalog/catalog.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import * as t from '../../sql/types/oids.ts';
import { baseType } from '../../sql/types/type.ts';
import type { LevelReader } from './level-reader.ts';
import type { ProvenRows } from './rows.ts';
import { hasEffect } from './volatile-functions.ts';
import { assignedValue, changedColumns, insertColumns, setItems } from './written-columns.ts';

export interface WriteProof {
  /** Values that each row costs as it is written; undefined: it stores others' texts of unknown length, or its tag does not tell how many rows it stores. */
  readonly row: number | undefined;
  /** It gives an existing row another key. */
  readonly moves: boolean;
  /** Its rows contain data of their own people only, and depend only on these. */
  readonly own: boolean;
}

/** `pinned`: the statement gives the keys of all people that it reads. */
export function proveWrite(reader: LevelReader, write: Write, catalog: Catalog, pinned: boolean): WriteProof {
  const rows = reader.rowsOf(write.level);
  const { target } = write;
  const relation = target?.source.kind === 'relation' ? target.source.view.relation : undefined;
  const changed = relation && write.sets.size > 0 ? changedColumns(relation, write.sets, catalog) : undefined;
  const moves = changed !== undefined && [...reader.relations.of(relation!).keys].some((key) => changed.has(key));
  const isTold = tellsRows(write, catalog);
  if (pinned) return { row: !moves ? 0 : isTold ? 1 : undefined, moves, own: true };
  const chosen = rows.loose || !reader.written.areOfTarget(write, rows);
  const values = othersColumns(reader, write, rows, chosen);
  const isChosen = chosen || rows.cut;
  // INVARIANT 238: a row that another session changed meanwhile stays locked where it is left out then, and is in no tag.
  if (isChosen && write.command !== 'InsertStmt') return { row: undefined, moves, own: false };
  const own = !isChosen && !isOfCursor(write) && values.length === 0;
  const sum = values.reduce((found, type) => found + mostValues(catalog, type), 0);
  const drawn = rows.keys.length > 0 && draws(reader.analysis, write, catalog);
  const row = Math.max(moves || !own || drawn ? 1 : 0, sum);
  return { row: row === 0 || (isTold && row < Number.POSITIVE_INFINITY) ? row : undefined, moves, own };
}

/**
 * INVARIANT 202: whether its rows take numbers of a sequence, by a default too: those of people who are known tell how many others were written between
 * them.
 */
function draws({ uses }: Analysis, write: Write, catalog: Catalog): boolean {
  if (write.source?.kind !== 'values' && uses.some((use) => use.kind === 'function' && use.candidates.some(hasEffect)))
    return true;
  if (setItems(write).some((item) => 'SetToDefault' in (assignedValue(item) ?? {}))) return true;
  const relation = write.target?.source.kind === 'relation' ? write.target.source.view.relation : undefined;
  // Of VALUES each row takes its numbers, whatever else there is.
  if (write.command === 'InsertStmt' ? write.source?.kind === 'values' : !write.events.includes('insert')) return false;
  if (!relation || relation.kind === 'v') return true;
  const given = insertColumns(write);
  const calls = catalog.data.dependents.filter((one) => one.kind === 'default' && one.relation === relation.oid);
  return relation.columns.some(({ name, identity }) => {
    if (given.includes(name)) return false;
    const own = calls.filter((one) => one.name === name).flatMap((one) => one.calls);
    return identity !== '' || own.some((oid) => hasEffect(catalog.functionsByOid.get(oid) ?? UNKNOWN));
  });
}

const UNKNOWN = { volatility: 'v', schema: '', name: '', kind: 'f' } as const;

/** INVARIANT 201: WHERE CURRENT OF: the cursor tells which row, and its people may have chosen that. */
export function isOfCursor(write: Write): boolean {
  const where = (as(write.node, 'UpdateStmt') ?? as(write.node, 'DeleteStmt'))?.whereClause;
  return where !== undefined && 'CurrentOfExpr' in where;
}

/**
 * INVARIANT 177: rows are paid by the tag, which counts neither what a rule makes of a write nor what a trigger stores elsewhere and lets go by. A row that
 * moves to another partition is inserted there.
 */
function tellsRows({ target, events }: Write, catalog: Catalog): boolean {
  let at = target?.source.kind === 'relation' ? target.source.view.relation : undefined;
  const written = at ? [at] : [];
  for (; at?.kind === 'v'; written.push(at)) {
    at = at.view?.writes ? catalog.relationsByOid.get(at.view.writes.base) : undefined;
    if (!at) return false;
  }
  const family = at ? [...written, ...descendants(catalog, at)] : written;
  const happens = (event: WriteEvent): boolean =>
    events.includes(event) || (events.includes('update') && family.length > 1);
  return family.every(({ rules, rowTriggers }) => !rules.some(happens) && !rowTriggers.some(happens));
}

/** Types of the columns into which others' data go. Where others choose the rows, that may be any but a constant. */
function othersColumns(reader: LevelReader, write: Write, rows: ProvenRows, chosen: boolean): Oid[] {
  const { analysis, values } = reader;
  const types: Oid[] = [];
  const typeOf = (name: string | undefined): Oid => {
    const source = write.target?.source;
    const columns = source?.kind === 'relation' ? source.view.relation.columns : [];
    return columns.find((column) => column.name === name)?.type ?? t.UNTELLABLE;
  };
  for (const item of setItems(write)) {
    const value = assignedValue(item);
    if (chosen ? !isGiven(analysis, value) : values.isIn(value, write.level))
      types.push(typeOf(as(item, 'ResTarget')?.name));
  }
  const source = write.source && reader.rowsOf(write.source);
  const columns = insertColumns(write);
  write.source?.outputs.forEach(({ node }, index) => {
    const given = write.source?.kind === 'values' ? write.source.subqueries.length === 0 : isGiven(analysis, node);
    // INVARIANT 207: what a function reads is others', in VALUES too.
    if (source?.values.has(index) || (chosen && !given)) types.push(typeOf(columns[index]));
  });
  // What a MERGE inserts is read with its rows.
  if (write.command === 'MergeStmt' && rows.loose) types.push(t.UNTELLABLE);
  return types;
}

/** Names of the columns that get values which the client does not give. */
export function filledColumns({ analysis }: LevelReader, write: Write): ReadonlySet<string> {
  const filled = new Set<string>();
  for (const item of setItems(write))
    if (!isGiven(analysis, assignedValue(item))) filled.add(as(item, 'ResTarget')?.name ?? '');
  const columns = insertColumns(write);
  write.source?.outputs.forEach(({ node }, index) => {
    if (!isGiven(analysis, node)) filled.add(columns[index] ?? '');
  });
  return filled;
}

function isGiven({ marks }: Analysis, node: Node | undefined): boolean {
  return (
    node !== undefined &&
    ('ParamRef' in node || 'SetToDefault' in node || marks.expressions.get(node)?.constant === true)
  );
}

/** Values of 8 bytes that the longest text of a type begins. INVARIANT 96: others' text of unknown length is not stored where it may be read later. */
function mostValues(catalog: Catalog, type: Oid): number {
  return LENGTHS.get(baseType(catalog, type)) ?? Number.POSITIVE_INFINITY;
}

const UUID = 2950;
const LENGTHS: ReadonlyMap<Oid, number> = new Map([
  [t.BOOL, 1],
  [t.INT2, 1],
  [t.INT4, 2],
  [t.INT8, 3],
  [t.FLOAT4, 2],
  [t.FLOAT8, 4],
  [t.DATE, 2],
  [t.TIME, 2],
  [t.TIMETZ, 4],
  [t.TIMESTAMP, 5],
  [t.TIMESTAMPTZ, 5],
  [UUID, 5],
]);
