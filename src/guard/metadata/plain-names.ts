/** Which constants name something that the role may know in any case: they are sent unchanged. */
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import type { RegType } from './reg-types.ts';

export interface PlainNames {
  readonly role: RolePolicy;
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
}

/** False where it cannot be told here: then the name is looked up in the filtered catalog. */
export function isPlainName(type: RegType, text: string, names: PlainNames): boolean {
  switch (type.name) {
    case 'regclass':
      return isGrantedRelation(text, names);
    case 'regtype':
      return isServersType(text, names.catalog);
    case 'regnamespace':
      return isKnownSchema(text, names);
    // As constants, so that an index on to_tsvector('french', …) is found.
    case 'regconfig':
    case 'regdictionary':
      return isInVisibleSchema(text, names.role);
    default:
      return false;
  }
}

/** An OID or a name, as regclass reads it, of a relation that was granted or of an allowed system catalog. */
function isGrantedRelation(text: string, names: PlainNames): boolean {
  const relation = /^\d+$/.test(text) ? names.catalog.relationsByOid.get(Number(text)) : relationNamed(text, names);
  return relation !== undefined && names.role.relations.has(relation.oid);
}

/** `name`, `schema.name`, each perhaps quoted. */
function partsOf(text: string): readonly string[] {
  const parts = text.match(/"(?:[^"]|"")+"|[^".\s]+/g) ?? [];
  if (parts.join('.') !== text || parts.length > 2) return [];
  return parts.map((part) =>
    part.startsWith('"')
      ? part.slice(1, -1).replaceAll('""', '"')
      : part.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
  );
}

/** A name, and no number: that is an OID, perhaps of what is hidden. */
function isInVisibleSchema(text: string, { schemas = [] }: RolePolicy): boolean {
  const [first, second] = partsOf(text);
  if (first === undefined || /^[-+]?\d/.test(first)) return false;
  return second === undefined || first === 'pg_catalog' || schemas.includes(first);
}

function relationNamed(text: string, { catalog, searchPath }: PlainNames): Relation | undefined {
  const [first, second] = partsOf(text);
  if (first === undefined) return undefined;
  if (second !== undefined) return catalog.relation(first, second);
  for (const schema of ['pg_catalog', ...searchPath]) {
    const found = catalog.relation(schema, first);
    if (found) return found;
  }
  return undefined;
}

/** The grammar's own words for types (manual, table 8.1). */
const TYPE_WORDS = new Set(
  `int,integer,smallint,bigint,boolean,decimal,dec,real,float,double precision,character varying,character,bit varying,
timestamp without time zone,timestamp with time zone,time without time zone,time with time zone`.split(/,\s*/),
);

function isServersType(text: string, catalog: Catalog): boolean {
  const name = /^(?:pg_catalog\.)?([a-z][a-z0-9_ ]*?)(?:\[\])?$/.exec(text)?.[1];
  if (name === undefined) return false;
  // pg_catalog comes first in every search path: its names are never another schema's.
  return TYPE_WORDS.has(name) || (catalog.type('pg_catalog', name)?.relation === 0 && !name.includes(' '));
}

function isKnownSchema(text: string, { role, catalog, searchPath }: PlainNames): boolean {
  if (!/^[a-z_][a-z0-9_]*$/.test(text) || !catalog.hasSchema(text)) return false;
  if (searchPath.includes(text)) return true;
  for (const { relation } of role.relations.values()) if (relation.schema === text) return true;
  return false;
}
