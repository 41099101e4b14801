/**
 * The key `about` of a subjects file: it says which subjects a table, view or function holds data of, if its columns and foreign keys suggest more.
 */
import type { Catalog, Oid, Relation } from '../../sql/catalog/catalog.ts';
import type { Subject } from '../model/policy.ts';
import type { SubjectsFile } from '../schema/principals-schema.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { PolicyDocument } from '../source/document.ts';
import type { PolicyEnvironment } from '../source/sql-source.ts';
import { suggestion } from '../source/suggestion.ts';
import { resolveFunctions } from './functions.ts';
import { inheritanceRelatives, resolveRelation } from './names.ts';
import { keysOn } from './subjects.ts';

/** By OID of a relation or function: the names of the only subjects that it is about. An empty set: it is about none. */
export interface AboutEntries {
  readonly relations: Map<Oid, ReadonlySet<string>>;
  readonly functions: Map<Oid, ReadonlySet<string>>;
}

const NOBODY = 'nobody';

/** Adds the entries of one file. `subjects`: those of all files. An entry with a mistake is reported and left out: it excludes nothing. */
export function addAbout(
  about: AboutEntries,
  file: SubjectsFile,
  document: PolicyDocument,
  subjects: ReadonlyMap<string, Subject>,
  { catalog, searchPath }: PolicyEnvironment,
  report: DiagnosticReport,
): void {
  for (const [text, names] of Object.entries(file.about ?? {})) {
    const path = ['about', text];
    const relation = resolveRelation(catalog, searchPath, text);
    const functions = resolveFunctions(catalog, searchPath, text);
    const only = new Set(names.filter((name) => name !== NOBODY));
    const unknown = [...only].find((name) => !subjects.has(name));
    if (unknown !== undefined) {
      const near = suggestion(unknown, [...subjects.keys(), NOBODY]);
      report.withhold(document.placeOfValue(path), `subject "${unknown}" does not exist${near}`);
    } else if ('value' in relation) {
      const problem = contradiction(relation.value, only, subjects, catalog);
      if (problem !== undefined) report.withhold(document.place(path), problem);
      // Partitions hold rows of their parent.
      else
        for (const { oid } of [relation.value, ...inheritanceRelatives(catalog, relation.value)])
          about.relations.set(oid, only);
    } else if ('value' in functions) for (const { oid } of functions.value) about.functions.set(oid, only);
    else report.withhold(document.place(path), relation.problem);
  }
}

/** A table with a key of a subject is about that subject: `about` cannot deny it. */
function contradiction(
  relation: Relation,
  only: ReadonlySet<string>,
  subjects: ReadonlyMap<string, Subject>,
  catalog: Catalog,
): string | undefined {
  for (const subject of subjects.values()) {
    const [key] = only.has(subject.name) ? [] : keysOn(catalog, subject, relation);
    if (key)
      return `"${relation.name}" has a key of subject "${subject.name}", ${key.name}: ${subject.rule} has its keys`;
  }
  return undefined;
}
