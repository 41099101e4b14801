/** Which constraints of a write can fail in a way that discloses existing rows: unique and exclusion, foreign keys, and the policy's own. */
import { descendants } from '../../policy/compile/names.ts';
import type { RelationGrant, RolePolicy } from '../../policy/model/policy.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Catalog, Oid, Relation } from '../../sql/catalog/catalog.ts';
import type { ForeignKey } from '../../sql/catalog/objects.ts';
import type { Disclosure } from './disclosure.ts';
import { hasReadingCheck, isCheckedByData, type SubjectRelations } from './subject-relations.ts';
import { changedColumns } from './written-columns.ts';

type CanFail = Disclosure['canFail'];

export interface ConstraintContext {
  readonly role: RolePolicy;
  readonly catalog: Catalog;
  readonly relations: SubjectRelations;
}

/** Which of two fails with more to be set aside for it. */
export function moreSevere(a: CanFail, b: CanFail): CanFail {
  return [a, b].includes('at-commit') ? 'at-commit' : [a, b].includes('at-once') ? 'at-once' : 'no';
}

/** Whether a write may fail because of other people's rows. */
export function failsByRows(context: ConstraintContext, write: Write): CanFail {
  const { target } = write;
  if (target?.source.kind !== 'relation') return 'no';
  const { relation: named } = target.source.view;
  if (named.persistence === 't') return hasCheckedColumn(context.catalog, named) ? 'at-once' : 'no';
  const relation = tableBehind(named, context.catalog);
  if (!relation) return 'at-commit';
  // INVARIANT 172: WITH CHECK OPTION asks of each new row what its view asks, and that may ask about anyone.
  const isAsked = isChecked(context, write, named) || (named.kind === 'v' && context.relations.holds(named));
  return spread(context.catalog, changesOf(write, relation, context.catalog))
    .map((change) => failsByChange(context, change))
    .reduce(moreSevere, isAsked ? 'at-once' : 'no');
}

/** `filled`: columns that get values which the client does not give. */
interface Filled {
  readonly write: Write;
  readonly filled: ReadonlySet<string>;
}

/**
 * INVARIANT 241: whether it locks, changes or deletes rows that are about no person, by foreign keys: other statements see which, and its tag does not
 * count them. INVARIANT 212: or locks rows of other people, or takes away what others may refer to: who refers to it waits, and pays nothing.
 * @param own its rows contain data of their own people only, and keep their keys.
 */
export function reachesOthers(context: ConstraintContext, { write, filled }: Filled, own: boolean): boolean {
  const { catalog, relations } = context;
  const relation = tableOf(write, catalog);
  if (!relation) return false;
  const locks = (table: Relation): readonly ForeignKey[] =>
    table.foreignKeys.filter((key) => {
      const to = catalog.relationsByOid.get(key.relation);
      return !to || isOther(relations, to) || !(own && isTied(context, table, key, to));
    });
  if (isFilled(catalog, { write, filled }, locks)) return true;
  const isReferredTo = ({ relation: changed, names, removes }: Change): boolean =>
    removes && relatedTo(changed, catalog).some(({ key }) => key && isAmong(changed, key.referenced, names));
  return (
    !isOther(relations, relation) &&
    spread(catalog, changesOf(write, relation, catalog)).some(
      (change) => isOther(relations, change.relation) || isReferredTo(change),
    )
  );
}

/** A row is about the same people as the one that it refers to if it has keys, and each is tied to one there. */
function isTied(
  { relations }: ConstraintContext,
  one: Relation,
  { columns, referenced }: ForeignKey,
  to: Relation,
): boolean {
  const keys = [...relations.of(one).keys];
  const isKeyThere = (key: string): boolean =>
    columns.some(
      (attnum, i) => nameOf(one, attnum) === key && relations.of(to).keys.has(nameOf(to, referenced[i] ?? 0)),
    );
  return keys.length > 0 && keys.every(isKeyThere);
}

/** Whether it is about no person, or not known. */
function isOther(relations: SubjectRelations, relation: Relation | undefined): boolean {
  return !relation || !relations.holds(relation);
}

/**
 * Whether other sessions or COMMIT can tell if a row of ON CONFLICT DO UPDATE is new: by foreign keys, of which others are checked then, and which then
 * pass nothing on to rows about no person.
 */
export function showsConflict(context: ConstraintContext, write: Write): boolean {
  const { catalog, relations } = context;
  const relation = tableOf(write, catalog);
  if (!relation) return true;
  const changes = spread(catalog, changesOf({ ...write, events: ['update'] }, relation, catalog));
  return changes.some(
    ({ relation: { foreignKeys }, relation: changed }) =>
      isOther(relations, changed) || !foreignKeys || foreignKeys.some((key) => showsCheck(context, key)),
  );
}

/** Whether a check of a foreign key to rows about no person can be told later: it is put off, or the role may find these rows locked, by whatever it does. */
function showsCheck({ role, catalog, relations }: ConstraintContext, { relation, deferrable }: ForeignKey): boolean {
  const table = catalog.relationsByOid.get(relation);
  if (!table || relations.holds(table)) return !table;
  const family = new Set([table, ...descendants(catalog, table)]);
  const finds = ({ relation: granted, system, select, update, delete: removes }: RelationGrant): boolean => {
    if (select?.columns.has('xmax') && family.has(granted)) return true;
    if (system || !(update || removes)) return false;
    const written = tableBehind(granted, catalog);
    if (!written) return true;
    return spread(catalog, [{ relation: written, writes: true, removes: true }]).some((one) =>
      family.has(one.relation),
    );
  };
  return deferrable || [...role.relations.values()].some(finds);
}

/**
 * INVARIANT 195: whether foreign keys pass a change on to people who are neither given nor named, and these show it: they pass it on to rows about no
 * person, or lock such rows.
 */
export function passesByPeople(context: ConstraintContext, write: Write): boolean {
  const { catalog, relations } = context;
  const first = tableOf(write, catalog);
  if (!first) return false;
  const steps = changesOf(write, first, catalog).map((change) => ({ change, unpaid: false }));
  const known = new Set<string>();
  for (const { change, unpaid } of steps)
    for (const { other, key } of relatedTo(change.relation, catalog)) {
      const passed = key ? passedOn(other, key, change, catalog) : [partOf(other, change)];
      const isOwn = key && isTied(context, other, key, change.relation);
      const isUnpaid = unpaid || (key !== undefined && !isOther(relations, other) && !isOwn);
      for (const next of passed) {
        if (isUnpaid && (isOther(relations, other) || (key && looksUpOthers(next, key)))) return true;
        const name = `${other.oid};${isUnpaid};${next.writes};${[...(next.names ?? '*')].join()}`;
        if (!known.has(name)) steps.push({ change: next, unpaid: isUnpaid });
        known.add(name);
      }
    }
  return false;

  /** The foreign key itself leads to a row that was changed, but where its columns take their defaults. A person's key gives a row to another. */
  function looksUpOthers({ relation, names, writes }: Change, key: ForeignKey): boolean {
    if (writes && [...relations.of(relation).keys].some((name) => names?.has(name) !== false)) return true;
    const defaults = [key.onUpdate, key.onDelete].includes('d');
    const found = relation.foreignKeys.filter((one) =>
      one === key ? defaults : isAmong(relation, one.columns, names),
    );
    return writes && found.some((one) => isOther(relations, catalog.relationsByOid.get(one.relation)));
  }
}

/** What a foreign key does to rows that refer to changed ones. */
function passedOn(other: Relation, key: ForeignKey, change: Change, catalog: Catalog): Change[] {
  if (!change.removes || !isAmong(change.relation, key.referenced, change.names)) return [];
  const action = change.writes ? key.onUpdate : key.onDelete;
  if (action === 'a' || action === 'r') return [];
  const columns = new Set(key.columns.map((attnum) => nameOf(other, attnum)));
  const set = { relation: other, names: changedColumns(other, columns, catalog), writes: true, removes: true };
  const gone = { relation: other, writes: false, removes: true };
  return [action === 'c' && !change.writes ? gone : set];
}

/**
 * INVARIANT 247: whether other sessions meet its new values before it has ended, as one waits for the other at a unique index: they are paid by the tag,
 * and where too few are left, it is undone too late. INVARIANT 211: rows of their own people and persons' keys are no exception: who waits and then
 * writes pays nothing. A constant makes a key with what its row has beside it.
 */
export function meetsOthers({ catalog }: ConstraintContext, { write, filled }: Filled): boolean {
  const target = tableOf(write, catalog);
  // A unique index of the whole holds what rows move by.
  const mayMove = write.events.includes('update') && target?.kind === 'p' && target.uniqueIndexes.length === 0;
  return isFilled(catalog, { write, filled: new Set([...filled, ...write.sets]) }, ({ uniqueIndexes }) =>
    mayMove && uniqueIndexes.length > 0 ? [{ columns: [0] }] : uniqueIndexes,
  );
}

/** Whether it fills columns of a key of its table, or of a part of that. */
function isFilled(
  catalog: Catalog,
  { write, filled }: Filled,
  keysOf: (table: Relation) => readonly { readonly columns: readonly number[] }[],
): boolean {
  const relation = tableOf(write, catalog);
  if (!relation || filled.size === 0) return false;
  const isNamed = write.target?.source.kind === 'relation' && relation === write.target.source.view.relation;
  const names = isNamed ? changedColumns(relation, filled, catalog) : undefined;
  return [relation, ...descendants(catalog, relation)].some((table) =>
    keysOf(table).some(({ columns }) => isAmong(table, columns, names)),
  );
}

/** undefined: not known, or the session's own. */
function tableOf({ target }: Write, catalog: Catalog): Relation | undefined {
  const named = target?.source.kind === 'relation' ? target.source.view.relation : undefined;
  return named?.persistence === 't' ? undefined : named && tableBehind(named, catalog);
}

/** What happens to rows of a table. */
interface Change {
  readonly relation: Relation;
  /** Columns that it concerns; absent: all. */
  readonly names?: ReadonlySet<string> | undefined;
  /** There are new values. */
  readonly writes: boolean;
  /** Old ones go. */
  readonly removes: boolean;
}

/** `relation`: the table that it writes in the end. */
function changesOf({ target, events, sets }: Write, relation: Relation, catalog: Catalog): Change[] {
  const named = target?.source.kind === 'relation' ? target.source.view.relation : undefined;
  return events.map((event) => {
    // Through a view every column may be written, under whatever name.
    const names = event === 'update' && relation === named ? changedColumns(relation, sets, catalog) : undefined;
    return { relation, names, writes: event !== 'delete', removes: event !== 'insert' };
  });
}

/**
 * INVARIANT 158: a change with all that may follow from it. Foreign keys pass a change on to other tables, whatever those hold (which of them do is not
 * read); a table's rows are those of its partitions and children, which have constraints of their own, and a row may move from one to another.
 */
function spread(catalog: Catalog, first: readonly Change[]): readonly Change[] {
  const changes = [...first];
  const known = new Set<string>();
  for (const { relation, names, ...change } of changes)
    for (const { other, key } of relatedTo(relation, catalog)) {
      if (key && !(change.removes && isAmong(relation, key.referenced, names))) continue;
      const next = key
        ? { relation: other, writes: true, removes: change.removes }
        : partOf(other, { relation, names, ...change });
      const name = `${other.oid};${String(next.names)};${next.writes};${next.removes}`;
      if (!known.has(name)) changes.push(next);
      known.add(name);
    }
  return changes;
}

/** A row of a partitioned table may move to another partition, whatever changes. */
function partOf(part: Relation, { relation, names, ...change }: Change): Change {
  return { relation: part, ...change, ...(relation.kind !== 'p' && { names }) };
}

interface Related {
  readonly other: Relation;
  /** By which it refers to the table; absent: it is a partition, or inherits from it. */
  readonly key?: ForeignKey;
}

const related = new WeakMap<Catalog, Map<Oid, Related[]>>();

function relatedTo({ oid }: Relation, catalog: Catalog): readonly Related[] {
  const found = related.get(catalog) ?? new Map<Oid, Related[]>();
  if (!related.has(catalog)) {
    related.set(catalog, found);
    const put = (to: Oid, one: Related): void => {
      const list = found.get(to);
      if (list) list.push(one);
      else found.set(to, [one]);
    };
    for (const other of catalog.data.relations) {
      for (const key of other.foreignKeys) put(key.relation, { other, key });
      for (const parent of other.parents) put(parent, { other });
    }
  }
  return found.get(oid) ?? [];
}

function failsByChange({ catalog, relations }: ConstraintContext, change: Change): CanFail {
  const { relation, names, writes, removes } = change;
  const { uniqueIndexes, foreignKeys } = relation;
  // A table that is not known may hold data of people.
  const holds = (other: Relation | undefined): boolean => !other || relations.holds(other);
  const own = [
    // A number of the row's own sequence is no exception: a role may set it, and others may have given rows numbers that it comes to.
    ...(relations.holds(relation) ? uniqueIndexes : []),
    ...foreignKeys.filter((key) => holds(catalog.relationsByOid.get(key.relation))),
  ];
  const met = [
    ...own.filter(({ columns }) => writes && isAmong(relation, columns, names)),
    ...relatedTo(relation, catalog).flatMap(({ other, key }) =>
      key && removes && holds(other) && isAmong(relation, key.referenced, names) ? [key] : [],
    ),
  ];
  if (met.some(({ deferrable }) => deferrable)) return 'at-commit';
  const isAsked = writes && (hasReadingCheck(catalog, relation) || hasCheckedColumn(catalog, relation));
  return isAsked || met.length > 0 ? 'at-once' : 'no';
}

function hasCheckedColumn(catalog: Catalog, { columns }: Relation): boolean {
  return isCheckedByData(
    catalog,
    columns.map(({ type }) => type),
  );
}

/** Whether one of the columns is among those; an expression is among any. */
function isAmong(relation: Relation, columns: readonly number[], names: ReadonlySet<string> | undefined): boolean {
  if (!names) return true;
  return names.size > 0 && columns.some((attnum) => attnum === 0 || names.has(nameOf(relation, Math.abs(attnum))));
}

/** The table that a write to a view changes in the end; undefined if a trigger or rule may change anything. */
function tableBehind(relation: Relation, catalog: Catalog): Relation | undefined {
  let at: Relation | undefined = relation;
  while (at?.kind === 'v') {
    const isOwn: boolean = at.rules.length === 0 && at.rowTriggers.length === 0;
    at = isOwn && at.view?.writes ? catalog.relationsByOid.get(at.view.writes.base) : undefined;
  }
  return at;
}

/** Whether the policy's conditions on rows are asked of what is written. */
function isChecked({ role }: ConstraintContext, { events }: Write, { oid }: Relation): boolean {
  const grant = role.relations.get(oid);
  const conditions = [grant?.insert, grant?.update, grant?.select].flatMap((one) => one?.conditions ?? []);
  return conditions.length > 0 && events.some((event) => event !== 'delete');
}

function nameOf({ columns }: Relation, attnum: number): string {
  return columns.find((column) => column.attnum === attnum)?.name ?? '';
}
