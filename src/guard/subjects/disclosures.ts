/** Finds what the answer of each statement can tell about the subjects of a policy (`disclosure.ts`). */
import type { RolePolicy, Subject } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import type { Catalog, Fn, Oid } from '../../sql/catalog/catalog.ts';
import { as, type Body, type Node } from '../../sql/parse/tree.ts';
import { skipsRows } from '../copy-options.ts';
import type { DraftStatement } from '../draft.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { type KeyPlan, KeySpelling } from './added-keys.ts';
import {
  type ConstraintContext,
  failsByRows,
  meetsOthers,
  moreSevere,
  passesByPeople,
  reachesOthers,
} from './constraints.ts';
import type { Disclosure, Disclosures, GivenKeys, RowKey, SubjectAccess, WriteDisclosure } from './disclosure.ts';
import { canFail } from './failing.ts';
import { parametersAt } from './given-keys.ts';
import { LevelReader } from './level-reader.ts';
import { locksOf, type RowLocks } from './locks.ts';
import type { ProvenRows, RowsKey } from './rows.ts';
import type { ColumnOf } from './shown-keys.ts';
import { isCheckedByData, isCheckedEarly, readers, type SubjectRelations, typesIn } from './subject-relations.ts';
import { isHeld } from './unique-key.ts';
import type { Values } from './values.ts';
import { hasEffect } from './volatile-functions.ts';
import { filledColumns, isOfCursor, proveWrite, type WriteProof } from './writes.ts';
import { assignedValue, setItems } from './written-columns.ts';

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

type Statement = Pick<DraftStatement, 'analysis' | 'kind' | 'copied' | 'query' | 'copy' | 'explains'>;

/** `plan`: how the keys that it adds are written; absent if there are none. */
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
  // INVARIANT 157: Parse and PREPARE cost nothing, so what they could tell is refused.
  if (isCheckedEarly(context.catalog, [...typesIn(analysis), ...typesWritten(analysis)]))
    return withProblem(unknown, 'values inside an array or row that a domain checks by data');
  // INVARIANT 186: each row that is left out because a check reads people would tell of one.
  if (skipsRows(statement.copy) && isCheckedByData(context.catalog, typesWritten(analysis)))
    return withProblem(unknown, 'ON_ERROR for values that a domain checks by data');
  // INVARIANT 181: Bind reads its values before it is known whether they are run, and costs nothing but of a read or a write.
  if (!PAID_AT_BIND.has(kind.kind) && isCheckedByData(context.catalog, analysis.parameterTypes))
    return withProblem(unknown, 'parameters of a domain that checks by data');
  const reader = new LevelReader(analysis, context.catalog, context.relations);
  // The planner's estimates, and the counts of EXPLAIN ANALYZE, come from everyone's rows; none of its rows tells which functions it called.
  if (kind.kind === 'explain') {
    const locks = !statement.explains && analysis.marks.levels.some(({ select }) => select?.lockingClause);
    return withProblem(unknown, effectIn(statement, reader) ?? (locks ? 'row locks behind EXPLAIN' : undefined));
  }
  // What a procedure does is not known.
  if (!analysis.level || !query || 'CallStmt' in query) return unknown;
  if (copied && kind.kind === 'copy-out') return { ...unknown, ...ofCopied(context, copied) };
  const { level: top } = analysis;
  const rows = reader.readAll(top);
  const elsewhere = readers(analysis, context.catalog).length > 0;
  const locks = locksOf(analysis, top, context.relations, (level) => reader.rowsOf(level));
  // INVARIANT 187: of a cursor no person is counted before its rows are read.
  const unpaid = kind.kind === 'declare' || locks.skips;
  const isUnknown = elsewhere || unpaid || tellsPlaces(context, analysis) || analysis.marks.writes.some(isOfCursor);
  const given = isUnknown ? undefined : givenPeople(reader);
  const people = kind.kind === 'prepare' ? given?.map((place) => withParameters(place, analysis)) : given;
  const values = [...rows.values].sort((a, b) => a - b);
  const holds = !people && values.length === 0 && !rows.loose && isHeld(reader, rows, context.catalog);
  const writes = writesOf(context, reader, analysis, people ? 'pinned' : holds ? 'held' : 'question');
  const uncountable =
    writes.problem ??
    (people?.length === 0
      ? undefined
      : (effectIn(statement, reader) ?? (locks.unsent ? 'row locks in a query' : undefined)));
  const mayAdd =
    context.adds &&
    !people &&
    context.role.minGroup === undefined &&
    (isPlain(statement, 'read') || (holds && isPlain(statement, 'write')));
  const named =
    locks.skips || !writes.named
      ? undefined
      : namedBy(rows, mayAdd ? (keys) => context.spelling.add(reader, top, keys) : undefined);
  // INVARIANT 94: a question, unless a proof says otherwise.
  const access: SubjectAccess = people ? { kind: 'pinned', people } : { kind: named && holds ? 'held' : 'question' };
  // INVARIANT 95: an answer of people who are known is fixed by their own data, its order and what LIMIT leaves of rows that are sorted alike too.
  const isKnown = named && values.length === 0 && (holds || !rows.openOrder) && analysis.marks.writes.length === 0;
  const locked = !people && !holds && isOthersLock(locks, rows) ? 'row locks in a query' : undefined;
  const numbers = drawsNumbers(statement, analysis);
  // INVARIANT 203: others' values may fail in a column, whatever that demands, and a sequence tells at which row.
  const failing = numbers && analysis.marks.writes.some((write) => readsPeople(reader, write)) ? 'at-once' : 'no';
  const writing = writesUnseen(reader, analysis).length > 0 ? 'at-commit' : failing;
  const found: Disclosure = {
    subject: subject.name,
    access,
    canFail: moreSevere(canFail(context, analysis, top, access.kind), access.kind === 'pinned' ? 'no' : writing),
    ...(named && { named }),
    values,
    free: isKnown ? 'known' : 'repeated',
    ...(numbers && { leavesNumbers: true }),
    ...(locks.chosen && { locks: true }),
    ...(elsewhere && { elsewhere }),
    ...(writes.top && { write: { row: writes.top.row ?? 0, tag: !people && !named?.length, ...writes.given } }),
  };
  // INVARIANT 189: rows that a cursor passes by are locked like those that it sends.
  const passed = kind.kind === 'declare' && locks.chosen ? 'row locks in a query' : undefined;
  const unread = people?.length ? whereUnread(context, reader, statement, locks) : passed;
  return withProblem(unread === undefined ? found : { ...found, unread }, uncountable ?? locked);
}

/** INVARIANT 188: what cannot be counted where the keys cannot be read: it was proven of people who are counted before it runs. */
function whereUnread(context: Context, reader: LevelReader, statement: Statement, locks: RowLocks): string | undefined {
  const { analysis } = reader;
  const { problem, top, given } = writesOf(context, reader, analysis, 'question');
  const effect = problem ?? effectIn(statement, reader);
  if (effect !== undefined) return effect;
  if (locks.unsent || isOthersLock(locks, reader.rowsOf(analysis.level!))) return 'row locks in a query';
  const others = (top?.row ?? 0) > 0 || given !== undefined || writesUnseen(reader, analysis).length > 0;
  return others ? 'rows written from people who are not their own' : undefined;
}

/** INVARIANT 237: a row that another session changed meanwhile stays locked, though it is left out then: it must be one of people, and chosen by these. */
function isOthersLock({ chosen, others }: RowLocks, { loose }: ProvenRows): boolean {
  return chosen && (loose || others);
}

/** PREPARE gets its values from EXECUTE alone. */
const PAID_AT_BIND: ReadonlySet<string> = new Set(['read', 'write', 'prepare']);

/** Of whole columns that are written: their literals are read as these. */
function typesWritten({ marks }: Analysis): Oid[] {
  return marks.writes.flatMap(({ target }) => {
    const source = target?.source;
    return source?.kind === 'relation' ? source.view.relation.columns.map(({ type }) => type) : [];
  });
}

function withProblem(found: Disclosure, uncountable: string | undefined): Disclosure {
  return uncountable === undefined ? found : { ...found, uncountable };
}

/** Whether it is such a statement, and no COPY: the rows that it returns may have one more column. */
function isPlain({ kind, copy }: Statement, what: 'read' | 'write'): boolean {
  const own = kind.kind === 'prepare' ? kind.inner.kind : kind;
  return own.kind === what && !copy;
}

/** `add`: adds keys to the list; it may give none, and be missing. */
function namedBy(
  { keys, loose }: ProvenRows,
  add: ((keys: readonly RowsKey[]) => readonly number[] | undefined) | undefined,
): readonly RowKey[] | undefined {
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

const TIED = 'rows that foreign keys tie to others';

function writesOf(context: Context, reader: LevelReader, analysis: Analysis, access: SubjectAccess['kind']): Writes {
  let found: Writes = { named: true };
  // INVARIANT 200: one is charged for all of them, and each leaves numbers and locks of its own behind.
  if (access !== 'pinned' && writesUnseen(reader, analysis).length > 1)
    found = { ...found, problem: 'more than one write in WITH' };
  for (const write of analysis.marks.writes) {
    const proof = proveWrite(reader, write, context.catalog, access === 'pinned');
    const conflict = reader.written.conflicts.get(write);
    const isTop = write.level === analysis.level;
    const rows = conflict?.kind === 'others' ? conflict.rows : undefined;
    // The number of rows that a WITH writes is not reported, and neither is the number of a query's rows if some are not written.
    const uncounted = (!isTop && (proof.row !== 0 || conflict?.kind === 'others')) || proof.row === undefined;
    if (uncounted) found = { ...found, problem: 'rows written from people who are not their own' };
    else if (conflict ? conflict.kind === 'others' && !rows : hasConflict(write) && proof.row !== 0)
      found = { ...found, problem: 'ON CONFLICT with the rows of a query' };
    else if (passesByPeople(context, write)) found = { ...found, problem: TIED };
    else if (access === 'question' && readsPeople(reader, write)) {
      const filled = { write, filled: filledColumns(reader, write) };
      if (reachesOthers(context, filled, proof.own && !proof.moves)) found = { ...found, problem: TIED };
      // The client knows rows of VALUES, and pays for what is in their way.
      else if (!(write.command === 'InsertStmt' && isGivenRows(write) && proof.own) && meetsOthers(context, filled))
        found = { ...found, problem: "others' values in a unique index" };
    }
    if (isTop)
      found = { ...found, top: proof, named: proof.own && !proof.moves, ...(rows && { given: { given: rows } }) };
  }
  return found;
}

/** INVARIANT 239: rows that it leaves out are locked, take numbers of sequences, and are in no tag. */
function hasConflict({ node }: Write): boolean {
  return as(node, 'InsertStmt')?.onConflictClause !== undefined;
}

/**
 * INVARIANT 185: a WITH that writes rows of people: how many, its answer need not tell, and the numbers that sequences and transactions take next do.
 */
function writesUnseen(reader: LevelReader, { marks, level: top }: Analysis): readonly Write[] {
  return marks.writes.filter((write) => write.level !== top && readsPeople(reader, write));
}

function readsPeople(reader: LevelReader, { level }: Write): boolean {
  const { keys, loose, values } = reader.rowsOf(level);
  return loose || keys.length + values.size > 0;
}

/** INVARIANT 210: it writes more than one row, and each may take a number of a sequence, which an error does not give back. */
function drawsNumbers({ copy }: Statement, { marks, uses }: Analysis): boolean {
  // INVARIANT 242: a list may take them too, of rows that were not sent before a client left.
  if (uses.some((use) => use.kind === 'function' && use.candidates.some(hasEffect))) return true;
  // A function may make many rows of one row of VALUES.
  const spreads = [...marks.expressions.values()].some(({ barrier }) => barrier === 'set-returning');
  return marks.writes.some((write) => {
    if (write.command === 'MergeStmt') return true;
    if (write.command === 'InsertStmt') return copy !== undefined || spreads || !isOneRow(write);
    return setItems(write).some((item) => 'SetToDefault' in (assignedValue(item) ?? {}));
  });
}

function isOneRow({ node }: Write): boolean {
  const select = as(as(node, 'InsertStmt')?.selectStmt, 'SelectStmt');
  return !select || select.valuesLists?.length === 1;
}

function isGivenRows(write: Write | undefined): boolean {
  return !write?.source || write.source.kind === 'values';
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
    return { columns: shown, added: [], type: columns[index]?.type ?? 0 };
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
  if (marks.relations.some(isHeld) || readers(analysis, catalog).length > 0 || marks.writes.some(isOfCursor))
    return true;
  return marks.writes.some((write) => failsByRows(context, write) !== 'no');
}

/** System columns that say when a row was written, and into which table. */
const OWN_NUMBERS: ReadonlySet<string> = new Set(['xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

/** INVARIANT 174: where a row lies depends on the rows that lie beside it. */
function tellsPlaces({ relations }: Context, { marks, uses }: Analysis): boolean {
  const isPlace = ({ entry: { source }, column }: ColumnOf): boolean =>
    column.implicit === true &&
    !OWN_NUMBERS.has(column.name) &&
    source.kind === 'relation' &&
    relations.holds(source.view.relation);
  if ([...marks.references.values()].some((found) => isPlace(behindJoins(found)))) return true;
  return uses.some((use) => use.kind === 'sample' && relations.holds(use.relation));
}

/** undefined: some data that it reads belong to no key, or to keys that are not known before it runs. */
function givenPeople({ references, opaque }: LevelReader): readonly GivenKeys[] | undefined {
  // Each place at which the statement reads a table of the subject, for each of its key columns.
  if (opaque) return undefined;
  const people: GivenKeys[] = [];
  for (const key of references) {
    const given = key.givenKeys();
    if (!given) return undefined;
    if (!people.includes(given)) people.push(given);
  }
  return people;
}

function withParameters(place: GivenKeys, { parsed }: Analysis): GivenKeys {
  const parameters = parametersAt(parsed.text, place);
  return parameters ? { ...place, parameters } : place;
}

/**
 * The name of a volatile call, unless it is an item of the statement's own list, by itself and with constant arguments: there it runs once for each
 * row that is sent. INVARIANT 121: `random()` is one: its next number tells how many there were, of given people too.
 */
function effectIn({ kind }: Pick<Statement, 'kind'>, { analysis, values }: LevelReader): string | undefined {
  const { uses, marks, level: top } = analysis;
  const write = marks.writes.find(({ level }) => level === top);
  // What meets ON CONFLICT is not written.
  const source = as(write?.node, 'InsertStmt')?.onConflictClause && !isGivenRows(write) ? undefined : write?.source;
  const plain = new Set<Fn>();
  const elsewhere = new Set<Fn>();
  const once = new Set<object>();
  for (const level of source ? [top, source] : [top])
    if (level && kind.kind !== 'declare' && kind.kind !== 'explain' && sendsEachRow(level, values))
      for (const { node, target } of level.roots)
        if ((target || level.kind === 'values') && hasConstantArguments(node, marks)) once.add(as(node, 'FuncCall')!);
  for (const [body, { fn }] of marks.calls) (once.has(body) ? plain : elsewhere).add(fn);
  for (const use of uses) {
    if (use.kind !== 'function') continue;
    const found = use.candidates.find((fn) => hasEffect(fn) && (elsewhere.has(fn) || !plain.has(fn)));
    if (found) return found.name;
  }
  return undefined;
}

/** INVARIANT 120: an allow-list: FROM and WHERE alone decide for how many rows the list is computed, and each of these is sent or written. */
function sendsEachRow(level: QueryLevel, values: Values): boolean {
  if (level.kind !== 'select') return level.kind !== 'set';
  return (
    Object.keys(level.select ?? {}).every((clause) => BARE.has(clause)) && !level.aggregated && !values.givesRows(level)
  );
}

const BARE: ReadonlySet<string> = new Set([
  'targetList',
  'fromClause',
  'whereClause',
  'withClause',
  'limitOption',
  'op',
]);

function hasConstantArguments(node: Node, marks: Analysis['marks']): boolean {
  const call: Body<'FuncCall'> | undefined = as(node, 'FuncCall');
  if (!call || call.over || call.agg_filter) return false;
  return (call.args ?? []).every((arg) => 'ParamRef' in arg || marks.expressions.get(arg)?.constant === true);
}
