/** How a role sees a relation: its grant, in the terms of name resolution. */
import type { Condition, RelationGrant, RolePolicy } from '../policy/model/policy.ts';
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
          tells: false,
        })),
        guarded: true,
        system: false,
      };
  const hides = grant ? evaluated(reachedRows(grant, writing)) : 'no';
  return { ...view, guarded: view.guarded || hides !== 'no', hides };
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
      // Behind a row filter a mask that can tell is guarded where it is exported. A virtual column runs its expression where it is read.
      tells: granted?.mask ? granted.maskTells === true && hides === 'no' : column.generated === 'v',
    };
  });
  // System columns only where the grant names them; they stand behind the others and in no star.
  for (const granted of select.columns.values()) {
    if (granted.column.attnum >= 0) continue;
    columns.push({ column: granted.column, access: 'granted', masked: false, tells: false });
  }
  const view = { relation, columns, guarded: !select.whole || hides !== 'no', hides, system: grant.system };
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
