/** The shape of catalog data, checked where it comes in: from a server's answer or from a saved file. */
import { z } from 'zod';
import type { CatalogData } from '../sql/catalog/catalog.ts';

const oid = z.int().min(0).max(4294967295);

const column = z.strictObject({
  attnum: z.int().positive(),
  name: z.string(),
  type: oid,
  typmod: z.int(),
  typeName: z.string(),
  collation: oid,
  notNull: z.boolean(),
  generated: z.enum(['', 's', 'v']),
  identity: z.enum(['', 'a', 'd']),
});

const events = z.array(z.enum(['insert', 'update', 'delete']));

const relation = z.strictObject({
  oid,
  schema: z.string(),
  name: z.string(),
  kind: z.string().length(1),
  persistence: z.enum(['p', 'u', 't']),
  rowType: oid,
  columns: z.array(column),
  primaryKey: z.array(z.int()),
  parents: z.array(oid),
  ofType: oid,
  rowSecurity: z.boolean(),
  rowTriggers: events,
  rules: events,
  constraints: z.array(z.strictObject({ name: z.string(), columns: z.array(z.int()) })),
  uniqueIndexes: z.array(z.strictObject({ columns: z.array(z.int()), whole: z.boolean(), deferrable: z.boolean() })),
  foreignKeys: z.array(
    z.strictObject({
      columns: z.array(z.int()),
      relation: oid,
      referenced: z.array(z.int()),
      deferrable: z.boolean(),
      onUpdate: z.string(),
      onDelete: z.string(),
    }),
  ),
  view: z
    .strictObject({
      nodes: z.array(z.string()),
      operators: z.array(oid),
      relations: z.array(oid),
      functions: z.array(oid),
      writes: z
        .strictObject({
          base: oid,
          columns: z.array(z.tuple([z.int().positive(), z.int().positive()])),
          events,
          filters: z.boolean(),
          barrier: z.boolean(),
          check: z.enum(['none', 'local', 'cascaded']),
        })
        .nullable(),
    })
    .exactOptional(),
  ownedBy: z.strictObject({ relation: oid, column: z.int() }).nullable(),
});

const type = z.strictObject({
  oid,
  schema: z.string(),
  name: z.string(),
  kind: z.string().length(1),
  category: z.string().length(1),
  preferred: z.boolean(),
  element: oid,
  array: oid,
  base: oid,
  baseTypmod: z.int(),
  constrained: z.boolean(),
  computesDefault: z.boolean(),
  ownFunctions: z.boolean(),
  subtype: oid,
  multirange: oid,
  input: oid,
  output: oid,
  relation: oid,
});

const fn = z.strictObject({
  oid,
  schema: z.string(),
  name: z.string(),
  kind: z.enum(['f', 'a', 'w', 'p']),
  args: z.array(oid),
  argNames: z.array(z.string()),
  defaults: z.int().min(0),
  variadic: oid,
  result: oid,
  returnsSet: z.boolean(),
  outColumns: z.array(z.strictObject({ name: z.string(), type: oid })),
  leakproof: z.boolean(),
  volatility: z.enum(['i', 's', 'v']),
  strict: z.boolean(),
  securityDefiner: z.boolean(),
  aggKind: z.enum(['', 'n', 'o', 'h']),
  directArgs: z.int().min(0),
  extension: z.string(),
  fixedNames: z.enum(['path', 'text']).exactOptional(),
});

const operator = z.strictObject({
  oid,
  schema: z.string(),
  name: z.string(),
  left: oid,
  right: oid,
  result: oid,
  fn: oid,
  extension: z.string(),
  searched: z.boolean(),
});

const cast = z.strictObject({
  source: oid,
  target: oid,
  fn: oid,
  context: z.enum(['e', 'a', 'i']),
  method: z.enum(['f', 'i', 'b']),
});

const opclass = z.strictObject({
  method: z.enum(['btree', 'hash']),
  type: oid,
  operators: z.array(z.strictObject({ strategy: z.int(), operator: oid })),
  functions: z.array(z.strictObject({ number: z.int(), fn: oid })),
});

const dependent = z.strictObject({
  kind: z.enum([
    'index',
    'constraint',
    'default',
    'trigger',
    'statistics',
    'view',
    'policy',
    'sequence',
    'partitioning',
  ]),
  oid,
  relation: oid,
  name: z.string(),
  type: oid,
  names: z.array(z.tuple([oid, oid, z.int()])),
  calls: z.array(oid),
});

const reach = z.strictObject({
  kind: z.enum(['rule', 'default', 'domain', 'trigger', 'function']),
  of: oid,
  column: z.int().exactOptional(),
  events: z.array(z.enum(['select', 'insert', 'update', 'delete'])).exactOptional(),
  reads: z.array(z.strictObject({ relation: oid, attnum: z.int() })),
  calls: z.array(oid),
});

const body = z.strictObject({
  fn: oid,
  language: z.string(),
  source: z.string(),
  searchPath: z.string().exactOptional(),
});

/** What `reaches.ts` reads. */
export const reachesSchema = z.strictObject({ reaches: z.array(reach), bodies: z.array(body) });

/** Anything that passes is CatalogData, and nothing more: unknown keys are errors. */
export const catalogSchema: z.ZodType<CatalogData> = z.strictObject({
  serverVersion: z.int().positive(),
  database: z.string(),
  encoding: z.string(),
  relations: z.array(relation),
  types: z.array(type),
  functions: z.array(fn),
  operators: z.array(operator),
  casts: z.array(cast),
  opclasses: z.array(opclass),
  schemas: z.array(z.string()),
  collations: z.array(z.strictObject({ oid, schema: z.string(), name: z.string() })),
  dependents: z.array(dependent),
  members: z.array(z.tuple([oid, oid])),
  reaches: z.array(reach).exactOptional(),
  bodies: z.array(body).exactOptional(),
});
