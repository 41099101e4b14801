/** Subjects against the catalog: which columns of which tables say whose row it is. */
import type { Catalog, Column, Relation } from '../sql/catalog.ts';
import type { Report } from './diagnostic.ts';
import type { Path, PolicyDocument } from './document.ts';
import { kin, resolveColumnRef } from './names.ts';
import type { ColumnRef, Subject } from './policy.ts';
import type { SubjectsFile } from './principals-schema.ts';
import type { PolicyEnvironment } from './sql-source.ts';

/** Resolves one subjects file. Errors are in the report: a subject that is not whole must not be relied on. */
export function compileSubjects(
  file: SubjectsFile,
  document: PolicyDocument,
  env: PolicyEnvironment,
  report: Report,
): Subject[] {
  return Object.entries(file.subjects).map(([name, entry]) => {
    const path = ['subjects', name];
    const resolve = (texts: readonly string[], below: Path) =>
      resolveAll(texts, [...path, ...below], document, env, report);
    const categories = Object.entries(entry.categories ?? {});
    return {
      name,
      keys: resolve(entry.keys, ['keys']),
      canaries: entry.canaries ?? [],
      categories: new Map(categories.map(([label, texts]) => [label, resolve(texts, ['categories', label])])),
      rule: document.rule(path),
    };
  });
}

/**
 * The key columns that a relation has of a subject. Partitions and inheritance children hold the rows of their parents, and
 * parents show those of their children: a key declared on one is a key of them all.
 */
export function keysOn(catalog: Catalog, subject: Subject, relation: Relation): Column[] {
  const family = new Set([relation, ...kin(catalog, relation)].map((member) => member.oid));
  const names = new Set(subject.keys.filter((key) => family.has(key.relation.oid)).map((key) => key.column.name));
  return relation.columns.filter((column) => names.has(column.name));
}

function resolveAll(
  texts: readonly string[],
  path: Path,
  document: PolicyDocument,
  env: PolicyEnvironment,
  report: Report,
): ColumnRef[] {
  const refs: ColumnRef[] = [];
  texts.forEach((text, index) => {
    const place = document.placeOfValue([...path, index]);
    const resolved = resolveColumnRef(env.catalog, env.searchPath, text);
    if ('problem' in resolved) {
      report.error(place, resolved.problem);
      return;
    }
    const { relation, column } = resolved.value;
    if (refs.some((ref) => ref.relation.oid === relation.oid && ref.column.attnum === column.attnum)) {
      report.error(place, `column "${text}" stands here twice`);
      return;
    }
    refs.push(resolved.value);
  });
  return refs;
}
