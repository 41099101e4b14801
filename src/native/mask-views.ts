/**
 * Views that show an account what grants cannot express: masked columns under their own names, and filtered rows of relations without row security.
 */

import type { ColumnGrant, Principal, RelationGrant } from '../policy/model/policy.ts';
import type { Relation } from '../sql/catalog/catalog.ts';
import { quoteName } from '../sql/parse/tree.ts';
import type { Template } from '../sql/text/template.ts';
import { fitName } from './names.ts';
import { canFilter } from './row-filters.ts';
import { qualified } from './sql-text.ts';
import { alikeFor, forAnyOf } from './union.ts';
import type { MaskView, WallKind } from './wall.ts';

export interface MaskViews {
  readonly views: readonly MaskView[];
  /** Relations with withheld rows that the server cannot filter. */
  readonly unfiltered: readonly RelationGrant[];
  /** Columns with a mask that depends on the principal: a view for several principals cannot show them. */
  readonly personal: readonly { readonly relation: Relation; readonly column: string }[];
}

/** Rowgate's own statements name the relations: only an account for direct clients has views. */
export function maskViews(
  grants: readonly RelationGrant[],
  kind: WallKind,
  principals: readonly Principal[],
  searchPath: readonly string[],
): MaskViews {
  const filtered = (grant: RelationGrant): boolean => (grant.select?.conditions.length ?? 0) > 0;
  const views: MaskView[] = [];
  const unfiltered = grants.filter((grant) => kind === 'guard' && !canFilter(grant.relation) && filtered(grant));
  if (kind === 'guard') return { views, unfiltered, personal: [] };
  const personal: { relation: Relation; column: string }[] = [];
  const taken = new Set<string>();
  const inPath = (grant: RelationGrant): number => {
    const at = searchPath.indexOf(grant.relation.schema);
    return at === -1 ? searchPath.length : at;
  };
  for (const grant of [...grants].sort((a, b) => inPath(a) - inPath(b) || a.relation.oid - b.relation.oid)) {
    const { relation, select } = grant;
    const masked = [...(select?.columns.values() ?? [])].some(({ mask }) => mask !== undefined);
    if (!select || !(masked || (!canFilter(relation) && filtered(grant)))) continue;
    // An unqualified name resolves to the first schema that has it; the others keep their schema in the view's name.
    const hides = taken.has(relation.name) || inPath(grant) === searchPath.length;
    const name = fitName(hides ? `${relation.schema}.${relation.name}` : relation.name);
    taken.add(name);
    const columns = [...select.columns.values()].filter(({ column }) => column.attnum > 0); // a view has no system columns
    const shown = columns.flatMap((of) => {
      const sql = shownAs(of, principals);
      if (sql === undefined) personal.push({ relation, column: of.column.name });
      return sql ?? [];
    });
    if (shown.length > 0) views.push({ name, relation, query: viewQuery(grant, shown, principals) });
  }
  return { views, unfiltered, personal };
}

const ROW = 'rowgate_row';

function viewQuery(
  { relation, select }: RelationGrant,
  shown: readonly string[],
  principals: readonly Principal[],
): string {
  const rows = forAnyOf(select?.conditions ?? [], principals).template;
  const where = (select?.conditions.length ?? 0) > 0 ? ` WHERE ${text(rows)}` : '';
  return `SELECT ${shown.join(', ')} FROM ${qualified(relation)} AS ${ROW}${where}`;
}

function shownAs({ column, mask }: ColumnGrant, principals: readonly Principal[]): string | undefined {
  const name = quoteName(column.name);
  if (!mask) return `${ROW}.${name}`;
  const alike = alikeFor(mask, principals);
  return alike && `${text(alike)} AS ${name}`;
}

function text(template: Template): string {
  return template.map((piece) => (typeof piece === 'string' ? piece : ROW)).join('');
}
