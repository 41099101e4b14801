/**
 * Finds granted tables, views and functions that hold a subject's data without declaring a key of it. Each is withheld, with advice on what to write.
 */
import type { Fn, Relation } from '../../sql/catalog/catalog.ts';
import type { Condition, Subject } from '../model/policy.ts';
import type { TableGrant } from '../schema/role-schema.ts';
import type { Path } from '../source/document.ts';
import { quoteIdentifier } from './names.ts';
import type { GrantsPart } from './row-conditions.ts';
import type { ReachStep } from './subject-reach.ts';

/** The row conditions of each granted command, except those with `scope: none`. */
export interface CommandConditions {
  readonly conditions: readonly Condition[];
}

/**
 * INVARIANT 97: a forgotten key leaves rows unfiltered and uncounted, so the error withholds that table alone (`ofPart`). If the role's scope of the
 * subject is `all`, rows would not be filtered anyway: a table that only leads to the subject then gets a warning.
 */
export function checkUndeclaredKeys(
  entry: TableGrant,
  conditions: readonly CommandConditions[],
  relation: Relation,
  path: Path,
  part: GrantsPart,
): void {
  const { document, report, reach, subjects } = part;
  const place = document.place(path);
  for (const subject of subjects) {
    const table = shownName(relation, part);
    const nobody = `"about: { ${yamlName(table)}: nobody }" in ${fileOf(subject)}`;
    const undeclared = reach.undeclaredKeys(subject, relation);
    for (const { column, key, of } of undeclared) {
      const how = isView(relation) ? 'shows' : 'references';
      const what = `"${table}.${column.name}" ${how} ${shownName(of, part)}.${key.name}, a key of subject "${subject.name}"`;
      report.error(place, `${what}, and is not among its keys: add it, or write ${nobody}`);
    }
    const known = new Set(undeclared.map(({ column }) => column.name));
    const evident = reach.evidentKeys(subject, relation).filter(({ column }) => !known.has(column.name));
    for (const { column, key, of } of evident) {
      const like = `"${table}.${column.name}" is named and typed as a key of subject "${subject.name}" (${shownName(of, part)}.${key.name})`;
      report.warning(place, `${like}, and is not among its keys: add it, or write ${nobody}`);
    }
    const way = undeclared.length > 0 ? undefined : reach.pathTo(subject, relation);
    if (!way || isLimited(conditions, subject, part)) continue;
    const through = way.map(({ to }) => shownName(to, part)).join(' → ');
    const leads = `"${table}" ${isView(relation) ? 'reads' : 'leads to'} subject "${subject.name}" through ${through}`;
    const scope = part.scopes.get(subject.name);
    if (scope?.kind === 'all') {
      report.warning(
        place,
        `${leads} and has no key of it: its rows are counted as values; where they are about no person, write ${nobody}`,
      );
      continue;
    }
    const rows = proposedRows(way, subject, part, entry.rows);
    report.error(place, `${leads} and has no key of it: ${rows}, or write ${nobody}`);
  }
}

/** A granted function in `functions`: an error withholds it. */
export function checkReturnedSubjects(fn: Fn, path: Path, part: GrantsPart): boolean {
  const { document, report, reach, subjects } = part;
  let usable = true;
  for (const subject of subjects) {
    const returned = reach.returned(subject, fn);
    if (!returned) continue;
    const name = `${fn.schema}.${fn.name}`;
    const nobody = `"about: { ${yamlName(name)}: nobody }" in ${fileOf(subject)}`;
    if ('column' in returned) {
      const what = `function "${name}" returns "${returned.column}", named and typed as a key of subject "${subject.name}"`;
      report.warning(
        document.placeOfValue(path),
        `${what}: its rows are neither filtered nor counted; where they are about no person, write ${nobody}`,
      );
      continue;
    }
    const what = `function "${name}" returns rows of "${shownName(returned.rows, part)}", of subject "${subject.name}", which are neither filtered nor counted`;
    if (part.scopes.get(subject.name)?.kind === 'all') report.warning(document.placeOfValue(path), what);
    else {
      report.withhold(document.placeOfValue(path), `${what}: grant the table in its place, or write ${nobody}`);
      usable = false;
    }
  }
  return usable;
}

/** Whether a condition restricts every command: by a table of the subject's, or by a value of the principal. */
function isLimited(commands: readonly CommandConditions[], subject: Subject, { reach }: GrantsPart): boolean {
  const asks = ({ filter, needs }: Condition): boolean =>
    filter.some((piece) => typeof piece !== 'string' && piece.kind === 'attribute') ||
    (needs?.elsewhere.some(({ relation }) => reach.isAbout(subject, relation)) ?? false);
  return commands.every(({ conditions }) => conditions.some(asks));
}

/** A suggested condition that brings the table into the role's scope, along its foreign keys. */
function proposedRows(way: readonly ReachStep[], subject: Subject, part: GrantsPart, has: unknown): string {
  const write = has === undefined ? 'write' : 'add to its rows:';
  const [head, ...further] = way;
  if (!head?.by || further.some(({ by }) => !by)) return `${write} "rows: …" that keeps it to the role's scope`;
  const conditionOn = (relation: Relation, steps: readonly ReachStep[]): string => {
    const [step, ...rest] = steps;
    if (step?.by) {
      const names = (columns: readonly { readonly name: string }[]): string =>
        columns.length === 1
          ? columnName(columns[0]?.name ?? '')
          : `(${columns.map(({ name }) => columnName(name)).join(', ')})`;
      const inner = conditionOn(step.to, rest);
      return `${names(step.by.columns)} IN (SELECT ${step.by.referenced.map(({ name }) => columnName(name)).join(', ')} FROM ${shownName(step.to, part)} WHERE ${inner})`;
    }
    return inScope(relation, subject, part);
  };
  return `${write} "rows: ${conditionOn(head.from, way)}"`;
}

/** The subject's scope as a condition on a table with one of its keys. */
function inScope(relation: Relation, subject: Subject, part: GrantsPart): string {
  const scope = part.scopes.get(subject.name);
  const text = scope?.kind === 'condition' ? scope.text.sql.trim() : '…';
  const [first] = subject.keys;
  if (!first || first.relation.oid === relation.oid) return text;
  const [key] = part.subjectsOf(relation).find((of) => of.subject.name === subject.name)?.keys ?? [];
  return `${columnName(key?.name ?? '…')} IN (SELECT ${columnName(first.column.name)} FROM ${shownName(first.relation, part)} WHERE ${text})`;
}

function isView({ kind }: Relation): boolean {
  return kind === 'v' || kind === 'm';
}

/** Without the schema if the search path finds it. */
function shownName(relation: Relation, { env: { catalog, searchPath } }: GrantsPart): string {
  const schema = searchPath.find((candidate) => catalog.relation(candidate, relation.name));
  return schema === relation.schema ? relation.name : `${relation.schema}.${relation.name}`;
}

function columnName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}

/** Quoted if needed, as a key of a YAML mapping. */
export function yamlName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_.]*$/.test(name) ? name : JSON.stringify(name);
}

function fileOf({ rule }: Subject): string {
  return rule.slice(0, rule.lastIndexOf(':'));
}
