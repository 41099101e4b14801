/** Calls of functions that look into the catalogs: what they are asked about is looked up first. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { spell } from '../../sql/analyze/column.ts';
import type { RangeTableColumn, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Fn, Oid } from '../../sql/catalog/catalog.ts';
import { as, type Body, type Node, partsOf, qualifiedName, replaceInPlace, strings } from '../../sql/parse/tree.ts';
import { givesNothing } from '../function-class.ts';
import { type MetadataFunction, metadataFunction } from '../metadata/functions.ts';
import { isKeyOf } from '../metadata/keys.ts';
import { isSequenceFunction, namesSequence } from '../sequences.ts';
import type { MetadataWork } from './metadata-work.ts';
import { CALL, ofName } from './reg-lookup.ts';
import { expressionTree, NotRewritable, type Rewriter } from './rewriter.ts';
import { surround } from './surrounding-text.ts';

/** Which sequence is asked was judged by its constant name, and no result tells the name: it needs no looking up. */
export function passSequences(work: MetadataWork): void {
  for (const [key, { fn }] of work.analysis.marks.calls) {
    const call = key as Body<'FuncCall'>;
    const [sequence] = call.args ?? [];
    if (!isSequenceFunction(fn) || !sequence || !namesSequence(sequence)) continue;
    work.calls.add(call);
    work.pass(sequence);
  }
}

export function rewriteCall(work: MetadataWork, node: Node, body: Body<'FuncCall'>): void {
  const found = work.analysis.marks.calls.get(body);
  // A call that could not be resolved looks nothing up.
  if (!found)
    throw new NotRewritable(`${strings(body.funcname).at(-1)} with arguments of which the types cannot be told`);
  const { fn } = found;
  if (fn.schema === 'pg_catalog' && fn.name === 'pg_get_expr') {
    const out = expressionOwner(work.w, work.analysis, body);
    if (out) work.leaveOut(out);
    return;
  }
  const spec = metadataFunction(fn);
  if (!spec) return;
  work.calls.add(body);
  if (work.isGranted(fn)) return;
  const args = body.args ?? [];
  if (args.some((arg) => 'NamedArgExpr' in arg)) throw new NotRewritable(`named arguments of ${fn.name}`);
  if (spec.first && as(args[0], 'A_Const')?.sval) return;
  if (spec.key !== undefined && isKeyOf(spec.key, work.catalogColumn(args[0]))) return;
  if (args.some((arg) => contains(work, arg, 'window') || contains(work, arg, 'set-returning')))
    throw new NotRewritable(`a window or set-returning function inside ${fn.name}`);
  // INVARIANT 137: a function that gives nothing is never run: of NULL some show every session.
  if (fn.returnsSet && givesNothing(fn))
    throw new NotRewritable(`${fn.name} in this place: call it in FROM, with constants`);
  if (fn.returnsSet) filterArgument(work, args, fn, spec);
  else if (work.isInFrom(node)) throw new NotRewritable(`${fn.name} in FROM`);
  else wrapCall(work, node, body, args, fn, spec);
}

function contains(work: MetadataWork, node: Node, barrier: string): boolean {
  let found = false;
  const walk = (value: unknown): void => {
    if (found || typeof value !== 'object' || value === null || 'SubLink' in value) return;
    if (work.analysis.marks.expressions.get(value as Node)?.barrier === barrier) found = true;
    else for (const inner of partsOf(value)) walk(inner);
  };
  walk(node);
  return found;
}

/** `(SELECT f(a, b) FROM (SELECT (first)::type AS a, (second)::type AS b) WHERE it is found)`. */
function wrapCall(
  work: MetadataWork,
  node: Node,
  body: Body<'FuncCall'>,
  args: readonly Node[],
  fn: Fn,
  spec: MetadataFunction,
): void {
  work.replaced.add(body);
  const names = args.map((_, i) => `${CALL}.rowgate_${i + 1}`);
  const types = args.map((_, i) => typeName(work, fn.args[i]!));
  const condition = spec.condition(work.finder, { fn, args: names });
  const [first = '', ...more] = names;
  const passed = [spec.first ? spec.first(work.finder, first) : first, ...more].join(', ');
  const call = `(SELECT ${qualifiedName(fn.schema, fn.name)}(${passed})`;
  const pieces = args.length === 0 ? [`${call} WHERE ${condition})`] : [`${call} FROM (SELECT (`];
  for (let i = 1; i < args.length; i++) pieces.push(`)::${types[i - 1]} AS rowgate_${i}, (`);
  if (args.length > 0) pieces.push(`)::${types.at(-1)} AS rowgate_${args.length}) AS ${CALL} WHERE ${condition})`);
  surround(work.w, node, args, pieces);
}

function filterArgument(work: MetadataWork, args: readonly Node[], fn: Fn, spec: MetadataFunction): void {
  const [arg] = args;
  if (!arg || args.length !== 1) throw new NotRewritable(`this form of ${fn.name}`);
  const name = `${CALL}.rowgate_1`;
  const condition = spec.condition(work.finder, { fn, args: [name] });
  const kind = work.regKind(work.analysis.marks.literals.get(arg) ?? 0);
  const named = kind.kind === 'reg' && kind.type.lookup !== undefined;
  if (named) work.nodes.add(arg);
  const [before, behind] = named ? ofName(kind.type, work.finder, '') : ['', ''];
  surround(
    work.w,
    arg,
    [arg],
    [
      `(SELECT ${name} FROM (SELECT (${before}`,
      `${behind})::${typeName(work, fn.args[0]!)} AS rowgate_1) AS ${CALL} WHERE ${condition})`,
    ],
  );
}

function typeName(work: MetadataWork, oid: Oid): string {
  const type = work.context.catalog.typesByOid.get(oid);
  if (!type) throw new NotRewritable('an argument of a type that is not known');
  return qualifiedName(type.schema, type.name);
}

/** For each catalog's expressions: the column with the relation that they belong to; undefined if they name no columns. */
const OWNERS: Readonly<Record<string, string | undefined>> = {
  'pg_attrdef.adbin': 'adrelid',
  'pg_class.relpartbound': 'oid',
  'pg_constraint.conbin': 'conrelid',
  'pg_index.indexprs': 'indrelid',
  'pg_index.indpred': 'indrelid',
  'pg_partitioned_table.partexprs': 'partrelid',
  'pg_policy.polqual': 'polrelid',
  'pg_policy.polwithcheck': 'polrelid',
  'pg_publication_rel.prqual': 'prrelid',
  'pg_statistic_ext.stxexprs': 'stxrelid',
  'pg_trigger.tgqual': 'tgrelid',
  'pg_proc.proargdefaults': undefined,
  'pg_type.typdefaultbin': undefined,
};

/**
 * `pg_get_expr(expression, relation)` prints column numbers as the names that they have in the relation: with another relation than the expression's
 * own it would print names that are withheld. So its second argument becomes the one that goes with the first. Gives the argument that replaced
 * another one, if any.
 */
function expressionOwner(w: Rewriter, { marks }: Analysis, body: Body<'FuncCall'>): Node | undefined {
  const [expression, relation] = body.args ?? [];
  const reference = expression && marks.references.get(expression);
  if (!reference || !relation) throw new NotRewritable('pg_get_expr of what is no column of a system catalog');
  const { entry, column } = origin(reference.entry, reference.column);
  const { source } = entry;
  const base = source.kind === 'relation' ? source.view.columns[entry.columns.indexOf(column)] : undefined;
  if (source.kind !== 'relation' || !source.view.system || !base)
    throw new NotRewritable('pg_get_expr of what is no column of a system catalog');
  const name = `${source.view.relation.name}.${base.column.name}`;
  if (!Object.hasOwn(OWNERS, name)) throw new NotRewritable(`pg_get_expr of ${name}`);
  const key = OWNERS[name];
  const owner = key === undefined ? undefined : ownerColumn(entry, key);
  const other = marks.references.get(relation);
  if (owner && other) {
    const named = origin(other.entry, other.column);
    if (named.entry === entry && named.column === owner) return undefined;
  }
  const text = owner ? spell(entry, owner) : "'0'::pg_catalog.oid";
  if (text === undefined) throw new NotRewritable('pg_get_expr of a column with a relation that cannot be named');
  replace(w, relation, text);
  return relation;
}

/** Through joins: where the column comes from. */
function origin(
  entry: RangeTableEntry,
  column: RangeTableColumn,
): { entry: RangeTableEntry; column: RangeTableColumn } {
  return column.from ? origin(column.from.entry, column.from.column) : { entry, column };
}

function ownerColumn(entry: RangeTableEntry, key: string): RangeTableColumn | undefined {
  if (entry.source.kind !== 'relation') return undefined;
  const index = entry.source.view.columns.findIndex((c) => c.column.name === key);
  return entry.columns[index];
}

function replace(w: Rewriter, node: Node, text: string): void {
  const range = w.range(node);
  w.edits.replace(range.start, range.end, [text]);
  const tree = expressionTree([text]);
  w.mutateFirst(() => replaceInPlace(node, tree));
}
