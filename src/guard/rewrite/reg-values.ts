/**
 * Refuses what looks into the catalogs and was not filtered: each call of such a function, and every other way in which a value of the `regclass` family could
 * come to be.
 */

import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import type { Node } from '../../sql/parse/tree.ts';
import { as, kindOf } from '../../sql/parse/tree.ts';
import { UNKNOWN } from '../../sql/types/oids.ts';
import { isOfMore, metadataFunction } from '../metadata/functions.ts';
import type { RegKind } from '../metadata/reg-types.ts';
import { NotRewritable } from './rewriter.ts';

/** What has been filtered: casts, literals and parameters by their node, calls by their body. */
export interface Filtered {
  readonly context: { readonly catalog: Catalog };
  readonly knowsObjects: boolean;
  /** What values of the type name, as far as this role has to be kept from it. */
  regKind(type: Oid): RegKind;
  readonly nodes: ReadonlySet<Node>;
  readonly calls: ReadonlySet<object>;
  /** TypeNames of casts that were filtered or need no filter. */
  readonly types: ReadonlySet<object>;
}

/** A number that becomes such a value by itself (in COALESCE, UNION, an argument) would be printed as a hidden object's name. */
export function refuseUnfiltered(analysis: Analysis, filtered: Filtered): void {
  const { marks } = analysis;
  // INVARIANT 99: every call was filtered, or its constant was judged, or nothing is sent.
  for (const [body, { fn }] of marks.calls)
    if (metadataFunction(fn) && !filtered.calls.has(body) && !(filtered.knowsObjects && !isOfMore(fn)))
      throw new NotRewritable(`${fn.name} here`);
  const { catalog } = filtered.context;
  const isReg = (oid: Oid): boolean => filtered.regKind(oid).kind !== 'no';
  for (const { body, type } of marks.types) {
    if (isReg(type.oid) && !filtered.types.has(body)) throw new NotRewritable(`type ${type.name} here`);
  }
  const typeOf = (node: Node): Oid => marks.expressions.get(node)?.type ?? 0;
  const part = (node: Node, type: Oid): void => {
    if (typeOf(node) !== type && typeOf(node) !== UNKNOWN && !filtered.nodes.has(node))
      throw new NotRewritable('a number that becomes the name of an object: write the cast');
  };
  for (const [node, { type }] of marks.expressions) {
    const call = as(node, 'FuncCall');
    if (call) checkCall(node, call, type);
    else if (isReg(type) && !filtered.nodes.has(node)) checkValue(node, type);
  }
  for (const level of marks.levels) {
    level.outputs.forEach((output, i) => {
      if (!isReg(output.type)) return;
      const arms = level.arms.map((arm) => arm.outputs[i]?.type ?? output.type);
      if (arms.some((type) => type !== output.type)) throw new NotRewritable('a UNION of names of objects and numbers');
      for (const list of level.select?.valuesLists ?? []) {
        const item = as(list, 'List')?.items?.[i];
        if (item) part(item, output.type);
      }
    });
    for (const entry of level.entries) checkJoin(entry);
  }

  function checkCall(node: Node, call: object, type: Oid): void {
    const found = marks.calls.get(call);
    if (!found && isReg(type) && !filtered.calls.has(call))
      throw new NotRewritable('a cast to the name of an object that is written as a call');
    if (!found || filtered.calls.has(call)) return;
    const args = as(node, 'FuncCall')?.args ?? [];
    args.forEach((arg, i) => {
      const declared = found.argTypes[i] ?? 0;
      if (isReg(declared)) part(as(arg, 'NamedArgExpr')?.arg ?? arg, declared);
    });
  }

  function checkValue(node: Node, type: Oid): void {
    switch (kindOf(node)) {
      case 'ColumnRef':
      case 'SubLink':
      case 'A_Indirection':
      case 'TypeCast': // of such a value to itself
        return;
      case 'CaseExpr': {
        const body = as(node, 'CaseExpr')!;
        const results = (body.args ?? []).map((when) => as(when, 'CaseWhen')!.result!);
        for (const item of body.defresult ? [...results, body.defresult] : results) part(item, type);
        return;
      }
      case 'CoalesceExpr':
        for (const item of as(node, 'CoalesceExpr')?.args ?? []) part(item, type);
        return;
      case 'MinMaxExpr':
        for (const item of as(node, 'MinMaxExpr')?.args ?? []) part(item, type);
        return;
      case 'A_ArrayExpr': {
        const elements = as(node, 'A_ArrayExpr')?.elements ?? [];
        const element = catalog.typesByOid.get(type)?.element ?? 0;
        for (const item of elements) part(item, typeOf(item) === type ? type : element);
        return;
      }
      default:
        throw new NotRewritable('this way to the name of an object');
    }
  }

  function checkJoin(entry: RangeTableEntry): void {
    if (entry.source.kind !== 'join') return;
    const { arms } = entry.source;
    for (const column of entry.columns) {
      if (!column.merged || !isReg(column.type)) continue;
      const types = arms.flatMap((arm) => arm.columns.filter((c) => c.name === column.name).map((c) => c.type));
      if (types.some((type) => type !== column.type)) throw new NotRewritable(`USING on "${column.name}"`);
    }
  }
}
