/** Which columns hold keys of subjects, in the terms of a RowDescription: table OID and column number. */
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import { baseType } from '../../sql/types/type.ts';
import { inheritanceRelatives } from '../compile/names.ts';
import { keysOn } from '../compile/subjects.ts';
import type { Subject } from './policy.ts';

/** By table, then by column: the names of the subjects. A table that is not here is about no subject. */
export type SubjectKeys = ReadonlyMap<Oid, ReadonlyMap<number, readonly string[]>>;

/** Partitions and inheritance children have the keys of their parents, and parents those of their children. */
export function subjectKeys(catalog: Catalog, subjects: Iterable<Subject>): SubjectKeys {
  const tables = new Map<Oid, Map<number, string[]>>();
  for (const subject of subjects) {
    const declared = new Set(subject.keys.map(({ relation }) => relation));
    const family = new Set([...declared].flatMap((relation) => [relation, ...inheritanceRelatives(catalog, relation)]));
    for (const relation of family) {
      const columns = tables.get(relation.oid) ?? new Map<number, string[]>();
      tables.set(relation.oid, columns);
      for (const { attnum } of keysOn(catalog, subject, relation)) {
        columns.set(attnum, [...(columns.get(attnum) ?? []), subject.name]);
      }
    }
  }
  return tables;
}

/** By subject: the type OIDs of its keys, each once; domains are resolved to their base type. */
export type KeyTypes = ReadonlyMap<string, readonly Oid[]>;

/** By subject: the base types of its key columns. */
export function keyTypes(catalog: Catalog, subjects: Iterable<Subject>): KeyTypes {
  const types = new Map<string, readonly Oid[]>();
  for (const { name, keys } of subjects) {
    types.set(name, [...new Set(keys.map(({ column }) => baseType(catalog, column.type)))]);
  }
  return types;
}
