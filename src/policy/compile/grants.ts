/** `tables` of a role or a grants file, compiled against the catalog: what each command may read and write, and on which rows. */

import type { Column, Oid, Relation } from '../../sql/catalog/catalog.ts';
import type { ColumnGrant, Condition, RelationGrant, SelectGrant, TableCommand, WriteGrant } from '../model/policy.ts';
import type { TableGrant } from '../schema/role-schema.ts';
import type { Path } from '../source/document.ts';
import type { RuleRef } from '../source/rule.ts';
import { resolveColumn, resolveRelation } from './names.ts';
import type { GrantsPart } from './row-conditions.ts';
import { commandConditions, tableConditions } from './row-conditions.ts';
import { type CommandConditions, checkUndeclaredKeys } from './undeclared-keys.ts';

type WriteEntry = { readonly columns?: '*' | readonly string[] | undefined };

/** What the entries of a role and its grants files made of each relation; without `grant` it is withheld. */
export type Granted = Map<Oid, { readonly rule: RuleRef; readonly grant: RelationGrant | undefined }>;

/**
 * Compiles every table of the part into `granted`. If anything other than a column has an error, the whole relation is withheld: leaving out a row
 * condition would show more rows.
 */
export function compileTables(tables: Readonly<Record<string, TableGrant>>, part: GrantsPart, granted: Granted): void {
  for (const [name, entry] of Object.entries(tables)) {
    const { env, document, report } = part;
    const path = ['tables', name];
    const rule = document.rule(path);
    const resolved = resolveRelation(env.catalog, env.searchPath, name);
    if ('problem' in resolved) {
      if (resolved.missing) report.withhold(document.place(path), resolved.problem);
      else report.error(document.place(path), resolved.problem);
      continue;
    }
    const { oid } = resolved.value;
    const before = granted.get(oid);
    if (before) {
      report.withhold(document.place(path), `table "${name}" is granted twice; the first grant is ${before.rule}`);
      granted.set(oid, { ...before, grant: undefined });
      continue;
    }
    const grant = report.ofPart((own) => compileTable(entry, resolved.value, path, { ...part, report: own }));
    granted.set(oid, { rule, grant });
  }
}

function compileTable(entry: TableGrant, relation: Relation, path: Path, part: GrantsPart): RelationGrant {
  for (const subject of part.lostOn(relation)) {
    const what = `"${relation.name}" holds data of subject "${subject.name}", and its key of that subject cannot be used`;
    part.report.error(part.document.place(path), `${what}: ${subject.rule} has its keys`);
  }
  const conditions = tableConditions(entry, relation, path, part);
  const commands: CommandConditions[] = [];
  const of = (command: TableCommand, rows: unknown, scope: 'none' | undefined): Condition[] => {
    const held = commandConditions(conditions, rows !== undefined, scope, relation, [...path, command], part);
    if (scope !== 'none') commands.push({ conditions: held });
    return held;
  };
  const { select, insert, update, delete: remove } = entry;
  const write = (
    command: TableCommand,
    value: WriteEntry & { rows?: unknown; scope?: 'none' | undefined },
  ): WriteGrant =>
    compileWrite(command, value, of(command, value.rows, value.scope), relation, [...path, command], part);
  const grant: RelationGrant = {
    relation,
    subjectKeys: part.subjectsOf(relation).flatMap(({ keys }) => keys.map((key) => key.name)),
    ...(select && {
      select: compileSelect(select, of('select', select.rows, select.scope), relation, [...path, 'select'], part),
    }),
    ...(insert && { insert: write('insert', insert) }),
    ...(update && { update: write('update', update) }),
    ...(remove && { delete: write('delete', remove) }),
    rule: part.document.rule(path),
    system: false,
  };
  checkUndeclaredKeys(entry, commands, relation, path, part);
  return grant;
}

function compileSelect(
  entry: NonNullable<TableGrant['select']>,
  conditions: readonly Condition[],
  relation: Relation,
  path: Path,
  part: GrantsPart,
): SelectGrant {
  const { document, report } = part;
  const granted = new Map<string, ColumnGrant>();
  const masked = entry.masks ?? {};
  for (const { column, rule, listed } of namedColumns(
    entry.columns ?? [],
    relation,
    [...path, 'columns'],
    part,
    true,
  )) {
    if (!Object.hasOwn(masked, column.name)) granted.set(column.name, { column, rule });
    else if (listed) {
      const place = document.place([...path, 'masks', column.name]);
      report.error(place, `column "${column.name}" is granted both as it is and masked`);
    }
  }
  for (const name of Object.keys(masked)) {
    const at = [...path, 'masks', name];
    const column = resolveColumn(relation, name);
    if ('value' in column) {
      const grant = report.ofPart((own) => compileColumnMask(column.value, relation, at, { ...part, report: own }));
      if (grant) granted.set(name, grant);
    } else if (isStar(entry.columns, relation)) {
      // The column may have been renamed, and "*" would show it unmasked under its new name.
      report.error(document.place(at), column.problem);
    } else report.withhold(document.place(at), column.problem);
  }
  const columns = inTableOrder(granted, relation);
  const plain = relation.columns.every((column) => columns.has(column.name) && !columns.get(column.name)?.mask);
  // INVARIANT 37: the forwarded text may name a relation directly only if nothing of it is withheld, now or after columns are added. A list that
  // happens to name every column does not grant future columns.
  const whole = isStar(entry.columns, relation) && plain && conditions.length === 0;
  return { columns, conditions, whole, rule: document.rule(path) };
}

function compileColumnMask(column: Column, relation: Relation, path: Path, part: GrantsPart): ColumnGrant | undefined {
  const { env, document, report, attributes } = part;
  const text = document.sql(path, report);
  if (!text) return undefined;
  const rule = document.rule(path);
  const { catalog, searchPath } = env;
  const mask = env.compileMask({ sql: text.sql, rule }, { catalog, searchPath, relation, attributes, column });
  if ('mask' in mask) {
    const { leaky, needs } = mask;
    return { column, mask: mask.mask, maskLeaks: leaky, ...(needs && { maskNeeds: needs }), rule };
  }
  for (const problem of mask) report.error(text.place(problem.offset), problem.message);
  return undefined;
}

function compileWrite(
  command: TableCommand,
  entry: WriteEntry,
  conditions: readonly Condition[],
  relation: Relation,
  path: Path,
  part: GrantsPart,
): WriteGrant {
  if (relation.kind === 'S' || relation.kind === 'm') {
    const kind = relation.kind === 'S' ? 'sequence' : 'materialized view';
    part.report.error(part.document.place(path), `cannot change ${kind} "${relation.name}"`);
  }
  const named = namedColumns(entry.columns ?? [], relation, [...path, 'columns'], part, false);
  const columns = new Set(named.map(({ column }) => column.name));
  const every = command === 'delete' || relation.columns.every((column) => columns.has(column.name));
  return { columns, conditions, whole: every && conditions.length === 0, rule: part.document.rule(path) };
}

/** `"*"`, or a list with it, in which system columns stand beside it: it does not mean them. */
function isStar(columns: '*' | readonly string[] | undefined, relation: Relation): boolean {
  return columns === '*' || (columns?.includes('*') === true && !relation.columns.some(({ name }) => name === '*'));
}

/** The listed columns, or all of them for `*`. */
function namedColumns(
  columns: '*' | readonly string[],
  relation: Relation,
  path: Path,
  part: GrantsPart,
  system: boolean,
): { column: Column; rule: string; listed: boolean }[] {
  const { document, report } = part;
  if (columns === '*') {
    const subject = part.subjectsOf(relation)[0];
    if (subject) {
      const reason = `"${relation.name}" has a key of subject "${subject.subject.name}"`;
      report.error(document.placeOfValue(path), `"*" is not allowed here: ${reason}; name the columns`);
    }
    return relation.columns.map((column) => ({ column, rule: document.rule(path), listed: false }));
  }
  const seen = new Set<string>();
  const star = system && isStar(columns, relation);
  return columns.flatMap((name, index) => {
    const at = [...path, index];
    if (star && name === '*') return namedColumns('*', relation, path, part, system);
    const resolved = resolveColumn(relation, name, system);
    if ('problem' in resolved) {
      report.withhold(document.placeOfValue(at), resolved.problem);
      return [];
    }
    if (star && resolved.value.attnum > 0)
      report.error(document.placeOfValue(at), `"*" has column "${name}": beside it stand system columns alone`);
    if (seen.has(name)) report.error(document.placeOfValue(at), `column "${name}" stands here twice`);
    seen.add(name);
    return [{ column: resolved.value, rule: document.rule(at), listed: true }];
  });
}

/** System columns, which a table does not list, come last. */
function inTableOrder(granted: ReadonlyMap<string, ColumnGrant>, relation: Relation): Map<string, ColumnGrant> {
  const place = (grant: ColumnGrant): number => {
    const index = relation.columns.findIndex((column) => column.attnum === grant.column.attnum);
    return index === -1 ? relation.columns.length : index;
  };
  return new Map([...granted].sort(([, a], [, b]) => place(a) - place(b)));
}
