/** What aggregate and window calls bring into a row beside the people of the rows themselves. */
import { summaryOf } from '../../sql/analyze/collects.ts';
import { digitsOf, UNBOUNDED } from '../../sql/analyze/digits.ts';
import type { Marks } from '../../sql/analyze/findings.ts';
import type { Level } from '../../sql/analyze/model.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { as, type Body, fieldsOf, type Node } from '../../sql/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import type { RowPeople } from './person.ts';

export interface CallContext {
  readonly marks: Marks;
  readonly catalog: Catalog;
  readonly spend: () => void;
}

/** One call of a select list. */
export interface Summarizing {
  /** People for each one of whom a row of its input holds. */
  readonly weight: number;
  /** It tells a number or a truth of rows that it selects itself. */
  readonly selects: boolean;
  /** Its name, where values of all rows stand in its result. */
  readonly gathers: string | undefined;
  /** Of a window function. */
  readonly window: Body<'WindowDef'> | undefined;
}

/** So many digits may be an identifier, a date, an age with a mark. */
const DIGITS_OF_ONE = 10;

/** A sum of numbers of so few digits counts rows. */
const DIGITS_OF_A_COUNT = 2;

/** The calls in the items of a select or RETURNING list; those of subqueries are theirs. */
export function callsIn(nodes: readonly Node[], level: Level, context: CallContext): Summarizing[] {
  const found: Summarizing[] = [];
  walk(nodes, context, (node) => {
    const barrier = context.marks.expressions.get(node)?.barrier;
    if (barrier === 'aggregate' || barrier === 'window') found.push(judge(node, level, context));
  });
  return found;
}

/** What calls add to a row. `moving`: how many people differ from row to row of what a call is made over. */
export function addedBy(
  calls: readonly Summarizing[],
  moving: (call: Summarizing) => number,
): Pick<RowPeople, 'unnamed' | 'gathers'> {
  let [unnamed, gathers]: [number, string | undefined] = [0, undefined];
  let selecting = 0;
  for (const call of calls) {
    const people = moving(call);
    unnamed += people * call.weight;
    if (call.selects) selecting = Math.max(selecting, people);
    if (people > 0) gathers ??= call.gathers;
  }
  // Eight numbers or truths of rows that they choose may be a value of somebody.
  const eights = Math.floor(calls.filter(({ selects }) => selects).length / 8);
  return { unnamed: unnamed + selecting * eights, gathers };
}

/** Every node of the expressions, subqueries left out. */
export function walk(value: unknown, context: CallContext, visit: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null || 'ColumnRef' in value) return;
  context.spend();
  if (context.marks.expressions.has(value as Node)) visit(value as Node);
  for (const [field, inner] of fieldsOf(value)) {
    if (field !== 'subselect' && field !== 'query') walk(inner, context, visit);
  }
}

function judge(node: Node, level: Level, context: CallContext): Summarizing {
  const call = as(node, 'FuncCall');
  const made = as(node, 'JsonObjectAgg') ?? as(node, 'JsonArrayAgg');
  if (as(node, 'GroupingFunc')) return { weight: 0, selects: false, gathers: undefined, window: undefined };
  const fn = call && context.marks.calls.get(call)?.fn;
  const over = call?.over ?? (made && Object.hasOwn(made, 'constructor') ? overOf(made.constructor) : undefined);
  const window = over && windowOf(over, level);
  // INVARIANT: what is not known gathers.
  if (!call || !fn) return { weight: 1, selects: false, gathers: 'this call', window };
  const summary = summaryOf(fn);
  if (summary === 'values') return { weight: 1, selects: false, gathers: fn.name, window };
  if (summary === 'value') return { weight: 1, selects: false, gathers: undefined, window };
  const selecting = call.agg_filter !== undefined || !(call.args ?? []).every((arg) => isStored(arg, context));
  if (summary === 'count') return { weight: 0, selects: selecting, gathers: undefined, window };
  // A frame of one row selects as well.
  if (!selecting && !window) return { weight: 0, selects: false, gathers: undefined, window };
  const { marks, catalog, spend } = context;
  const digits = Math.max(0, ...(call.args ?? []).map((arg) => digitsOf(arg, marks, catalog, spend)));
  if (digits === UNBOUNDED) return { weight: 1, selects: false, gathers: fn.name, window };
  const weight = digits <= DIGITS_OF_A_COUNT ? 0 : Math.ceil(digits / DIGITS_OF_ONE);
  return { weight, selects: weight === 0, gathers: undefined, window };
}

function overOf(made: unknown): Body<'WindowDef'> | undefined {
  return (made as { over?: Body<'WindowDef'> }).over;
}

/** The definition that `OVER name` and `OVER (name …)` take. */
function windowOf(over: Body<'WindowDef'>, level: Level): Body<'WindowDef'> {
  const name = over.refname ?? (over.partitionClause || over.orderClause ? undefined : over.name);
  if (name === undefined) return over;
  const named = (level.select?.windowClause ?? []).map((node) => as(node, 'WindowDef'));
  const found = named.find((window) => window?.name === name);
  return found && found !== over ? found : over;
}

/** A column of a table as it stands, through whatever passes it on: what is computed of a row may have selected it. */
function isStored(node: Node, { marks }: CallContext): boolean {
  if (as(node, 'A_Const')) return true;
  let reference = marks.references.get(node);
  while (reference) {
    const { entry, column } = behindJoins(reference);
    const { source } = entry;
    if (source.kind === 'relation') return true;
    const level = source.kind === 'query' ? source.level : undefined;
    reference = level?.outputs[entry.columns.indexOf(column)]?.source;
  }
  return false;
}
