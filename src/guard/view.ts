/** How a role sees a relation: its grant, in the terms of name resolution. */
import type { Condition, RelationGrant, RolePolicy, WriteGrant } from '../policy/model/policy.ts';
import type { RelationView } from '../sql/analyze/analyze.ts';
import type { Writing } from '../sql/analyze/range-table.ts';
import type { Relation } from '../sql/catalog/catalog.ts';

/** undefined: the role may not read the relation at all. */
export function viewOf(role: RolePolicy, relation: Relation): RelationView | undefined {
  const grant = role.relations.get(relation.oid);
  return grant?.select ? viewOfGrant(grant, relation) : undefined;
}

/** How a role sees a relation that a statement of its writes. */
export function targetOf(role: RolePolicy, relation: Relation, writing: Writing): RelationView {
  const grant = role.relations.get(relation.oid);
  const view = grant?.select
    ? viewOfGrant(grant, relation)
    : {
        relation,
        columns: relation.columns.map((column) => ({
          column,
          access: 'withheld' as const,
          masked: false,
          leaky: false,
        })),
        guarded: true,
        system: false,
      };
  const hides = grant ? evaluated(reachedRows(grant, writing)) : 'no';
  const through = relation.kind === 'v' ? writeOf(grant, writing)?.through : undefined;
  if (through?.kind === 'open') return { ...view, guarded: false, hides };
  if (through?.kind !== 'held') return { ...view, guarded: view.guarded || hides !== 'no', hides };
  // What the view computes, it computes of rows that are hidden as well.
  const columns = view.columns.map((one) => (through.plain.has(one.column.name) ? one : { ...one, leaky: true }));
  return { ...view, columns, guarded: true, hides: through.fenced ? hides : 'fence' };
}

/** What lets the statement find rows, or else write them. */
function writeOf(grant: RelationGrant | undefined, { command }: Writing): WriteGrant | undefined {
  switch (command) {
    case 'DeleteStmt':
      return grant?.delete;
    case 'UpdateStmt':
      return grant?.update;
    case 'InsertStmt':
      return grant?.insert;
    case 'MergeStmt':
      return grant?.update ?? grant?.delete ?? grant?.insert;
  }
}

/** What rows must fulfil for the statement to find them there; each once. A MERGE finds what may be seen: its branches ask for more. */
export function reachedRows(grant: RelationGrant, { command, events }: Writing): Condition[] {
  if (command === 'InsertStmt' && !events.includes('update')) return [];
  const found = command === 'DeleteStmt' ? grant.delete : command === 'MergeStmt' ? undefined : grant.update;
  return [...new Set([...(grant.select?.conditions ?? []), ...(found?.conditions ?? [])])];
}

const views = new WeakMap<RelationGrant, RelationView>();

/** Made once for each grant and its relation. */
function viewOfGrant(grant: RelationGrant, relation: Relation): RelationView {
  const known = views.get(grant);
  if (known?.relation === relation) return known;
  const select = grant.select!;
  const hides = hidesRows(grant, relation);
  const columns = relation.columns.map((column) => {
    const granted = select.columns.get(column.name);
    return {
      column,
      access: granted ? ('granted' as const) : ('withheld' as const),
      masked: granted?.mask !== undefined,
      // Behind a row filter, a leaky mask is guarded when it is exported. A virtual column runs its expression when it is read.
      leaky: granted?.mask ? granted.maskLeaks === true && hides === 'no' : column.generated === 'v',
    };
  });
  // System columns only if the grant names them; they follow the others and are in no star.
  for (const granted of select.columns.values()) {
    if (granted.column.attnum >= 0) continue;
    columns.push({ column: granted.column, access: 'granted', masked: granted.mask !== undefined, leaky: false });
  }
  // INVARIANT 114: the columns themselves tell what is withheld, whatever the grant says of itself as a whole.
  const withholds = columns.some(({ access, masked }) => access !== 'granted' || masked);
  const guarded = !select.whole || withholds || hides !== 'no';
  const view = { relation, columns, guarded, hides, system: grant.system };
  views.set(grant, view);
  return view;
}

function hidesRows(grant: RelationGrant, relation: Relation): RelationView['hides'] {
  const hides = evaluated(grant.select!.conditions);
  if (relation.kind !== 'v') return hides;
  if (!grant.system) return 'fence';
  // What a system view shows of an object is hidden by its name or number alone. That condition is evaluated where the view joins.
  return hides === 'no' ? 'no' : 'join';
}

function evaluated(conditions: readonly Condition[]): RelationView['hides'] {
  if (conditions.length === 0) return 'no';
  return conditions.some((c) => c.evaluated === 'join') ? 'join' : 'scan';
}
