/**
 * Makes a plain read return, in a last column, the keys in each row that it does not show unchanged: only for the guard, which looks for canaries
 * among them and removes the column.
 */
import type { Subject } from '../../policy/model/policy.ts';
import type { QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Template } from '../../sql/text/template.ts';
import type { HiddenKey } from '../decision.ts';
import type { Draft, DraftStatement } from '../draft.ts';
import type { KeyPlan } from '../subjects/added-keys.ts';
import type { Disclosure } from '../subjects/disclosure.ts';
import { endOfTargets } from './export-ok.ts';
import { KeySearch } from './key-search.ts';
import type { CarriedColumn } from './names.ts';
import { expressionTree, type Rewriter } from './rewriter.ts';
import { CHECK_COLUMN } from './row-check.ts';

export interface HiddenKeys {
  readonly keys: readonly HiddenKey[];
  /** Of each relation that does not show its key: what its guarded subquery gives besides. */
  readonly exported: ReadonlyMap<RangeTableEntry, readonly CarriedColumn[]>;
  /** What the queries of subqueries and CTEs give besides. */
  readonly inside: ReadonlyMap<QueryLevel, readonly CarriedColumn[]>;
  /** How each key is written in the select list. */
  readonly spelled: readonly string[];
}

/** Before relations are rewritten: which keys can be added. undefined: nothing is added. Refuses nothing that would run without it. */
export function findHiddenKeys(draft: Draft, statement: DraftStatement): HiddenKeys | undefined {
  const { analysis, kind, disclosures, check } = statement;
  const read = kind.kind === 'prepare' ? kind.inner.kind : kind;
  if (!analysis?.level || read.kind !== 'read' || check || !disclosures || draft.role.minGroup !== undefined)
    return undefined;
  const subjects = draft.subjects.map(({ subject }) => subject).filter((subject) => isLookedFor(subject, disclosures));
  if (subjects.length === 0) return undefined;
  const search = new KeySearch(draft, analysis, subjects);
  const found = search.in(analysis.level);
  if (found.length === 0) return undefined;
  const keys = found.map(({ subject, width }) => ({ subject, width }));
  return { keys, exported: search.exported, inside: search.inside, spelled: found.map(({ text }) => text) };
}

/** It has canaries, and a row shows a data subject without its key, and no added key names the row. */
function isLookedFor({ name, canaries }: Subject, disclosures: readonly Disclosure[]): boolean {
  const own = disclosures.find((one) => one.subject === name);
  if (canaries.length === 0 || !own) return false;
  return own.named === undefined || own.named.some(({ columns, added }) => columns.length + added.length === 0);
}

/** After every other change of the lists. `plan`: keys by which its rows are named. */
export function addHiddenKeys(
  w: Rewriter,
  level: QueryLevel,
  hidden: HiddenKeys | undefined,
  plan: KeyPlan | undefined,
): void {
  for (const one of [hidden, plan])
    for (const [query, list] of one?.inside ?? []) for (const { text, name } of list) addTarget(w, query, [text], name);
  const expression = hidden ? keysExpression(hidden.keys, hidden.spelled, plan?.expression) : plan?.expression;
  if (expression) addTarget(w, level, expression, CHECK_COLUMN);
}

function addTarget(w: Rewriter, level: QueryLevel, expression: Template, name: string): void {
  const list = level.select!.targetList!;
  w.edits.append(endOfTargets(w, list), [', ', ...expression, ` AS ${name}`]);
  const val = expressionTree(expression);
  w.mutate(() => {
    list.push({ ResTarget: { name, val } });
  });
}

/** Never NULL. @param behind a text that is appended; NULL adds nothing. */
export function keysExpression(keys: readonly HiddenKey[], spelled: readonly string[], behind?: Template): Template {
  const parts = spelled.map(
    (text, i) => `pg_catalog.lpad(COALESCE((${text})::pg_catalog.text, ''), ${keys[i]!.width})`,
  );
  const separator = parts.length > 0 && behind && behind.length > 0 ? [', '] : [];
  return [`pg_catalog.concat(${parts.join(', ')}`, ...separator, ...(behind ?? []), ')'];
}
