/** Resolves a RangeVar: a CTE that is visible here, or a relation of the catalog as the role sees it. */
import type { Column, Oid, Relation } from '../catalog/catalog.ts';
import type { Body, Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import { declaredCollation } from './collation.ts';
import { aliasColumns, enter } from './entries.ts';
import { reaches } from './levels.ts';
import type {
  Cte,
  CteScope,
  QueryLevel,
  RangeTableColumn,
  RangeTableEntry,
  RangeTableSource,
  RelationView,
  Writing,
} from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** Adds it to the level; undefined if there is no such relation. `writing`: the action on it, if it is the statement's target. */
export function resolveRangeVar(
  r: Resolver,
  node: Node,
  level: QueryLevel,
  writing?: Writing,
): RangeTableEntry | undefined {
  const body = as(node, 'RangeVar')!;
  r.read.add(body);
  const at = r.at(body.location);
  const cte = body.schemaname || writing ? undefined : findCte(level.ctes, body.relname ?? '');
  if (cte) return enterCte(r, cte, node, body, level, at);
  const relation = findRelation(r, body, at);
  if (!relation) return undefined;
  if (!writing) r.uses.push({ kind: 'relation', relation, action: 'select', at });
  const view = (writing ? r.env.targetOf?.(relation, writing) : r.env.viewOf(relation)) ?? hidden(relation);
  const use = writing ? 'target' : 'read';
  const source: RangeTableSource = { kind: 'relation', view, node, use };
  const all: RangeTableColumn[] = view.columns.map((c) => ({
    name: c.column.name,
    type: c.column.type,
    leaky: c.leaky,
    collation: collationOf(r, c.column),
    // A target is sent without masks: its masked columns are withheld.
    access: writing && c.masked ? 'withheld' : c.access,
    catalog: view.system && !c.masked,
    implicit: c.column.attnum < 0,
  }));
  const alias = body.alias;
  const entry = enter(
    r,
    level,
    {
      name: alias?.aliasname ?? relation.name,
      schema: alias ? undefined : relation.schema,
      columns: aliasColumns(r, all, alias, at),
      source,
      ...(!writing && view.guarded && { prefix: r.newPrefix() }),
    },
    at,
  );
  if (view.hides !== 'no') entry.guard = r.newGuard(entry);
  r.marks.relations.push({ node, entry, level });
  return entry;
}

/** The CTE of that name, if one is visible; the innermost. */
function findCte(ctes: CteScope | undefined, name: string): Cte | undefined {
  for (let scope = ctes; scope; scope = scope.outer) {
    const cte = scope.byName.get(name);
    if (cte) return cte;
  }
  return undefined;
}

function collationOf(r: Resolver, column: Column): Oid | undefined {
  const collation = declaredCollation(column);
  if (collation !== undefined) r.collations = true;
  return collation;
}

/** A relation that was not granted: every column withheld. The policy refuses the relation itself. */
function hidden(relation: Relation): RelationView {
  return {
    relation,
    columns: relation.columns.map((column) => ({ column, access: 'withheld', masked: false, leaky: true })),
    guarded: true,
    hides: 'scan',
    system: false,
  };
}

function findRelation(r: Resolver, body: Body<'RangeVar'>, at: number): Relation | undefined {
  const { catalog, searchPath } = r.env;
  const name = body.relname ?? '';
  if (body.catalogname && body.catalogname !== catalog.data.database) {
    r.refuse(
      'unsupported',
      '0A000',
      `cross-database references are not implemented: "${body.catalogname}.${body.schemaname}.${name}"`,
      at,
    );
    return undefined;
  }
  const temporary =
    body.schemaname === undefined || body.schemaname === 'pg_temp' ? r.env.temporary?.(name) : undefined;
  if (temporary) return temporary;
  const schemas = body.schemaname ? [body.schemaname] : ['pg_catalog', ...searchPath];
  for (const schema of schemas) {
    const relation = catalog.relation(schema, name);
    if (!relation) continue;
    if ('rpvmfS'.includes(relation.kind)) return relation;
    r.refuse('relation-unknown', '42809', `cannot open relation "${name}"`, at);
    return undefined;
  }
  const shown = body.schemaname ? `${body.schemaname}.${name}` : name;
  r.refuse('relation-unknown', '42P01', `relation "${shown}" does not exist`, at);
  return undefined;
}

function enterCte(
  r: Resolver,
  cte: Cte,
  node: Node,
  body: Body<'RangeVar'>,
  level: QueryLevel,
  at: number,
): RangeTableEntry {
  if (cte.state === 'named') cte.read();
  if (cte.level?.kind === 'write' && cte.level.outputs.length === 0)
    r.refuse('unsupported', '0A000', `WITH query "${cte.name}" does not have a RETURNING clause`, at);
  if (!cte.columns)
    r.refuse(
      'unsupported',
      '42P19',
      `recursive reference to query "${cte.name}" must not appear within its non-recursive term`,
      at,
    );
  // As in PostgreSQL, an alias names none of the columns that SEARCH and CYCLE add, and a query below has them in no star.
  const isHome = cte.state === 'read' && level.select === cte.home;
  const extra = isHome ? cte.extra : cte.extra.map((column) => ({ ...column, starless: true }));
  const columns = [...aliasColumns(r, cte.columns ?? [], body.alias, at), ...extra];
  const entry = enter(
    r,
    level,
    {
      name: body.alias?.aliasname ?? cte.name,
      schema: undefined,
      columns,
      source: { kind: 'cte', cte, node },
    },
    at,
  );
  if (cte.state === 'reading') {
    // Whether it reaches hidden rows is known only when all of it is read.
    entry.guard = r.newGuard(entry);
    cte.recursions.push(entry);
  } else if (cte.level && reaches(cte.level)) entry.guard = r.newGuard(entry);
  r.marks.cteReferences.push({ node, entry, level });
  return entry;
}
