/** What a condition says of plain columns, whenever it holds: which two are equal, and which have values that the statement gives. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import { as, type Body, fieldsOf, type Node, strings } from '../../sql/parse/tree.ts';
import { extentOf } from '../../sql/text/extent.ts';
import * as t from '../../sql/types/oids.ts';
import { baseType, elementType } from '../../sql/types/type.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import type { GivenKeys } from './disclosure.ts';
import { isReadableForm } from './given-keys.ts';
import { type Compared, isOneKey, isReadableKey } from './key-types.ts';
import type { ColumnOf } from './shown-keys.ts';

/** The parts of a condition that all hold where it does. */
export function conjuncts(condition: Node | undefined): Node[] {
  const and = as(condition, 'BoolExpr');
  if (and?.boolop === 'AND_EXPR') return (and.args ?? []).flatMap(conjuncts);
  return condition ? [condition] : [];
}

/** Whether a part of an expression passes a test; undefined: what is inside decides. */
export function someIn(analysis: Analysis, part: unknown, test: (node: Node) => boolean | undefined): boolean {
  if (typeof part !== 'object' || part === null) return false;
  analysis.parsed.workLimit.spend();
  return test(part as Node) ?? fieldsOf(part).some(([, inner]) => someIn(analysis, inner, test));
}

/** The column of a FROM item, if the expression is a plain reference to it. */
export function columnOf({ marks }: Analysis, node: Node | undefined): ColumnOf | undefined {
  const reference = node && 'ColumnRef' in node ? marks.references.get(node) : undefined;
  return reference && behindJoins(reference);
}

export class Conditions {
  constructor(
    readonly analysis: Analysis,
    readonly catalog: Catalog,
  ) {}

  /** The server's own equality alone, of two plain columns: any other may hold of two different people. */
  equal(condition: Node): readonly [ColumnOf, ColumnOf] | undefined {
    const [left, right] = this.equated(condition, 'AEXPR_OP') ?? [];
    const [a, b] = [columnOf(this.analysis, left), columnOf(this.analysis, right)];
    return a && b && isOneKey(this.catalog, a.column, b.column) ? [a, b] : undefined;
  }

  /** The column whose values the statement gives, and where. `single`: it can only be one value. */
  given(
    condition: Node,
  ): { readonly column: ColumnOf; readonly keys: GivenKeys; readonly single: boolean } | undefined {
    const pair = this.equated(condition, 'AEXPR_OP');
    if (pair) {
      for (const [one, other] of [pair, [pair[1], pair[0]] as const]) {
        const column = columnOf(this.analysis, one);
        const keys = column && this.place(column, [other], false);
        if (keys) return { column, keys, single: true };
      }
      return undefined;
    }
    const [tested, list] = this.equated(condition, 'AEXPR_IN') ?? this.equated(condition, 'AEXPR_OP_ANY') ?? [];
    const column = columnOf(this.analysis, tested);
    if (!column || !list) return undefined;
    const items = as(list, 'List')?.items ?? as(list, 'A_ArrayExpr')?.elements;
    const keys = items ? this.place(column, items, false) : this.place(column, [list], true);
    return keys && { column, keys, single: false };
  }

  private equated(condition: Node, kind: Body<'A_Expr'>['kind']): readonly [Node, Node] | undefined {
    this.analysis.parsed.workLimit.spend();
    const body = as(condition, 'A_Expr');
    if (body?.kind !== kind || !body?.lexpr || !body.rexpr) return undefined;
    const name = strings(body.name);
    const equal = name.at(-1) === '=' && (name.length === 1 || (name.length === 2 && name[0] === 'pg_catalog'));
    return equal ? [body.lexpr, body.rexpr] : undefined;
  }

  private place({ column }: ColumnOf, nodes: readonly Node[], array: boolean): GivenKeys | undefined {
    const type = baseType(this.catalog, column.type);
    if (!isReadableKey(type) || nodes.length === 0) return undefined;
    if (!nodes.every((node) => isGivenKey(this, column, node, array))) return undefined;
    const { parsed } = this.analysis;
    const [first, last] = [nodes[0], nodes.at(-1)].map((node) => extentOf(node!, parsed));
    if (!first || !last) return undefined;
    const place = { start: first.start, end: last.end, array };
    return isReadableForm(parsed.text, place) ? { ...place, type } : undefined;
  }
}

/**
 * Whether it is a constant or a parameter, cast to the key's type or not at all. Not a computed value or a setting: the person must be known before the
 * statement runs. Nothing that would change the value: a length, a domain, another kind of type.
 */
export function isGivenKey(
  { analysis, catalog }: { readonly analysis: Analysis; readonly catalog: Catalog },
  column: Compared,
  node: Node,
  array: boolean,
): boolean {
  const cast = as(node, 'TypeCast');
  const inner = cast?.arg ?? node;
  if (cast?.typeName?.typmods?.length) return false;
  const number = as(inner, 'ParamRef')?.number;
  if (number === undefined && !as(inner, 'A_Const')) return false;
  const { marks, parameterTypes } = analysis;
  const typeOf = (one: Node): Oid => marks.expressions.get(one)?.type ?? t.UNTELLABLE;
  const types = [number === undefined ? typeOf(inner) : (parameterTypes[number - 1] ?? t.UNTELLABLE)];
  if (cast) types.push(typeOf(node));
  return types.every((type) => {
    // A literal without a type takes that of the column; a parameter has it by now.
    if (type === t.UNKNOWN) return number === undefined && isOneKey(catalog, column, column);
    const own = array ? elementType(catalog, type) : type;
    return own !== 0 && isOneKey(catalog, column, { type: own }) && catalog.typesByOid.get(own)?.kind === 'b';
  });
}
