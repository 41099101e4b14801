/** Which column of a system catalog a reference means, and which of them may be given to functions that print what the catalogs hold. */
import type { Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import type { RangeTableColumn, RangeTableEntry } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** `pg_class.oid` of an unchanged column of a system catalog, read from the FROM item itself; undefined for any other. */
export function catalogColumn(entry: RangeTableEntry, column: RangeTableColumn): string | undefined {
  return readOf(entry, column)?.name;
}

function readOf(
  entry: RangeTableEntry,
  column: RangeTableColumn,
): { readonly entry: RangeTableEntry; readonly name: string } | undefined {
  if (column.from) return readOf(column.from.entry, column.from.column);
  const { source } = entry;
  if (source.kind !== 'relation' || !source.view.system || column.catalog !== true) return undefined;
  const base = source.view.columns[entry.columns.indexOf(column)];
  if (!base || source.view.relation.schema !== 'pg_catalog') return undefined;
  return { entry, name: `${source.view.relation.name}.${base.column.name}` };
}

/** Expressions over columns of one relation at most: of those over several (`pg_trigger.tgqual`) pg_get_expr fails. */
const STORED_EXPRESSIONS: ReadonlySet<string | undefined> = new Set([
  'pg_attrdef.adbin',
  'pg_class.relpartbound',
  'pg_constraint.conbin',
  'pg_index.indexprs',
  'pg_index.indpred',
  'pg_partitioned_table.partexprs',
  'pg_proc.proargdefaults',
  'pg_statistic_ext.stxexprs',
  'pg_type.typdefaultbin',
]);

/** A parsed expression that the server stores; rewriting adds the relation that belongs to it. */
export function isStoredExpression(r: Resolver, node: Node | undefined): boolean {
  const reference = node && r.marks.references.get(node);
  return reference !== undefined && STORED_EXPRESSIONS.has(catalogColumn(reference.entry, reference.column));
}

const MODIFIERS: Readonly<Record<string, string>> = {
  'pg_attribute.atttypid': 'pg_attribute.atttypmod',
  'pg_type.typbasetype': 'pg_type.typtypmod',
};

/** The type's own modifier from the same row, or no modifier: `interval` cannot print another's. */
export function isModifierOf(r: Resolver, type: Node | undefined, modifier: Node | undefined): boolean {
  if (as(modifier, 'A_Const')?.isnull) return true;
  const [one, other] = [type, modifier].map((node) => {
    const reference = node && r.marks.references.get(node);
    return reference && readOf(reference.entry, reference.column);
  });
  return one !== undefined && other?.entry === one.entry && MODIFIERS[one.name] === other.name;
}
