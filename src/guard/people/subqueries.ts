/** Of subqueries in expressions: who of them stands in the row already, and which of them stand outside the select list and WHERE. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Level } from '../../sql/analyze/model.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { as, type Body, type Node, strings } from '../../sql/tree.ts';
import { type CallContext, walk } from './calls.ts';
import type { InRow, RowPeople, Shown } from './person.ts';
import { columnOf, sameKind } from './ties.ts';

/** `key IN (SELECT key …)`: the same person, or nobody. `row` is what `level`, the subquery, gives. */
export function comparedPerson(
  analysis: Analysis,
  catalog: Catalog,
  shown: Shown,
  link: Body<'SubLink'> | undefined,
  level: Level,
  row: RowPeople,
): InRow | undefined {
  const operator = link?.operName && strings(link.operName).join('.');
  if (link?.subLinkType !== 'ANY_SUBLINK' || (operator !== undefined && operator !== '=')) return undefined;
  const key = columnOf(analysis, link.testexpr);
  const [output] = level.outputs;
  if (!key || !output || !shown.get(key)) return undefined;
  if (!sameKind(catalog, key.column, output.source?.column ?? output)) return undefined;
  return row.people.find(({ keys }) => keys.includes(0));
}

/** Whether it puts all rows of its query into one value. */
export function collectsRows(node: Node | undefined): boolean {
  return as(node, 'SubLink')?.subLinkType === 'ARRAY_SUBLINK' || as(node, 'JsonArrayQueryConstructor') !== undefined;
}

/** The number of rows that a LIMIT gives may be a value. */
export function subqueriesOfLimit({ select }: Level, context: CallContext): Level[] {
  const found: Level[] = [];
  for (const node of [select?.limitCount, select?.limitOffset]) {
    if (!node || 'A_Const' in node || 'ParamRef' in node) continue;
    walk(node, context, (part) => {
      const inner = context.marks.sublinks.get(part);
      if (inner) found.push(inner);
    });
  }
  return found;
}
