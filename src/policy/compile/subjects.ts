/** Compiles subjects against the catalog: which columns of which tables tell whose data a row is. */
import type { Catalog, Column, Oid, Relation } from '../../sql/catalog/catalog.ts';
import * as t from '../../sql/types/oids.ts';
import { baseType, typmodOf } from '../../sql/types/type.ts';
import type { ColumnRef, Subject } from '../model/policy.ts';
import type { SubjectsFile } from '../schema/principals-schema.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';
import type { PolicyEnvironment } from '../source/sql-source.ts';
import { checkCanaries } from './canary-rules.ts';
import {
  inheritanceRelatives,
  qualifiedName,
  quoteIdentifier,
  resolveColumnRef,
  resolveRelation,
  splitName,
} from './names.ts';
import { FIRST_USER_OID } from './visible-types.ts';

const familyKey = (subject: string, text: string): string => `${subject}\0${text}`;

/**
 * Compiles one subjects file. Errors are in the report: a subject with errors must not be relied on. `families` is filled with those of the file's
 * keys.
 */
export function compileSubjects(
  file: SubjectsFile,
  document: PolicyDocument,
  env: PolicyEnvironment,
  report: DiagnosticReport,
  families: Map<string, ReadonlySet<string>>,
): Subject[] {
  return Object.entries(file.subjects).map(([name, entry]) => {
    const path = ['subjects', name];
    const refs = (texts: readonly string[], below: Path) =>
      resolveAll(texts, [...path, ...below], document, env, report);
    const categories = Object.entries(entry.categories ?? {});
    const resolved = refs(entry.keys, ['keys']);
    const canaries = entry.canaries ?? [];
    checkCanaries(name, canaries, document, env.canaryKey, report);
    const unread = checkKeyTypes(resolved, [...path, 'keys'], document, env.catalog, report);
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

/**
 * Types that people are counted by: smallint, integer, bigint, uuid, name, text, varchar, char, and arrays of them. Equal values have equal texts and
 * different values different ones, whatever the session's settings (extra_float_digits, DateStyle, …). `session/results/key-text.ts` reads their
 * binary format.
 */
const KEY_TYPES: ReadonlySet<Oid> = new Set([
  ...[t.INT2, t.INT4, t.INT8, 2950, t.NAME, t.TEXT, 1043, t.BPCHAR],
  ...[1005, 1007, 1016, 2951, 1003, 1009, 1015, 1014],
]);

/** @returns the keys that people cannot be counted by. */
function checkKeyTypes(
  keys: readonly (ColumnRef | undefined)[],
  path: Path,
  document: PolicyDocument,
  catalog: Catalog,
  report: DiagnosticReport,
): ReadonlySet<ColumnRef> {
  const wrong = new Set<ColumnRef>();
  keys.forEach((key, index) => {
    const problem = key && keyProblem(catalog, key.column);
    if (!problem) return;
    wrong.add(key);
    const place = document.placeOfValue([...path, index]);
    report.withhold(place, `"${key.relation.name}.${key.column.name}" cannot be a key: ${problem}`);
  });
  return wrong;
}

/** Why people cannot be counted by the column; undefined: they can. */
export function keyProblem(catalog: Catalog, column: Column): string | undefined {
  const type = baseType(catalog, column.type);
  if (!KEY_TYPES.has(type) && !isWholeNumeric(catalog, column, type)) {
    return `people cannot be told apart by type ${column.typeName}; keys are integers, numeric without decimals, uuid or text, or arrays of integers, uuid or text`;
  }
  // The system's collations are all deterministic.
  if (column.collation >= FIRST_USER_OID) return 'its collation may take different texts for equal';
  return undefined;
}

/**
 * `numeric(10)`: numbers imported from other databases often have this type. The lowest 11 bits of the modifier are the scale, as a signed number.
 */
function isWholeNumeric(catalog: Catalog, column: Column, type: Oid): boolean {
  if (type !== t.NUMERIC) return false;
  const typmod = typmodOf(catalog, column);
  const scale = (((typmod - 4) & 0x7ff) ^ 0x400) - 0x400;
  return typmod >= 0 && scale <= 0;
}

/** The table of a key with a missing column. */
function tableOf(text: string, { catalog, searchPath }: PolicyEnvironment): Relation | undefined {
  const table = splitName(text)?.slice(0, -1).map(quoteIdentifier).join('.') ?? '';
  const relation = resolveRelation(catalog, searchPath, table);
  return 'value' in relation ? relation.value : undefined;
}

function familyOf(catalog: Catalog, relation: Relation | undefined): Relation[] {
  return relation ? [relation, ...inheritanceRelatives(catalog, relation)] : [];
}

/** Relations that had the key before and no longer have it. */
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
 * The columns of a relation that hold keys of a subject. Partitions and inheritance children hold rows of their parents, and parents show rows of
 * their children: a key declared on one is a key of all.
 */
export function keysOn(catalog: Catalog, subject: Pick<Subject, 'keys'>, relation: Relation): Column[] {
  const family = new Set(familyOf(catalog, relation).map((member) => member.oid));
  const names = new Set(subject.keys.filter((key) => family.has(key.relation.oid)).map((key) => key.column.name));
  return relation.columns.filter((column) => names.has(column.name));
}

/** One for each text; undefined, and reported, if it refers to nothing. */
function resolveAll(
  texts: readonly string[],
  path: Path,
  document: PolicyDocument,
  env: PolicyEnvironment,
  report: DiagnosticReport,
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
