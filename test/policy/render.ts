/** Runs what the loader compiled as the guard does: as a subquery in the relation's place. */
import { quoteIdentifier } from '../../src/policy/compile/names.ts';
import type { RelationGrant } from '../../src/policy/model/policy.ts';
import type { Template } from '../../src/sql/text/template.ts';

/** The text of a template over rows called `r`. */
export function render(template: Template): string {
  return template
    .map((piece) => {
      if (typeof piece === 'string') return piece;
      return piece.kind === 'row' ? 'r' : ':unfilled';
    })
    .join('');
}

/** `SELECT granted columns FROM relation WHERE conditions`. */
export function guardedSelect({ relation, select }: RelationGrant): string {
  const columns = [...(select?.columns.values() ?? [])].map(({ column, mask }) => {
    const name = quoteIdentifier(column.name);
    return mask ? `${render(mask)} AS ${name}` : `r.${name}`;
  });
  const conditions = (select?.conditions ?? []).map((condition) => render(condition.filter));
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const from = `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`;
  return `SELECT ${columns.join(', ')} FROM ${from} AS r${where}`;
}
