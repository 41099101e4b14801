/** Resolves RETURNING: the rows as they are then, `old` and `new`. */
import type { Body } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import type { Write } from './findings.ts';
import type { QueryLevel, RangeTableEntry } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { lateScope, shadow, use } from './target.ts';
import { resolveTarget } from './target-list.ts';

/** `order`: the entries as a star goes through them. */
export function resolveReturning(
  r: Resolver,
  clause: Body<'ReturningClause'> | undefined,
  write: Write,
  order: readonly RangeTableEntry[],
): QueryLevel {
  const { level } = write;
  if (!clause?.exprs?.length) return level;
  use(r, write, 'select');
  const names = new Map([
    ['RETURNING_OPTION_OLD', 'old'],
    ['RETURNING_OPTION_NEW', 'new'],
  ]);
  for (const node of clause.options ?? []) {
    const option = as(node, 'ReturningOption');
    if (option?.option && option.value) names.set(option.option, option.value);
  }
  const shadows = [...names.values()].flatMap((name) => shadow(r, write, name) ?? []);
  const scope = lateScope(level, [...order.filter((e) => !shadows.includes(e)), ...shadows]);
  for (const node of clause.exprs) resolveTarget(r, node, scope, clause.exprs);
  return level;
}
