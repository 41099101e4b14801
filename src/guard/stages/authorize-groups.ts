/** Stage 4 for a role with `min_group`: every query over data must be one of groups, and nothing else may show or change a row. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Draft, DraftStatement } from '../draft.ts';
import { isData } from '../groups/data.ts';
import { judgeLevel } from '../groups/judge-level.ts';

/** Fills in `statement.groups`; the refusal where the statement is not of that form. */
export function authorizeGroups(draft: Draft, statement: DraftStatement): Refusal | undefined {
  const { role, catalog } = draft;
  const { analysis } = statement;
  const least = role.minGroup;
  if (least === undefined || !analysis) return undefined;
  const levels = analysis.marks.levels.filter((level) => level.entries.some((entry) => isData(entry, role)));
  // What a write returns, changes or fails on is single rows.
  if (analysis.marks.levels.some((level) => level.kind === 'write')) return denied(draft, statement.command, least);
  if (levels.length === 0) return undefined;
  if (statement.copy?.relation) return denied(draft, 'COPY of a table', least);
  // Plans tell how many rows are expected, or were found, in groups of any size.
  if (statement.kind.kind === 'explain' && !(statement.explains && role.statements.has('explain')))
    return denied(draft, statement.explains ? 'EXPLAIN' : 'EXPLAIN ANALYZE', least);
  let names = 0;
  const newName = (): string => {
    names += 1;
    return `rowgate_unit_${names}`;
  };
  for (const level of levels) {
    const found = judgeLevel(level, { analysis, role, catalog, least, newName });
    if ('severity' in found) return found;
    statement.groups.push(found);
  }
  return undefined;
}

function denied({ role }: Draft, what: string, least: number): Refusal {
  return refusal(
    'min-group',
    '42501',
    `permission denied for ${what}: the role sees groups of at least ${least} only`,
    {
      hint: 'Select counts, sums or averages of groups.',
      rule: role.rule,
    },
  );
}
