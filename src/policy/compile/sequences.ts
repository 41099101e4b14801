/** `sequences` of a role: what it may do with a sequence that belongs to no column that it may write. */
import type { RelationGrant, SequenceRight } from '../model/policy.ts';
import type { Granted } from './grants.ts';
import { resolveRelation } from './names.ts';
import type { GrantsPart } from './row-conditions.ts';

export function compileSequences(
  sequences: Readonly<Record<string, readonly SequenceRight[]>>,
  { env, document, report }: GrantsPart,
  granted: Granted,
): void {
  for (const [name, rights] of Object.entries(sequences)) {
    const path = ['sequences', name];
    const rule = document.rule(path);
    const resolved = resolveRelation(env.catalog, env.searchPath, name);
    if ('problem' in resolved) {
      if (resolved.missing) report.withhold(document.place(path), resolved.problem);
      else report.error(document.place(path), resolved.problem);
      continue;
    }
    const relation = resolved.value;
    const before = granted.get(relation.oid);
    if (relation.kind !== 'S') report.error(document.place(path), `"${name}" is no sequence`);
    else if (before) {
      report.withhold(document.place(path), `sequence "${name}" is granted twice; the first grant is ${before.rule}`);
      granted.set(relation.oid, { ...before, grant: undefined });
    } else granted.set(relation.oid, { rule, grant: grantOf({ relation, rule, system: false }, rights) });
  }
}

function grantOf(grant: RelationGrant, rights: readonly SequenceRight[]): RelationGrant {
  const sequence = new Set(rights);
  if (!sequence.has('select')) return { ...grant, sequence };
  const { relation, rule } = grant;
  const columns = new Map(relation.columns.map((column) => [column.name, { column, rule }]));
  return { ...grant, sequence, select: { columns, conditions: [], whole: true, rule } };
}
