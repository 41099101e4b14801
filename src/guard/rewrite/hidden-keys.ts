/**
 * Has a plain read return, last, the keys of those in each row whose key does not show as it stands: for the guard alone, which looks for
 * canaries among them and takes the column out.
 */
import type { RolePolicy } from '../../policy/policy.ts';
import { keysOn } from '../../policy/subjects.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { spell } from '../../sql/analyze/column.ts';
import type { Entry, Level } from '../../sql/analyze/model.ts';
import type { Catalog, Column, Relation } from '../../sql/catalog.ts';
import type { Template } from '../../sql/template.ts';
import { as, type Body, quoteName } from '../../sql/tree.ts';
import { baseType } from '../../sql/types/type.ts';
import type { HiddenKey } from '../decision.ts';
import type { Draft, DraftStatement } from '../draft.ts';
import { endOfTargets, isTable } from './export-ok.ts';
import { ROW } from './names.ts';
import { expressionTree, type Rewriter } from './rewriter.ts';
import { CHECK_COLUMN } from './row-check.ts';

/** Characters of a key as text, by its type: so that the column has one length, and can be taken out of a row that passes in pieces. */
const WIDTHS: ReadonlyMap<number, number> = new Map([
  [21, 6],
  [23, 11],
  [20, 20],
  [2950, 36],
]);

/** undefined: of another type than those that can be told. */
export function widthOf(catalog: Catalog, { type }: Column): number | undefined {
  return WIDTHS.get(baseType(catalog, type));
}

const MOST_KEYS = 32;
/** As PostgreSQL has it for a select list, with some to spare. */
const MOST_COLUMNS = 1_600;

export interface HiddenKeys {
  readonly keys: readonly HiddenKey[];
  /** Of each relation that does not show its key: what its guarded subquery gives besides. */
  readonly exported: ReadonlyMap<Entry, readonly string[]>;
  /** How each key is written in the select list. */
  readonly spelled: readonly string[];
}

/** Before relations are rewritten: which keys can be had. undefined: nothing is added. INVARIANT: refuses nothing that would run without it. */
export function findHiddenKeys({ role, catalog, holders }: Draft, statement: DraftStatement): HiddenKeys | undefined {
  const { analysis, kind, people, check } = statement;
  const read = kind.kind === 'prepare' ? kind.inner.kind : kind;
  if (!analysis?.level || read.kind !== 'read' || check || !people || role.minGroup !== undefined) return undefined;
  const { level } = analysis;
  if (!takesAnother(level)) return undefined;
  const keys: HiddenKey[] = [];
  const exported = new Map<Entry, string[]>();
  const spelled: string[] = [];
  for (const { subject } of holders) {
    const own = people.find((one) => one.subject === subject.name);
    if (subject.canaries.length === 0 || !own) continue;
    if (own.unnamed === 0 && own.ways.every((way) => way.keys.length > 0)) continue;
    for (const entry of level.entries) {
      if (entry.source.kind !== 'relation' || entry.source.use !== 'read' || !entry.nameVisible) continue;
      const { relation } = entry.source.view;
      if (relation.persistence === 't' || entry.source.view.system) continue;
      for (const column of keysOn(catalog, subject, relation)) {
        const width = widthOf(catalog, column);
        if (width === undefined || keys.length >= MOST_KEYS) continue;
        const text =
          plain(entry, column) ??
          (isReadBy(role, relation, column)
            ? carried(analysis, level, entry, column, exported, spelled.length)
            : undefined);
        if (text === undefined) continue;
        keys.push({ subject: subject.name, width });
        spelled.push(text);
      }
    }
  }
  return keys.length > 0 ? { keys, exported, spelled } : undefined;
}

/** One row of the result is one row of FROM, and another column changes none of them. */
function takesAnother({ kind, select, aggregated, groupKeys, outputs }: Level): boolean {
  if (kind !== 'select' || !select || aggregated || groupKeys.length > 0) return false;
  if (isDistinct(select) || select.groupClause?.length || select.havingClause || select.intoClause) return false;
  if (!select.targetList?.length || outputs.length >= MOST_COLUMNS) return false;
  return !isTable(select.targetList);
}

/** DISTINCT ON has expressions of its own: which rows are left does not depend on the list. */
function isDistinct({ distinctClause = [] }: Body<'SelectStmt'>): boolean {
  return distinctClause.some((node) => Object.keys(node).length === 0);
}

/** As a client could write it. */
function plain(entry: Entry, { name }: Column): string | undefined {
  if (entry.source.kind !== 'relation') return undefined;
  // Under a list of aliases its name may be another column's.
  if (as(entry.source.node, 'RangeVar')?.alias?.colnames?.length) return undefined;
  const shown = entry.source.view.columns.find(({ column }) => column.name === name);
  const own = entry.columns.find((column) => column.name === name && column.access === 'granted');
  return shown?.access === 'granted' && !shown.masked && own ? spell(entry, own) : undefined;
}

/** INVARIANT: an account that was given no more than the policies need (`rowgate compile`) can run what is added, too. */
export function isReadBy(role: RolePolicy, { oid }: Relation, { name }: Column): boolean {
  const select = role.relations.get(oid)?.select;
  const own = select?.columns.get(name);
  if (!select || (own && !own.mask)) return select !== undefined;
  const needs = [
    ...select.conditions.map((one) => one.needs),
    ...[...select.columns.values()].map((one) => one.maskNeeds),
  ];
  return needs.some((one) => one?.columns.includes(name));
}

/** Of a key that is masked or withheld the guarded subquery gives one more column, under a name that no client may use. */
function carried(
  { marks }: Analysis,
  level: Level,
  entry: Entry,
  { name }: Column,
  exported: Map<Entry, string[]>,
  number: number,
): string | undefined {
  const alias = entry.rename ?? entry.name;
  if (alias === undefined || entry.source.kind !== 'relation' || !entry.source.view.guarded) return undefined;
  // Rows as a whole would have it in them, and stars must be written out, which some cannot.
  if (marks.wholeRows.some((row) => row.entry === entry || row.entry.source.kind === 'join')) return undefined;
  if (marks.rowStars.length > 0 || marks.rowFields.some((field) => field.entry === entry)) return undefined;
  const stars = marks.stars.filter(
    (star) => star.level === level || star.columns.some((found) => found.entry === entry),
  );
  if (stars.some((star) => star.columns.some((found) => spell(found.entry, found.column) === undefined)))
    return undefined;
  const own = `${CARRIED}${number + 1}`;
  exported.set(entry, [...(exported.get(entry) ?? []), `${ROW}.${quoteName(name)} AS ${own}`]);
  entry.carries = true;
  return `${quoteName(alias)}.${own}`;
}

const CARRIED = 'rowgate_key_';

/** Behind every other change of the lists. */
export function addHiddenKeys(w: Rewriter, level: Level, { keys, spelled }: HiddenKeys): void {
  const list = level.select!.targetList!;
  const expression = keysExpression(keys, spelled);
  w.edits.append(endOfTargets(w, level, list), [', ', ...expression, ` AS ${CHECK_COLUMN}`]);
  const val = expressionTree(expression);
  w.mutate(() => {
    list.push({ ResTarget: { name: CHECK_COLUMN, val } });
  });
}

/** Never NULL, and of one length. @param behind a text that is NULL in every row that may stand. */
export function keysExpression(keys: readonly HiddenKey[], spelled: readonly string[], behind?: Template): Template {
  const parts = spelled.map(
    (text, i) => `pg_catalog.lpad(COALESCE((${text})::pg_catalog.text, ''), ${keys[i]!.width})`,
  );
  return [`pg_catalog.concat(${parts.join(', ')}`, ...(behind ? [', ', ...behind] : []), ')'];
}
