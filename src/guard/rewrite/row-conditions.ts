/** Row conditions over a target's own name: what its rows must fulfil to be found, and after they are changed. */
import { descendants } from '../../policy/compile/names.ts';
import type { Condition, RelationGrant } from '../../policy/model/policy.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Catalog, Relation, WriteEvent } from '../../sql/catalog/catalog.ts';
import { quoteName } from '../../sql/parse/tree.ts';
import type { Template } from '../../sql/text/template.ts';

/** All conditions, ANDed, in brackets, over the rows of `alias`; undefined if there are none. */
export function allOf(conditions: readonly Condition[], part: 'filter' | 'ok', alias: string): Template | undefined {
  const parts = conditions.map((c) => c[part].map((p) => (typeof p !== 'string' && p.kind === 'row' ? alias : p)));
  if (parts.length < 2) return parts[0];
  return ['(', ...parts.flatMap((template, i) => [...(i > 0 ? [' AND '] : []), ...template]), ')'];
}

/** The name of the target's rows in the text that is sent. */
export function aliasOf({ target }: Write): string {
  return quoteName(target?.rename ?? target?.name ?? '');
}

/**
 * The conditions on rows that this event leaves, to be checked for each row as it is stored; empty if none need checking. `shown`: the client gets
 * the row.
 */
export function conditionsOnWrittenRows(
  grant: RelationGrant,
  event: WriteEvent,
  write: Write,
  shown: boolean,
  catalog: Catalog,
): Condition[] {
  const seen = grant.select?.conditions ?? [];
  switch (event) {
    case 'insert':
      return unique([...(grant.insert?.conditions ?? []), ...(shown || write.events.includes('update') ? seen : [])]);
    case 'update': {
      const conditions = unique([...(grant.update?.conditions ?? []), ...seen]);
      return conditions.some((condition) => canMove(condition, grant.relation, write.sets, catalog)) ? conditions : [];
    }
    case 'delete':
      return [];
  }
}

function unique(conditions: readonly Condition[]): Condition[] {
  return [...new Set(conditions)];
}

/**
 * Whether an UPDATE can change what the condition reads of its row. No only where each column that it reads is a plain one
 * that SET does not name, and no trigger can set it.
 */
function canMove(condition: Condition, relation: Relation, sets: ReadonlySet<string>, catalog: Catalog): boolean {
  // The table behind it is not examined.
  if (relation.kind === 'v') return true;
  const family = [relation, ...descendants(catalog, relation)];
  // A row that moves to another partition is inserted there.
  const triggers = family.some(({ rowTriggers }) => rowTriggers.some((event) => event !== 'delete'));
  if (triggers) return true;
  return condition.reads.some((name) => {
    const columns = family.map((r) => r.columns.find((column) => column.name === name));
    return sets.has(name) || columns.some((column) => column === undefined || column.generated !== '');
  });
}
