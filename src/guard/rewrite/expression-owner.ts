/**
 * `pg_get_expr(expression, relation)` prints column numbers as the names that they have in the relation: with another relation than the
 * expression's own it would print names that are withheld. So its second argument becomes the one that goes with the first.
 */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { spell } from '../../sql/analyze/column.ts';
import type { RangeTableColumn, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Body, Node } from '../../sql/parse/tree.ts';
import { replaceInPlace } from '../../sql/parse/tree.ts';
import { expressionTree, NotRewritable, type Rewriter } from './rewriter.ts';

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

/** Gives the argument that replaced another one, if any. */
export function expressionOwner(w: Rewriter, { marks }: Analysis, body: Body<'FuncCall'>): Node | undefined {
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
