/** Which columns hold the keys of subjects, as the server names columns in a result: by the OID of the table and the number of the column. */
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import { baseType } from '../../sql/types/type.ts';
import { kin } from '../compile/names.ts';
import { keysOn } from '../compile/subjects.ts';
import type { Subject } from './policy.ts';

/** By table, then by column: the names of the subjects. A table that is not here is about nobody. */
export type SubjectKeys = ReadonlyMap<Oid, ReadonlyMap<number, readonly string[]>>;

/** Partitions and inheritance children have the keys of their parents, and these those of their children. */
export function subjectKeys(catalog: Catalog, subjects: Iterable<Subject>): SubjectKeys {
  const tables = new Map<Oid, Map<number, string[]>>();
  for (const subject of subjects) {
    const declared = new Set(subject.keys.map(({ relation }) => relation));
    const family = new Set([...declared].flatMap((relation) => [relation, ...kin(catalog, relation)]));
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

/** OIDs of the types of a subject's keys, by subject, each once, domains as what they stand on. */
export type KeyTypes = ReadonlyMap<string, readonly Oid[]>;

export function keyTypes(catalog: Catalog, subjects: Iterable<Subject>): KeyTypes {
  const types = new Map<string, readonly Oid[]>();
  for (const { name, keys } of subjects) {
    types.set(name, [...new Set(keys.map(({ column }) => baseType(catalog, column.type)))]);
  }
  return types;
}
