/** Subjects against the catalog: which columns of which tables say whose row it is. */
import type { Catalog, Column, Oid, Relation } from '../sql/catalog.ts';
import { checkCanaries } from './canary-rules.ts';
import type { Report } from './diagnostic.ts';
import type { Path, PolicyDocument } from './document.ts';
import { kin, qualifiedName, quoteIdentifier, resolveColumnRef, resolveRelation, splitName } from './names.ts';
import type { ColumnRef, Subject } from './policy.ts';
import type { SubjectsFile } from './principals-schema.ts';
import type { PolicyEnvironment } from './sql-source.ts';

const familyKey = (subject: string, text: string): string => `${subject}\0${text}`;

/**
 * Resolves one subjects file. Errors are in the report: a subject that is not whole must not be relied on. `families`: gets those of the
 * keys in the file.
 */
export function compileSubjects(
  file: SubjectsFile,
  document: PolicyDocument,
  env: PolicyEnvironment,
  report: Report,
  families: Map<string, ReadonlySet<string>>,
): Subject[] {
  return Object.entries(file.subjects).map(([name, entry]) => {
    const path = ['subjects', name];
    const refs = (texts: readonly string[], below: Path) =>
      resolveAll(texts, [...path, ...below], document, env, report);
    const categories = Object.entries(entry.categories ?? {});
    const resolved = refs(entry.keys, ['keys']);
    const canaries = entry.canaries ?? [];
    const unread = checkCanaries(name, canaries, resolved, document, env, report);
    const keys = resolved.filter((ref) => ref !== undefined);
    const known = { name, keys, lost: { first: resolved[0] === undefined, relations: new Set<Oid>() } };
    entry.keys.forEach((text, index) => {
      const ref = resolved[index];
      const id = familyKey(name, text);
      const before = families.get(id) ?? env.families?.get(id) ?? new Set<string>();
      const now = familyOf(env.catalog, ref?.relation ?? tableOf(text, env));
      families.set(id, new Set([...before, ...now.map(qualifiedName)]));
      const lost =
        ref && !unread.has(ref)
          ? leftBehind(env.catalog, known, ref.column.name, before)
          : [...now, ...leftBehind(env.catalog, known, splitName(text)?.at(-1) ?? '', before)];
      for (const relation of lost) known.lost.relations.add(relation.oid);
    });
    return {
      ...known,
      canaries,
      categories: new Map(
        categories.map(([label, texts]) => [
          label,
          refs(texts, ['categories', label]).filter((ref) => ref !== undefined),
        ]),
      ),
      rule: document.rule(path),
    };
  });
}

/** The table of a key whose column is not there. */
function tableOf(text: string, { catalog, searchPath }: PolicyEnvironment): Relation | undefined {
  const table = splitName(text)?.slice(0, -1).map(quoteIdentifier).join('.') ?? '';
  const relation = resolveRelation(catalog, searchPath, table);
  return 'value' in relation ? relation.value : undefined;
}

function familyOf(catalog: Catalog, relation: Relation | undefined): Relation[] {
  return relation ? [relation, ...kin(catalog, relation)] : [];
}

/** Of the relations that had the key before, those that do not have it any more. */
function leftBehind(
  catalog: Catalog,
  subject: Pick<Subject, 'keys'>,
  column: string,
  before: ReadonlySet<string>,
): Relation[] {
  if (before.size === 0) return [];
  return catalog.data.relations.filter(
    (relation) =>
      before.has(qualifiedName(relation)) && !keysOn(catalog, subject, relation).some(({ name }) => name === column),
  );
}

/**
 * The key columns that a relation has of a subject. Partitions and inheritance children hold the rows of their parents, and
 * parents show those of their children: a key declared on one is a key of them all.
 */
export function keysOn(catalog: Catalog, subject: Pick<Subject, 'keys'>, relation: Relation): Column[] {
  const family = new Set(familyOf(catalog, relation).map((member) => member.oid));
  const names = new Set(subject.keys.filter((key) => family.has(key.relation.oid)).map((key) => key.column.name));
  return relation.columns.filter((column) => names.has(column.name));
}

/** One for each text; undefined, and reported, where it stands for nothing. */
function resolveAll(
  texts: readonly string[],
  path: Path,
  document: PolicyDocument,
  env: PolicyEnvironment,
  report: Report,
): (ColumnRef | undefined)[] {
  const refs: (ColumnRef | undefined)[] = [];
  texts.forEach((text, index) => {
    const place = document.placeOfValue([...path, index]);
    const resolved = resolveColumnRef(env.catalog, env.searchPath, text);
    if ('problem' in resolved) {
      if (resolved.missing) report.withhold(place, resolved.problem);
      else report.error(place, resolved.problem);
      refs.push(undefined);
      return;
    }
    const { relation, column } = resolved.value;
    if (refs.some((ref) => ref?.relation.oid === relation.oid && ref.column.attnum === column.attnum)) {
      report.error(place, `column "${text}" stands here twice`);
    }
    refs.push(resolved.value);
  });
  return refs;
}
