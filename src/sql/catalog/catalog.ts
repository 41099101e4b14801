/** A server’s catalog with its indexes: read by `catalog/`, asked by resolution, policies and the guard. */
import type {
  Cast,
  Collation,
  Dependent,
  Fn,
  FunctionBody,
  Oid,
  Opclass,
  Operator,
  Reach,
  Relation,
  Type,
} from './objects.ts';

export type {
  Cast,
  Column,
  Dependent,
  Fn,
  FunctionBody,
  ObjectName,
  Oid,
  Opclass,
  Operator,
  Reach,
  Relation,
  Type,
  WriteEvent,
} from './objects.ts';

/** The raw rows, as they are read from a server or from a saved file; JSON-serialisable. */
export interface CatalogData {
  /** server_version_num, as 180004 */
  readonly serverVersion: number;
  readonly database: string;
  /** server_encoding */
  readonly encoding: string;
  readonly relations: readonly Relation[];
  readonly types: readonly Type[];
  readonly functions: readonly Fn[];
  readonly operators: readonly Operator[];
  readonly casts: readonly Cast[];
  readonly opclasses: readonly Opclass[];
  readonly schemas: readonly string[];
  /** Users' collations. */
  readonly collations: readonly Collation[];
  /** Users' alone. */
  readonly dependents: readonly Dependent[];
  /** Objects of the extensions whose content every role may use: catalog's OID and the object's. */
  readonly members: readonly (readonly [catalog: Oid, oid: Oid])[];
  /** With `bodies`, read only for those who ask what things reach (`catalog/reaches.ts`). */
  readonly reaches?: readonly Reach[];
  readonly bodies?: readonly FunctionBody[];
}

/** CatalogData with its indexes. Immutable; a changed catalog is a new object. */
export class Catalog {
  readonly relationsByOid: ReadonlyMap<Oid, Relation>;
  readonly typesByOid: ReadonlyMap<Oid, Type>;
  readonly functionsByOid: ReadonlyMap<Oid, Fn>;
  readonly operatorsByOid: ReadonlyMap<Oid, Operator>;
  private readonly relationIndex = new Map<string, Relation>();
  private readonly typeIndex = new Map<string, Type>();
  private readonly functionIndex = new Map<string, Fn[]>();
  private readonly operatorIndex = new Map<string, Operator[]>();
  private readonly castIndex = new Map<Oid, Map<Oid, Cast>>();
  private readonly opclassIndex = new Map<Oid, Opclass[]>();
  private readonly schemaSet: ReadonlySet<string>;

  constructor(readonly data: CatalogData) {
    this.relationsByOid = new Map(data.relations.map((r) => [r.oid, r]));
    this.typesByOid = new Map(data.types.map((t) => [t.oid, t]));
    this.functionsByOid = new Map(data.functions.map((f) => [f.oid, f]));
    this.operatorsByOid = new Map(data.operators.map((o) => [o.oid, o]));
    for (const r of data.relations) this.relationIndex.set(key(r.schema, r.name), r);
    for (const t of data.types) this.typeIndex.set(key(t.schema, t.name), t);
    for (const f of data.functions) push(this.functionIndex, f.name, f);
    for (const o of data.operators) push(this.operatorIndex, o.name, o);
    for (const c of data.casts) {
      const bySource = this.castIndex.get(c.source);
      if (bySource) bySource.set(c.target, c);
      else this.castIndex.set(c.source, new Map([[c.target, c]]));
    }
    for (const c of data.opclasses) push(this.opclassIndex, c.type, c);
    this.schemaSet = new Set(data.schemas);
  }

  hasSchema(schema: string): boolean {
    return this.schemaSet.has(schema);
  }

  relation(schema: string, name: string): Relation | undefined {
    return this.relationIndex.get(key(schema, name));
  }

  type(schema: string, name: string): Type | undefined {
    return this.typeIndex.get(key(schema, name));
  }

  /** All functions of that name, of every schema. */
  functionsNamed(name: string): readonly Fn[] {
    return this.functionIndex.get(name) ?? [];
  }

  /** All operators of that name, of every schema. */
  operatorsNamed(name: string): readonly Operator[] {
    return this.operatorIndex.get(name) ?? [];
  }

  cast(source: Oid, target: Oid): Cast | undefined {
    return this.castIndex.get(source)?.get(target);
  }

  /** Default operator classes whose input type is exactly that. */
  opclasses(type: Oid): readonly Opclass[] {
    return this.opclassIndex.get(type) ?? [];
  }

  /** Casts from that type, by target. */
  castsFrom(source: Oid): ReadonlyMap<Oid, Cast> | undefined {
    return this.castIndex.get(source);
  }
}

function key(schema: string, name: string): string {
  return `${schema}\u0000${name}`;
}

function push<K, T>(index: Map<K, T[]>, name: K, value: T): void {
  const list = index.get(name);
  if (list) list.push(value);
  else index.set(name, [value]);
}
