/** Which constraints of a write can fail in a way that discloses existing rows: unique and exclusion, foreign keys, and the policy's own. */
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Catalog, Oid, Relation } from '../../sql/catalog/catalog.ts';
import type { ForeignKey, ViewWrites } from '../../sql/catalog/objects.ts';
import type { Disclosure } from './disclosure.ts';
import { hasReadingCheck, isCheckedByData, type SubjectRelations } from './subject-relations.ts';
import { insertedColumns } from './written-columns.ts';

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
  const { target, events } = write;
  if (target?.source.kind !== 'relation') return 'no';
  const { relation: named } = target.source.view;
  if (named.persistence === 't') return hasCheckedColumn(context.catalog, named) ? 'at-once' : 'no';
  const relation = tableBehind(named, context.catalog);
  if (!relation) return 'at-commit';
  // Through a view every column may be written, under whatever name.
  const all = relation === named ? undefined : namesOf(relation);
  const changes = spread(context.catalog, {
    relation,
    inserted: events.includes('insert') ? (all ?? insertedColumns(write, relation)) : undefined,
    set: events.includes('update') ? (all ?? write.sets) : NO_NAMES,
    deletes: events.includes('delete'),
  });
  const constraints = changes.map((change) => failsByChange(context, change)).reduce(moreSevere, 'no');
  const isAsked = isChecked(context, write, named) || isCheckedByView(context, named);
  return moreSevere(constraints, isAsked ? 'at-once' : 'no');
}

/** What happens to rows of a table. */
interface Change {
  readonly relation: Relation;
  /** Columns that new rows are given; absent if there are none. */
  readonly inserted?: ReadonlySet<string> | undefined;
  readonly set: ReadonlySet<string>;
  readonly deletes: boolean;
}

const NO_NAMES: ReadonlySet<string> = new Set();

/**
 * INVARIANT 158: a change with all that may follow from it. Foreign keys pass a change on to other tables, whatever those hold (which of them do is not
 * read); a table's rows are those of its partitions and children, which have constraints of their own, and a row may move from one to another.
 */
function spread(catalog: Catalog, first: Change): readonly Change[] {
  const changes = [first];
  const known = new Set<string>();
  const add = (change: Change): void => {
    const { relation, inserted, set, deletes } = change;
    const name = [relation.oid, inserted && [...inserted], [...set], deletes].join(';');
    if (!known.has(name)) changes.push(change);
    known.add(name);
  };
  for (const change of changes) {
    const { relation, set, deletes } = change;
    for (const child of relatedIn(catalog).children.get(relation.oid) ?? []) {
      const moves = relation.kind === 'p' && set.size > 0;
      add(moves ? { relation: child, inserted: namesOf(child), set, deletes: true } : { ...change, relation: child });
    }
    for (const { other, key } of relatedIn(catalog).referring.get(relation.oid) ?? [])
      if (deletes || isAmong(relation, key.referenced, set))
        add({ relation: other, set: new Set(key.columns.map((attnum) => nameOf(other, attnum))), deletes });
  }
  return changes;
}

interface Reference {
  readonly other: Relation;
  readonly key: ForeignKey;
}

interface Related {
  /** Foreign keys by the table that they refer to. */
  readonly referring: ReadonlyMap<Oid, readonly Reference[]>;
  /** Partitions, and tables that inherit. */
  readonly children: ReadonlyMap<Oid, readonly Relation[]>;
}

const related = new WeakMap<Catalog, Related>();

function relatedIn(catalog: Catalog): Related {
  let found = related.get(catalog);
  if (!found) {
    const referring = new Map<Oid, Reference[]>();
    const children = new Map<Oid, Relation[]>();
    for (const other of catalog.data.relations) {
      for (const key of other.foreignKeys ?? []) put(referring, key.relation, { other, key });
      for (const parent of other.parents) put(children, parent, other);
    }
    found = { referring, children };
    related.set(catalog, found);
  }
  return found;
}

function put<T>(map: Map<Oid, T[]>, key: Oid, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function failsByChange(context: ConstraintContext, { relation, inserted, set, deletes }: Change): CanFail {
  const { catalog, relations } = context;
  const { uniqueIndexes, foreignKeys } = relation;
  // Of a catalog that does not say which there are, each may be, and deferred.
  if (!uniqueIndexes || !foreignKeys) return 'at-commit';
  const met: boolean[] = [];
  if (relations.holds(relation))
    // A number of the row's own sequence is no exception: a role may set it, and others may have given rows numbers that it comes to.
    for (const { columns, deferrable } of uniqueIndexes)
      if (inserted || isAmong(relation, columns, set)) met.push(deferrable);
  for (const key of foreignKeys) {
    const other = catalog.relationsByOid.get(key.relation);
    if (other && !relations.holds(other)) continue;
    if ((inserted && isAmong(relation, key.columns, inserted)) || isAmong(relation, key.columns, set))
      met.push(key.deferrable);
  }
  for (const { other, key } of relatedIn(catalog).referring.get(relation.oid) ?? [])
    if (relations.holds(other) && (deletes || isAmong(relation, key.referenced, set))) met.push(key.deferrable);
  if ((inserted || set.size > 0) && (hasReadingCheck(catalog, relation) || hasCheckedColumn(catalog, relation)))
    met.push(false);
  return met.includes(true) ? 'at-commit' : met.length > 0 ? 'at-once' : 'no';
}

function hasCheckedColumn(catalog: Catalog, { columns }: Relation): boolean {
  return isCheckedByData(
    catalog,
    columns.map(({ type }) => type),
  );
}

/** Whether one of the columns is among those; an expression always is. */
function isAmong(relation: Relation, columns: readonly number[], names: ReadonlySet<string>): boolean {
  return names.size > 0 && columns.some((attnum) => attnum === 0 || names.has(nameOf(relation, Math.abs(attnum))));
}

function namesOf({ columns }: Relation): ReadonlySet<string> {
  return new Set(columns.map(({ name }) => name));
}

/** The table that a write to a view changes in the end; undefined if a trigger or rule may change anything. */
function tableBehind(relation: Relation, catalog: Catalog): Relation | undefined {
  let at: Relation | undefined = relation;
  while (at?.kind === 'v') {
    const isOwn: boolean = at.rules?.length === 0 && at.rowTriggers?.length === 0;
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

/** INVARIANT 172: WITH CHECK OPTION asks of each new row what its view asks, and that may ask about anyone. */
function isCheckedByView({ catalog, relations }: ConstraintContext, named: Relation): boolean {
  for (let at: Relation | undefined = named; at?.kind === 'v'; ) {
    const writes: ViewWrites | null | undefined = at.view?.writes;
    if (writes?.check !== 'none' && relations.holds(at)) return true;
    at = writes ? catalog.relationsByOid.get(writes.base) : undefined;
  }
  return false;
}

function nameOf({ columns }: Relation, attnum: number): string {
  return columns.find((column) => column.attnum === attnum)?.name ?? '';
}

/** Names of the columns of each unique key of a relation. */
export function uniqueKeys(relation: Relation, catalog: Catalog): string[][] {
  // An index of a table says nothing of the rows of those that inherit from it; that of a partitioned one does.
  const inherited = catalog.data.relations.some(({ parents }) => parents.includes(relation.oid));
  if (inherited && relation.kind !== 'p') return [];
  const found = (relation.uniqueIndexes ?? []).filter(({ whole, deferrable }) => whole && !deferrable);
  const names = (columns: readonly number[]) =>
    columns.map((attnum) => relation.columns.find((column) => column.attnum === attnum)?.name ?? '');
  return found.map(({ columns }) => names(columns)).filter((key) => key.length > 0 && !key.includes(''));
}
