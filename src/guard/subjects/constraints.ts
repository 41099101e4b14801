/** Which constraints of a write can fail in a way that discloses existing rows: unique and exclusion, foreign keys, and the policy's own. */
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import type { Disclosure } from './disclosure.ts';
import { readersInChecks, type SubjectRelations } from './subject-relations.ts';
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
  if (named.persistence === 't') return 'no';
  const relation = tableBehind(named, context.catalog);
  const { uniqueIndexes, foreignKeys } = relation ?? {};
  // Of a catalog that does not say which there are, each may be, and deferred.
  if (!relation || !uniqueIndexes || !foreignKeys) return 'at-commit';
  const met: boolean[] = [];
  const [inserts, updates, deletes] = (['insert', 'update', 'delete'] as const).map((event) => events.includes(event));
  // Through a view every column may be written, under whatever name.
  const all = relation === named ? undefined : new Set(relation.columns.map(({ name }) => name));
  const given = inserts ? (all ?? insertedColumns(write, relation)) : new Set<string>();
  const sets = all ?? write.sets;
  const writes = (columns: readonly number[], change: ReadonlySet<string>): boolean =>
    columns.some((attnum) => attnum === 0 || change.has(nameOf(relation, attnum)));
  if (context.relations.holds(relation))
    for (const { columns, deferrable } of uniqueIndexes) {
      const own = inserts && !columns.some((attnum) => isMade(context.catalog, relation, attnum, given));
      if (own || (updates && writes(columns, sets))) met.push(deferrable);
    }
  for (const key of foreignKeys) {
    const other = context.catalog.relationsByOid.get(key.relation);
    if (other && !context.relations.holds(other)) continue;
    if ((inserts && writes(key.columns, given)) || (updates && writes(key.columns, sets))) met.push(key.deferrable);
  }
  for (const other of context.catalog.data.relations)
    for (const key of other.foreignKeys ?? []) {
      if (key.relation !== relation.oid || !context.relations.holds(other)) continue;
      if (deletes || (updates && writes(key.referenced, sets))) met.push(key.deferrable);
    }
  const types = new Set(relation.columns.map(({ type }) => type));
  if (
    (inserts || updates) &&
    readersInChecks(context.catalog, (one) => one.relation === relation.oid || types.has(one.type)).length > 0
  )
    met.push(false);
  const constraints: CanFail = met.includes(true) ? 'at-commit' : met.length > 0 ? 'at-once' : 'no';
  return moreSevere(constraints, isChecked(context, write, named) ? 'at-once' : 'no');
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

/** The column has a number that no other row has: its own identity or sequence makes it, and the statement gives none. */
function isMade(catalog: Catalog, relation: Relation, attnum: number, given: ReadonlySet<string>): boolean {
  const column = relation.columns.find((one) => one.attnum === attnum);
  if (!column || given.has(column.name)) return false;
  if (column.identity !== '') return true;
  return (
    column.hasDefault &&
    catalog.data.relations.some(
      ({ kind, ownedBy }) => kind === 'S' && ownedBy?.relation === relation.oid && ownedBy.column === attnum,
    )
  );
}

/** Whether each row that is given to an INSERT takes a number that others can be told from, also where it is not written. */
export function drawsNumber({ catalog }: Pick<ConstraintContext, 'catalog'>, write: Write): boolean {
  if (write.target?.source.kind !== 'relation') return false;
  const { relation } = write.target.source.view;
  const given = insertedColumns(write, relation);
  return relation.columns.some(({ attnum }) => isMade(catalog, relation, attnum, given));
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
