/** Writes the keys that a plan adds into the text: behind the lists of the queries that carry them, and last in the statement's own. */
import type { Level } from '../../sql/analyze/model.ts';
import type { Template } from '../../sql/template.ts';
import { endOfTargets } from '../rewrite/export-ok.ts';
import { expressionTree, type Rewriter } from '../rewrite/rewriter.ts';
import { CHECK_COLUMN } from '../rewrite/row-check.ts';
import type { KeyPlan } from './added-keys.ts';

/** Before lists are rewritten: their stars must not show what is carried. */
export function carryKeys({ carrying }: KeyPlan): void {
  for (const entry of carrying) entry.carries = true;
}

/** Of a read, behind every other change of its lists. */
export function writeKeys(w: Rewriter, top: Level, { inside, expression }: KeyPlan): void {
  for (const [query, list] of inside) for (const { text, name } of list) addTarget(w, query, [text], name);
  addTarget(w, top, expression, CHECK_COLUMN);
}

function addTarget(w: Rewriter, level: Level, expression: Template, name: string): void {
  const list = level.select!.targetList!;
  w.edits.append(endOfTargets(w, list), [', ', ...expression, ` AS ${name}`]);
  const val = expressionTree(expression);
  w.mutate(() => {
    list.push({ ResTarget: { name, val } });
  });
}
