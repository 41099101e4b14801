/**
 * The effect of a write to a view on the relations behind it (manual, CREATE VIEW, "Updatable Views"). The server writes there with the rights of the
 * view's owner; so the role's own grants on them are combined with its grant on the view, and both must hold.
 */
import { viewCannotLeak } from '../../sql/analyze/leakproof-views.ts';
import type { Catalog, Oid, Relation, WriteEvent } from '../../sql/catalog/catalog.ts';
import {
  type Condition,
  NOT_UPDATABLE,
  type RelationGrant,
  type WriteGrant,
  type WriteThroughView,
} from '../model/policy.ts';

/** pg_proc: the catalog that contains the trigger functions. */
const PG_PROC = 1255;

interface Context {
  readonly catalog: Catalog;
  /** As they were written, by relation. */
  readonly grants: ReadonlyMap<Oid, RelationGrant>;
  /** That were granted by name. */
  readonly functions: ReadonlySet<Oid>;
}

/** The same grants, in which those that write to views say how. */
export function withWritesThroughViews(
  grants: readonly RelationGrant[],
  functions: ReadonlySet<Oid>,
  catalog: Catalog,
): RelationGrant[] {
  const context: Context = {
    catalog,
    grants: new Map(grants.map((grant) => [grant.relation.oid, grant])),
    functions,
  };
  return grants.map((grant) => {
    if (grant.relation.kind !== 'v') return grant;
    const { insert, update, delete: remove } = grant;
    return {
      ...grant,
      ...(insert && { insert: throughView(grant, 'insert', insert, context) }),
      ...(update && { update: throughView(grant, 'update', update, context) }),
      ...(remove && { delete: throughView(grant, 'delete', remove, context) }),
    };
  });
}

function throughView(grant: RelationGrant, event: WriteEvent, write: WriteGrant, context: Context): WriteGrant {
  const { relation } = grant;
  if (holdsAllBehind(relation, event, context, new Set())) return { ...write, through: { kind: 'open' } };
  const found = relation.rowTriggers.includes(event)
    ? byTrigger(grant, event, write, context)
    : byServer(grant, event, write, context);
  return 'kind' in found ? { ...write, through: found } : found;
}

/** The role holds it whole, for reading and for this event, and so everything that its query reads. */
function holdsAllBehind(relation: Relation, event: WriteEvent, context: Context, seen: Set<Oid>): boolean {
  if (seen.has(relation.oid)) return true;
  seen.add(relation.oid);
  const grant = context.grants.get(relation.oid);
  if (grant?.select?.whole !== true || grant[event]?.whole !== true) return false;
  if (relation.kind !== 'v') return true;
  return (relation.view?.relations ?? [0]).every((oid) => {
    const behind = context.catalog.relationsByOid.get(oid);
    return behind !== undefined && holdsAllBehind(behind, event, context, seen);
  });
}

/** Clients see `why`: it names nothing that the role was not granted. */
function refused(why: string, hint: string): WriteThroughView {
  return { kind: 'refused', why, hint };
}

const WRITE_TABLE = 'Grant the table behind it, and write that.';

/** What a trigger does is its function's affair: that must be granted, as any other function is. No filter reaches the rows that it writes. */
function byTrigger(
  { relation, select }: RelationGrant,
  event: WriteEvent,
  write: WriteGrant,
  { catalog, functions }: Context,
): WriteThroughView {
  const triggers = catalog.data.dependents.filter(
    ({ kind, relation: of }) => kind === 'trigger' && of === relation.oid,
  );
  const called = triggers.map(({ names }) => names.find(([of]) => of === PG_PROC)?.[1]);
  // INVARIANT 116: of a view that a trigger writes, each trigger runs a function that was granted by name.
  if (!called.every((oid) => oid !== undefined && functions.has(oid)))
    return refused('a trigger writes in its place', 'Grant the function of the trigger, by functions: […].');
  if (write.conditions.length > 0 || (select?.conditions.length ?? 0) > 0)
    return refused('its rows are restricted for this role, and a trigger writes in its place', WRITE_TABLE);
  if (event !== 'insert' && !viewCannotLeak(catalog, relation)) return canFail();
  return { kind: 'held', fenced: event === 'insert', plain: namesOf(relation) };
}

function canFail(): WriteThroughView {
  return refused('its query can fail on rows that it hides', WRITE_TABLE);
}

/** From view to view down to the table, with the grants on each. */
function byServer(
  grant: RelationGrant,
  event: WriteEvent,
  write: WriteGrant,
  { catalog, grants }: Context,
): WriteGrant | WriteThroughView {
  const conditions = new Set<Condition>(write.conditions);
  const columns = new Set(write.columns);
  /** Columns of the view, by the name that each has in the relation that was come to. */
  let names = new Map(grant.relation.columns.map(({ name }) => [name, name]));
  let hides = false;
  let leaky = false;
  let fenced = true;
  let isChecked = false;
  let at = grant.relation;
  while (at.kind === 'v') {
    const { view, rules, rowTriggers } = at;
    if (rules.includes(event)) return refused('a rule rewrites it', WRITE_TABLE);
    if (rowTriggers.includes(event)) return refused('a trigger writes in its place', WRITE_TABLE);
    const base = view?.writes && catalog.relationsByOid.get(view.writes.base);
    if (!base || !view.writes.events.includes(event)) return refused(NOT_UPDATABLE, WRITE_TABLE);
    const { filters, barrier, check } = view.writes;
    if (filters) {
      hides = true;
      fenced &&= barrier;
      // INVARIANT 117: if anything behind the view is withheld, no row may leave it through a view that does not check it.
      if (event !== 'delete' && !isChecked && check === 'none')
        return refused(
          'a WHERE that it stands on is not checked',
          'Make the view WITH CHECK OPTION, or grant the table behind it.',
        );
    }
    isChecked ||= check === 'cascaded';
    leaky ||= !viewCannotLeak(catalog, at);
    names = behind(names, at, base, view.writes.columns);
    const own = grants.get(base.oid);
    if (own) {
      const further = own[event];
      if (!further)
        return refused(`role may not ${event} in "${base.name}" behind it`, `Grant ${event} on it as well.`);
      for (const column of columns) if (!further.columns.has(names.get(column) ?? '')) columns.delete(column);
      for (const condition of [...(own.select?.conditions ?? []), ...further.conditions]) {
        // INVARIANT 118: a condition of the table is asked of the view's rows where each column that it reads has its own name there.
        if (condition.reads.some((column) => names.get(column) !== column))
          return refused(
            `rows of "${base.name}" are restricted by a column that the view does not show by its name`,
            'Give the view that column, or grant the table behind it.',
          );
        conditions.add(condition);
      }
    }
    at = base;
  }
  if (at.rules.includes(event)) return refused('a rule rewrites it', WRITE_TABLE);
  // A foreign server says itself which rows it has written.
  if (at.kind !== 'r' && at.kind !== 'p') return refused('no table stands behind it', WRITE_TABLE);
  if (event !== 'insert' && hides && leaky) return canFail();
  const every = event === 'delete' || grant.relation.columns.every(({ name }) => columns.has(name));
  return {
    ...write,
    columns,
    conditions: [...conditions],
    whole: every && conditions.size === 0,
    through: {
      kind: 'held',
      fenced: event === 'insert' || !hides || fenced,
      plain: leaky ? new Set(names.keys()) : namesOf(grant.relation),
    },
  };
}

/** The names of a relation's columns. */
export function namesOf({ columns }: Relation): Set<string> {
  return new Set(columns.map(({ name }) => name));
}

/** The same, one relation further down; without what is computed there. */
function behind(
  names: ReadonlyMap<string, string>,
  view: Relation,
  base: Relation,
  columns: readonly (readonly [number, number])[],
): Map<string, string> {
  const below = new Map(columns);
  const found = new Map<string, string>();
  for (const [shown, name] of names) {
    const attnum = below.get(view.columns.find((column) => column.name === name)?.attnum ?? 0);
    const column = base.columns.find((one) => one.attnum === attnum);
    if (column && column.generated !== 'v') found.set(shown, column.name);
  }
  return found;
}
