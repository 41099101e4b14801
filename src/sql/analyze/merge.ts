/** Resolves MERGE: its source, the condition that joins them, and each WHEN with the names that are visible there. */
import type { Body } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import { assign, insertColumns, setList } from './assigned-columns.ts';
import type { Write } from './findings.ts';
import { resolveItem } from './from.ts';
import type { QueryLevel, RangeTableEntry } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { resolveReturning } from './returning.ts';
import { condition, root } from './root.ts';
import { lateScope, refuseStarsInValues, scopeOf } from './target.ts';

/** Adds source and target to the write's level, and returns it. */
export function resolveMerge(r: Resolver, body: Body<'MergeStmt'>, write: Write): QueryLevel {
  const { level } = write;
  const targets = [...level.entries];
  resolveItem(r, body.sourceRelation!, level);
  const sources = level.entries.filter((entry) => !targets.includes(entry));
  if (body.joinCondition) condition(r, body.joinCondition, 'row', scopeOf(level), 'ON');
  // A star goes through the source before the target (manual, MERGE).
  resolveReturning(r, body.returningClause, write, [...sources, ...targets]);
  for (const node of body.mergeWhenClauses ?? []) {
    const when = as(node, 'MergeWhenClause')!;
    const scope = lateScope(level, visibleIn(when, targets, sources));
    if (when.condition) condition(r, when.condition, 'row', scope, 'WHEN');
    if (when.commandType === 'CMD_INSERT') {
      const columns = insertColumns(r, write, when, when.targetList, when.values?.length ?? 0);
      refuseStarsInValues(r, when.values ?? []);
      when.values?.forEach((value, i) => {
        root(r, value, 'row', scope);
        assign(r, columns[i], value);
      });
    } else setList(r, when.targetList, scope, write);
  }
  return level;
}

function visibleIn(
  { matchKind }: Body<'MergeWhenClause'>,
  targets: readonly RangeTableEntry[],
  sources: readonly RangeTableEntry[],
): readonly RangeTableEntry[] {
  switch (matchKind) {
    case 'MERGE_WHEN_NOT_MATCHED_BY_TARGET':
      return sources;
    case 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE':
      return targets;
    default:
      return [...targets, ...sources];
  }
}
