/** Calls that leave something behind which can be read later: they would tell of rows that are never sent. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel } from '../../sql/analyze/range-table.ts';
import type { Fn } from '../../sql/catalog/catalog.ts';
import { as, type Body, type Node } from '../../sql/parse/tree.ts';

/** INVARIANT 76: an allow-list of the server's own volatile functions: they give another value each time, and leave nothing behind. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'random',
  'random_normal',
  'clock_timestamp',
  'timeofday',
  'gen_random_uuid',
  'uuidv4',
  'uuidv7',
  'array_sample',
  'array_shuffle',
  'currval',
  'lastval',
]);

/** The name of one that stands elsewhere than in the list of the statement, by itself and with constant arguments: there it runs once for each row. */
export function effectIn({ uses, marks }: Analysis, top: QueryLevel): string | undefined {
  const source = marks.writes.find(({ level }) => level === top)?.source;
  const plain = new Set<Fn>();
  const elsewhere = new Set<Fn>();
  const once = new Set<object>();
  for (const level of source ? [top, source] : [top])
    for (const { node, target } of level.roots)
      if ((target || level.kind === 'values') && hasConstantArguments(node, marks)) once.add(as(node, 'FuncCall')!);
  for (const [body, { fn }] of marks.calls) (once.has(body) ? plain : elsewhere).add(fn);
  for (const use of uses) {
    if (use.kind !== 'function') continue;
    const found = use.candidates.find((fn) => hasEffect(fn) && (elsewhere.has(fn) || !plain.has(fn)));
    if (found) return found.name;
  }
  return undefined;
}

function hasEffect({ volatility, schema, name, kind }: Fn): boolean {
  return volatility === 'v' && kind !== 'p' && !(schema === 'pg_catalog' && WITHOUT_EFFECT.has(name));
}

function hasConstantArguments(node: Node, marks: Analysis['marks']): boolean {
  const call: Body<'FuncCall'> | undefined = as(node, 'FuncCall');
  if (!call || call.over || call.agg_filter) return false;
  return (call.args ?? []).every((arg) => 'ParamRef' in arg || marks.expressions.get(arg)?.constant === true);
}
