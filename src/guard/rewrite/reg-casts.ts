/** Casts, literals and parameters that become the name of an object: each is looked up first. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Oid } from '../../sql/catalog/catalog.ts';
import { as, type Body, type Node, quoteName, strings } from '../../sql/parse/tree.ts';
import { columnName } from '../../sql/text/column-name.ts';
import * as t from '../../sql/types/oids.ts';
import { knowsObjects } from '../metadata/found.ts';
import { isKeyOf, isListOf } from '../metadata/keys.ts';
import { isPlainName } from '../metadata/plain-names.ts';
import { type RegKind, type RegType, regKind } from '../metadata/reg-types.ts';
import type { MetadataContext, MetadataWork } from './metadata-work.ts';
import { ofName, ofOid, ofOids, type TextAround } from './reg-lookup.ts';
import { NotRewritable } from './rewriter.ts';
import { surround } from './surrounding-text.ts';

const OIDS: ReadonlySet<Oid> = new Set([t.OID, t.INT2, t.INT4, t.INT8]);
const TEXTS: ReadonlySet<Oid> = new Set([t.TEXT, t.BPCHAR, 1043, 19, 18]);
const OID_LISTS: ReadonlySet<Oid> = new Set([30, 1028, 1005, 1007, 1016]);

/** Constants and parameters that are looked up while the statement runs, with their casts. */
export function lookedUp(analysis: Analysis, context: MetadataContext): ReadonlySet<Node> {
  const found = new Set<Node>();
  if (knowsObjects(context.role, context.catalog)) return found;
  const { marks, parameterTypes } = analysis;
  const add = (node: Node, value: Node | undefined, oid: Oid): void => {
    const kind = regKind(context.catalog, oid);
    if (kind.kind !== 'reg' || !value) return;
    const text = as(value, 'A_Const')?.sval;
    if ('ParamRef' in value || (text && !isPlainName(kind.type, text.sval ?? '', context))) found.add(node);
  };
  for (const [node, { type }] of marks.expressions) {
    add(node, as(node, 'TypeCast')?.arg ?? as(node, 'FuncCall')?.args?.[0], type);
    if ('ParamRef' in node) add(node, node, parameterTypes[(as(node, 'ParamRef')?.number ?? 0) - 1] ?? 0);
  }
  for (const [node, type] of marks.literals) add(node, node, type);
  return found;
}

export function rewriteCast(work: MetadataWork, node: Node, body: Body<'TypeCast'>): void {
  const kind = work.regKind(work.typeOf(node));
  work.types.add(body.typeName!);
  work.nodes.add(node);
  if (kind.kind === 'array') castList(work, node, kind.type, body);
  else if (kind.kind === 'reg') castOne(work, node, kind.type, body);
  else throw new NotRewritable('a cast to a type that holds names of objects');
}

function castOne(work: MetadataWork, node: Node, type: RegType, body: Body<'TypeCast'>): void {
  const { finder } = work;
  const arg = body.arg!;
  const from = work.typeOf(arg);
  const number = as(arg, 'ParamRef')?.number;
  const name = columnName(node);
  const alias = name === type.name ? '' : ` AS ${quoteName(name)}`;
  const replace = (around: TextAround): void => {
    work.replaced.add(body.typeName!);
    surround(work.w, node, [arg], around);
  };
  if (as(arg, 'A_Const')?.sval) {
    work.nodes.add(arg);
    literal(work, node, arg, type, body);
  } else if (
    as(arg, 'A_Const')?.isnull ||
    isKeyOf(type.catalog, work.catalogColumn(arg)) ||
    from === work.typeOf(node)
  ) {
    if (number !== undefined) {
      work.nodes.add(arg);
      replace(ofParameter(work, number, type, alias));
    }
  } else if (from === t.UNKNOWN && number !== undefined) {
    work.nodes.add(arg);
    if (!onlyCast(work, number))
      throw new NotRewritable('a parameter that is the name of an object, and something else');
    replace(ofParameter(work, number, type, alias));
  } else if (TEXTS.has(from)) {
    replace(ofName(type, finder, alias));
  } else if (OIDS.has(from) || work.regKind(from).kind === 'reg') replace(ofOid(type, finder, 'oid', alias));
  else throw new NotRewritable(`a cast of this to ${type.name}`);
}

/**
 * `regclass('t')` is `'t'::regclass`: of a constant without a type the name of a type makes a cast, whatever functions there are.
 * @returns whether the call is such a cast.
 */
export function rewriteCastCall(work: MetadataWork, node: Node, body: Body<'FuncCall'>): boolean {
  const kind = work.regKind(work.typeOf(node));
  const [arg, ...more] = body.args ?? [];
  const constant = as(arg, 'A_Const')?.sval;
  // INVARIANT 142: only what was resolved to no function, and only a constant, which is judged or looked up as one before `::`.
  if (work.analysis.marks.calls.has(body) || kind.kind !== 'reg' || !arg || !constant || more.length > 0) return false;
  if (strings(body.funcname).at(-1) !== kind.type.name || work.isInFrom(node)) return false;
  work.nodes.add(node).add(arg);
  work.calls.add(body);
  if (isPlainName(kind.type, constant.sval ?? '', work.context)) return true;
  work.replaced.add(body);
  surround(work.w, node, [arg], ofName(kind.type, work.finder, ''));
  return true;
}

function castList(work: MetadataWork, node: Node, type: RegType, body: Body<'TypeCast'>): void {
  const arg = body.arg!;
  const from = work.typeOf(arg);
  if (as(arg, 'A_Const')?.isnull || isListOf(type.catalog, work.catalogColumn(arg)) || from === work.typeOf(node))
    return;
  const constant = as(arg, 'A_Const')?.sval?.sval;
  if (constant !== undefined && areAllPlain(work, type, constant)) {
    work.nodes.add(arg);
    return;
  }
  if (!OID_LISTS.has(from) || as(arg, 'ParamRef')) throw new NotRewritable(`a cast of this to ${type.name}[]`);
  work.replaced.add(body.typeName!);
  surround(work.w, node, [arg], ofOids(type, work.finder, ` AS ${quoteName(columnName(node))}`));
}

/** `{int, int8}`: a list of names without quotes, each of which the role may know of in any case. */
function areAllPlain(work: MetadataWork, type: RegType, text: string): boolean {
  const names = /^\{([\w .]+(?:\[\])?(?:,[\w .]+(?:\[\])?)*)\}$/.exec(text)?.[1]?.split(',') ?? [];
  return names.length > 0 && names.every((name) => isPlainName(type, name.trim(), work.context));
}

/** Literals and parameters that are read as names by their place alone. */
export function rewriteUncast(work: MetadataWork): void {
  for (const [node, type] of work.analysis.marks.literals) {
    const reg = readBare(work, node, work.regKind(type), 'literal');
    if (reg) literal(work, node, node, reg);
  }
  for (const node of work.analysis.marks.expressions.keys()) {
    const reg = readBare(work, node, work.regKind(work.parameterType(node)), 'parameter');
    if (reg) surround(work.w, node, [node], ofParameter(work, as(node, 'ParamRef')!.number ?? 0, reg, ''));
  }
}

function readBare(work: MetadataWork, node: Node, kind: RegKind, what: string): RegType | undefined {
  if (kind.kind === 'no' || work.nodes.has(node)) return undefined;
  // Of no name, nothing is looked up.
  if (kind.kind !== 'reg' && as(node, 'A_Const')?.sval?.sval === '{}') {
    work.nodes.add(node);
    return undefined;
  }
  if (kind.kind !== 'reg') throw new NotRewritable(`a list of names of objects as a ${what}`);
  work.nodes.add(node);
  return kind.type;
}

/** A literal that is read as a name, in a cast or by its place. */
function literal(work: MetadataWork, node: Node, literal: Node, type: RegType, cast?: Body<'TypeCast'>): void {
  const text = as(literal, 'A_Const')?.sval?.sval ?? '';
  if (isPlainName(type, text, work.context)) return;
  if (cast) work.replaced.add(cast.typeName!);
  surround(work.w, node, [literal], ofName(type, work.finder, ''));
}

/**
 * The server never reads a parameter's value as the name of an object: its error would reveal that there is none. If the client has declared such a
 * type it is read as a number, which has the same binary format; otherwise as a text, which is looked up.
 */
function ofParameter(work: MetadataWork, number: number, type: RegType, alias: string): TextAround {
  const { parameters, context, finder } = work;
  if (number <= parameters.declaredTypes.length)
    throw new NotRewritable('a parameter of PREPARE that is declared as the name of an object');
  const declared = work.regKind(context.parameterTypes[number - 1] ?? 0).kind !== 'no';
  parameters.readAs.set(number, declared ? t.OID : t.TEXT);
  return declared ? ofOid(type, finder, 'oid', alias) : ofName(type, finder, alias);
}

/** Every place of the parameter is a cast to the name of an object, and the client has not said its type: it may be read as text. */
function onlyCast(work: MetadataWork, number: number): boolean {
  let places = 0;
  let casts = 0;
  for (const node of work.analysis.marks.expressions.keys()) {
    if (as(node, 'ParamRef')?.number === number) places += 1;
    const cast = as(node, 'TypeCast');
    if (cast && as(cast.arg, 'ParamRef')?.number === number && work.regKind(work.typeOf(node)).kind === 'reg')
      casts += 1;
  }
  return places === casts;
}
