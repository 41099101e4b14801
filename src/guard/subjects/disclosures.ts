/** Finds what the answer of each statement can tell about the subjects of a policy (`disclosure.ts`). */
import type { RolePolicy, Subject } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import type { DraftStatement } from '../draft.ts';
import { type KeyPlan, KeySpelling } from './added-keys.ts';
import { type ConstraintContext, failsByRows } from './constraints.ts';
import type { Disclosure, Disclosures, RowKey, SubjectAccess, WriteDisclosure } from './disclosure.ts';
import { effectIn } from './effects.ts';
import { canFail } from './failing.ts';
import { countsIn } from './grouped.ts';
import { LevelReader } from './level-reader.ts';
import { locksOf } from './locks.ts';
import { givenPeople } from './pinned.ts';
import type { ProvenRows, RowsKey } from './rows.ts';
import { readers, type SubjectRelations } from './subject-relations.ts';
import { isHeld } from './unique-key.ts';
import { proveWrite, type WriteProof } from './writes.ts';

export interface DisclosureContext {
  readonly role: RolePolicy;
  readonly catalog: Catalog;
  /** Of each subject that may be counted. */
  readonly subjects: readonly SubjectRelations[];
  /** Whether keys of it may be added. */
  adds(subject: Subject): boolean;
}

interface Context extends ConstraintContext {
  readonly adds: boolean;
  readonly spelling: KeySpelling;
}

type Statement = Pick<DraftStatement, 'analysis' | 'kind' | 'copied' | 'query' | 'copy'>;

/** `plan`: how the keys that it adds are written; absent where there are none. */
export function disclosuresOf(
  { role, catalog, subjects, adds }: DisclosureContext,
  statement: Statement,
): { readonly disclosures: Disclosures; readonly plan?: KeyPlan } {
  const spelling = new KeySpelling(catalog);
  const found = subjects.flatMap(
    (relations) => disclosureOf({ role, catalog, relations, spelling, adds: adds(relations.subject) }, statement) ?? [],
  );
  const plan = spelling.plan();
  return { disclosures: { subjects: found, ...(plan && { added: plan.added }) }, ...(plan && { plan }) };
}

/** undefined: the statement touches nothing of the subject. */
function disclosureOf(context: Context, statement: Statement): Disclosure | undefined {
  const { analysis, kind, copied, query } = statement;
  if (!analysis || !touches(context, analysis)) return undefined;
  const { subject } = context.relations;
  const unknown: Disclosure = {
    subject: subject.name,
    access: { kind: 'question' },
    canFail: 'no',
    values: [],
    free: 'repeated',
  };
  // The planner's estimates, and what EXPLAIN ANALYZE counts, come from everybody's rows; what a procedure does is not known.
  if (kind.kind === 'explain' || !analysis.level || !query || 'CallStmt' in query) return unknown;
  if (copied && kind.kind === 'copy-out') return { ...unknown, ...ofCopied(context, copied) };
  const reader = new LevelReader(analysis, context.catalog, context.relations);
  const rows = reader.readAll(analysis.level);
  const people = readers(analysis, context.catalog).length > 0 ? undefined : givenPeople(reader);
  const locks = locksOf(analysis, analysis.level, (level) => reader.rowsOf(level));
  const writes = writesOf(context, reader, analysis, people !== undefined);
  const uncountable =
    writes.problem ??
    (people?.length === 0 ? undefined : effectIn(analysis, analysis.level)) ??
    (locks.unsent && !people ? 'row locks in a query' : undefined);
  const counts = context.role.minGroup === undefined ? undefined : { counts: countsIn(analysis, analysis.level) };
  const values = [...rows.values].sort((a, b) => a - b);
  const holds = !people && values.length === 0 && !rows.loose && isHeld(reader, rows, context.catalog);
  const mayAdd =
    context.adds &&
    !people &&
    context.role.minGroup === undefined &&
    (isRead(statement) || (holds && isWrite(statement)));
  const named =
    locks.skips || !writes.named
      ? undefined
      : namedBy(rows, mayAdd ? addedTo(context, reader, analysis.level) : undefined);
  // INVARIANT 94: a question, unless a proof says otherwise.
  const access: SubjectAccess =
    people && !locks.skips ? { kind: 'pinned', people } : { kind: named && holds ? 'held' : 'question' };
  return {
    subject: subject.name,
    access,
    canFail: canFail(context, analysis, analysis.level, access.kind),
    ...(named && { named }),
    values,
    free:
      named && values.length === 0 && (holds || isFixed(rows)) && analysis.marks.writes.length === 0
        ? 'known'
        : 'repeated',
    ...(counts && { grouped: counts }),
    ...(writes.top && { write: { row: writes.top.row ?? 0, tag: !people && !named?.length, ...writes.given } }),
    ...(uncountable !== undefined && { uncountable }),
  };
}

/** INVARIANT 95: an answer of people who are known is fixed by their own data, its order and what LIMIT leaves of rows that are sorted alike too. */
function isFixed({ skips, openOrder }: ProvenRows): boolean {
  return !skips && !openOrder;
}

/** Whether the rows that it returns may have one more column. */
function isRead({ kind, copy }: Statement): boolean {
  const own = kind.kind === 'prepare' ? kind.inner.kind : kind;
  return own.kind === 'read' && !copy;
}

function isWrite({ kind, copy }: Statement): boolean {
  const own = kind.kind === 'prepare' ? kind.inner.kind : kind;
  return own.kind === 'write' && !copy;
}

type Add = (keys: readonly RowsKey[]) => readonly number[] | undefined;

function addedTo({ spelling }: Context, reader: LevelReader, top: QueryLevel): Add {
  return (keys) => spelling.add(reader, top, keys);
}

/** `add`: adds keys to the list; undefined where none can be. */
function namedBy({ keys, loose }: ProvenRows, add: Add | undefined): readonly RowKey[] | undefined {
  if (loose) return undefined;
  const hidden = keys.filter(({ columns, perhaps }) => columns.length + perhaps.length === 0);
  const added = hidden.length === 0 ? [] : add?.(hidden);
  if (!added) return undefined;
  return keys.map((one) => {
    const number = added[hidden.indexOf(one)];
    return {
      columns: [...one.columns, ...one.perhaps].sort((a, b) => a - b),
      added: number === undefined ? [] : [number],
      type: one.key.type,
      certain: one.key.certain,
    };
  });
}

interface Writes {
  readonly top?: WriteProof;
  readonly given?: Pick<WriteDisclosure, 'given'>;
  /** What it returns can be named. */
  readonly named: boolean;
  readonly problem?: string;
}

function writesOf(context: Context, reader: LevelReader, analysis: Analysis, pinned: boolean): Writes {
  let found: Writes = { named: true };
  for (const write of analysis.marks.writes) {
    const proof = proveWrite(reader, write, context.catalog, pinned);
    const conflict = reader.written.conflicts.get(write);
    const isTop = write.level === analysis.level;
    const rows = conflict?.kind === 'others' ? conflict.rows : undefined;
    // How many rows a WITH writes nobody is told, nor how many a query gives of which some are not written.
    const uncounted = (!isTop && (proof.row !== 0 || conflict?.kind === 'others')) || proof.row === undefined;
    if (uncounted) found = { ...found, problem: 'rows written from people who are not their own' };
    else if (conflict?.kind === 'others' && !rows)
      found = { ...found, problem: 'ON CONFLICT with the rows of a query' };
    if (isTop)
      found = { ...found, top: proof, named: proof.own && !proof.moves, ...(rows && { given: { given: rows } }) };
  }
  return found;
}

/** COPY of a table: its columns are the ones that COPY names. */
function ofCopied(
  { role, relations }: Context,
  { relation, columns }: NonNullable<DraftStatement['copied']>,
): Partial<Disclosure> {
  const { keys, opaque } = relations.of(relation);
  const granted = role.relations.get(relation.oid)?.select?.columns;
  const named = [...keys].map((name): RowKey => {
    const index = columns.findIndex((column) => column.name === name);
    const shown = index < 0 || granted?.get(name)?.mask ? [] : [index];
    return { columns: shown, added: [], type: columns[index]?.type ?? 0, certain: columns[index]?.notNull === true };
  });
  if (opaque || named.some((key) => key.columns.length === 0)) return {};
  return { named, free: 'known' };
}

/** It reads or writes relations with its keys, or may do so by a function; or it can run into constraints on them. */
function touches(context: Context, analysis: Analysis): boolean {
  const { marks } = analysis;
  const { relations, catalog } = context;
  const isHeld = ({ entry: { source } }: (typeof marks.relations)[number]): boolean =>
    source.kind === 'relation' && relations.holds(source.view.relation);
  if (marks.relations.some(isHeld) || readers(analysis, catalog).length > 0) return true;
  return marks.writes.some((write) => failsByRows(context, write) !== 'no');
}
