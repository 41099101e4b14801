/** Builds the second wall of a role from its policy: column rights, row filters, views for masks, and notes about what the server cannot enforce. */

import { grantsOfTables, type Principal, type RelationGrant, type RolePolicy } from '../policy/model/policy.ts';
import type { Catalog, Fn, Oid, Relation } from '../sql/catalog/catalog.ts';
import { maskViews } from './mask-views.ts';
import { type Needed, neededBy } from './needed.ts';
import { notesOf } from './notes.ts';
import { rowFilters } from './row-filters.ts';
import { ownSchema, type RawColumn, type SequenceRights, type TableRights, type Wall, type WallKind } from './wall.ts';

export interface WallSource {
  readonly role: RolePolicy;
  readonly account: string;
  readonly kind: WallKind;
  /** All of the role, or those that use this account. */
  readonly principals: readonly Principal[];
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
  readonly settings: ReadonlyMap<string, string>;
}

/** `role` must be restricted, enforced and without errors: other roles have no wall. */
export function buildWall(source: WallSource): Wall {
  const { role, account, kind, principals, catalog, searchPath, settings } = source;
  const grants = grantsOfTables(role);
  const needed = neededBy(grants, kind, role.minGroup !== undefined);
  const { filters, checks, unknown } = rowFilters(grants, needed, { account, kind, principals });
  const { views, unfiltered, personal } = maskViews(grants, kind, principals, searchPath);
  const functions = [...role.functions].flatMap((oid) => catalog.functionsByOid.get(oid) ?? []);
  const called = kind === 'guard' ? calledBy(grants) : [];
  // For LOCK TABLE: before PostgreSQL 17 it needs a right on the whole table.
  const maintain = kind === 'guard' && role.statements.has('lock') && catalog.data.serverVersion >= 170000;
  const tables = tableRights(grants, needed, kind, maintain);
  const allFunctions = [...new Map([...functions, ...called].map((fn) => [fn.oid, fn])).values()];
  return {
    role: role.name,
    account,
    kind,
    database: catalog.data.database,
    principals: principals.map(({ name }) => name).sort(),
    schemas: schemasOf(tables, allFunctions, source, views.length > 0),
    tables: tables.filter(({ relation }) => relation.kind !== 'S'),
    sequences: sequenceRights(grants, catalog),
    temporary: kind === 'guard' && (role.temporary?.size ?? 0) > 0,
    functions: allFunctions,
    filters,
    checks,
    views,
    settings,
    // Unqualified names then resolve to the mask views first.
    ownPath: [...(views.length > 0 ? [ownSchema({ account })] : []), ...searchPath],
    searchPath,
    raw: rawColumns(grants, needed),
    notes: notesOf({ role, kind, grants, needed, unknown, unfiltered, personal, functions, catalog }),
  };
}

function tableRights(
  grants: readonly RelationGrant[],
  needed: ReadonlyMap<Oid, Needed>,
  kind: WallKind,
  maintain: boolean,
): TableRights[] {
  const byOid = new Map(grants.map((grant) => [grant.relation.oid, grant]));
  const relations = new Map(
    [...grants.map(({ relation }) => relation), ...[...needed.values()].map((n) => n.relation)].map((r) => [r.oid, r]),
  );
  return [...relations.values()]
    .sort((a, b) => a.oid - b.oid)
    .map((relation) => {
      const grant = byOid.get(relation.oid);
      // The server cannot filter rows of a relation without row security: a direct account reads it only through its view.
      const hidden = kind === 'direct' && !isTable(relation) && (grant?.select?.conditions.length ?? 0) > 0;
      const read = new Set(hidden ? [] : needed.get(relation.oid)?.columns.keys());
      return {
        relation,
        select: inOrder(relation, read),
        insert: inOrder(relation, grant?.insert?.columns ?? new Set()),
        update: inOrder(relation, grant?.update?.columns ?? new Set()),
        delete: grant?.delete !== undefined,
        maintain: maintain && grant !== undefined && isTable(relation),
      };
    });
}

function isTable({ kind }: Relation): boolean {
  return kind === 'r' || kind === 'p';
}

/** In the table's order, then system columns, which the table does not list. */
function inOrder(relation: Relation, names: ReadonlySet<string>): string[] {
  const own = relation.columns.map(({ name }) => name);
  return [...own.filter((name) => names.has(name)), ...[...names].filter((name) => !own.includes(name)).sort()];
}

/** Functions that filters and masks call: they run in Rowgate's statements, with the account's rights. */
function calledBy(grants: readonly RelationGrant[]): Fn[] {
  const needs = grants.flatMap(({ select, insert, update, delete: remove }) => [
    ...[select, insert, update, remove].flatMap((command) => command?.conditions.map((c) => c.needs) ?? []),
    ...[...(select?.columns.values() ?? [])].map(({ maskNeeds }) => maskNeeds),
  ]);
  return needs.flatMap((of) => of?.functions ?? []);
}

const PRIVILEGES = { usage: 'USAGE', select: 'SELECT', update: 'UPDATE' } as const;

function sequenceRights(grants: readonly RelationGrant[], catalog: Catalog): SequenceRights[] {
  const rights = new Map<Relation, Set<SequenceRights['privileges'][number]>>();
  const add = (relation: Relation, privilege: SequenceRights['privileges'][number]): void => {
    const known = rights.get(relation) ?? new Set();
    rights.set(relation, known.add(privilege));
  };
  for (const { relation, select, insert, sequence } of grants) {
    for (const right of sequence ?? []) add(relation, PRIVILEGES[right]);
    if (relation.kind === 'S' && select && !sequence) {
      add(relation, 'SELECT');
      add(relation, 'USAGE');
    }
    // A default calls nextval with the rights of the account that inserts.
    for (let at = insert && relation; at; at = catalog.relationsByOid.get(at.view?.writes?.base ?? 0))
      for (const sequence of drawnBy(at, catalog)) add(sequence, 'USAGE');
  }
  return [...rights].map(([relation, privileges]) => ({ relation, privileges: [...privileges].sort() }));
}

function drawnBy(relation: Relation, catalog: Catalog): Relation[] {
  const reaches = (catalog.data.reaches ?? []).filter(({ kind, of }) => kind === 'default' && of === relation.oid);
  // Inserting into an identity column needs no right on its sequence; calling nextval or currval by name does.
  const owned = catalog.data.relations.filter(
    ({ kind, ownedBy }) => kind === 'S' && ownedBy?.relation === relation.oid,
  );
  const drawn = reaches
    .flatMap(({ reads }) => reads.map((read) => catalog.relationsByOid.get(read.relation)))
    .filter((found): found is Relation => found?.kind === 'S');
  return [...owned, ...drawn];
}

function schemasOf(
  tables: readonly TableRights[],
  functions: readonly Fn[],
  source: WallSource,
  hasViews: boolean,
): string[] {
  const { catalog, searchPath, account, role } = source;
  const types = tables.flatMap(({ relation }) =>
    relation.columns.map(({ type }) => catalog.typesByOid.get(type)?.schema),
  );
  // Rowgate allows operators and functions of extensions by name, whichever schema holds the extension.
  const extensions = catalog.data.functions.filter(({ extension }) => extension !== '').map(({ schema }) => schema);
  const collations = catalog.data.collations.filter(({ oid }) => role.collations?.has(oid));
  const named = [...(role.grantedTypes ?? [])].map((oid) => catalog.typesByOid.get(oid)?.schema);
  const all = [
    ...tables.map(({ relation }) => relation.schema),
    ...functions.map(({ schema }) => schema),
    ...types,
    ...extensions,
    ...named,
    ...collations.map(({ schema }) => schema),
    ...searchPath,
  ];
  const known = all.filter(
    (schema) =>
      schema !== undefined && schema !== 'pg_catalog' && schema !== 'information_schema' && catalog.hasSchema(schema),
  );
  return [...new Set([...known, ...(hasViews ? [ownSchema({ account })] : [])])].sort() as string[];
}

function rawColumns(grants: readonly RelationGrant[], needed: ReadonlyMap<Oid, Needed>): RawColumn[] {
  const seen = new Map(grants.map(({ relation, select }) => [relation.oid, select?.columns]));
  return [...needed.values()].flatMap(({ relation, columns }) =>
    [...columns].flatMap(([column, by]): RawColumn[] => {
      const grant = seen.get(relation.oid)?.get(column);
      if ((grant && !grant.mask) || column === 'tableoid') return [];
      return [{ relation, column, readBy: [...by].filter((reader) => reader !== '') }];
    }),
  );
}
