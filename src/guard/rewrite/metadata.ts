/**
 * Calls and casts that look into the server's catalogs by OID or name are asked only about what the role finds there: each becomes a
 * subquery that first looks its object up in the filtered catalog, and gives NULL where it is not there.
 */

import type { RolePolicy } from '../../policy/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Catalog, Fn, Oid } from '../../sql/catalog.ts';
import { columnName } from '../../sql/colname.ts';
import type { Body, Node } from '../../sql/tree.ts';
import { as, qualifiedName, quoteName, strings } from '../../sql/tree.ts';
import * as t from '../../sql/types/oids.ts';
import { type Finder, finderOf } from '../metadata/found.ts';
import { METADATA, type MetadataFunction, metadataFunction } from '../metadata/functions.ts';
import { catalogColumn, isKeyOf, isListOf } from '../metadata/keys.ts';
import { isPlainName } from '../metadata/plain-names.ts';
import { type RegType, regKind } from '../metadata/reg-types.ts';
import { isSequenceFunction, namesSequence } from '../sequences.ts';
import { expressionOwner } from './expression-owner.ts';
import { type Filtered, refuseUnfiltered } from './reg-values.ts';
import { become, detached, expressionTree, NotRewritable, type Rewriter } from './rewriter.ts';

/** Argument `n` in a text of ours that is parsed by itself. */
const PLACE = 1_900_000_000;
const CALL = 'rowgate_call';
const OIDS: ReadonlySet<Oid> = new Set([t.OID, t.INT2, t.INT4, t.INT8]);
const TEXTS: ReadonlySet<Oid> = new Set([t.TEXT, t.BPCHAR, 1043, 19, 18]);
const OID_LISTS: ReadonlySet<Oid> = new Set([30, 1028, 1005, 1007, 1016]);

export interface MetadataContext {
  readonly role: RolePolicy;
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
}

/** `wrapped`: expressions that have their names already. Gives the bodies of calls that were replaced and of types that went with their casts: no schema is put in front of those. */
export function rewriteMetadata(
  w: Rewriter,
  analysis: Analysis,
  wrapped: ReadonlySet<Node>,
  context: MetadataContext,
): ReadonlySet<object> {
  const work = new MetadataRewriter(w, analysis, context);
  work.run();
  keepNames(w, analysis, wrapped, work.nodes);
  refuseUnfiltered(analysis, context.catalog, work);
  return work.replaced;
}

class MetadataRewriter implements Filtered {
  readonly nodes = new Set<Node>();
  readonly calls = new Set<object>();
  readonly types = new Set<object>();
  readonly replaced = new Set<object>();
  private readonly finder: Finder;
  private readonly fromFunctions: ReadonlySet<Node>;

  constructor(
    private readonly w: Rewriter,
    private readonly analysis: Analysis,
    private readonly context: MetadataContext,
  ) {
    this.finder = finderOf(context.role, context.catalog);
    this.fromFunctions = new Set(
      analysis.marks.levels.flatMap((level) => level.roots.filter((root) => root.inFrom).map((root) => root.node)),
    );
  }

  run(): void {
    const { calls, expressions, literals } = this.analysis.marks;
    for (const [body, { fn }] of calls) if (isSequenceFunction(fn)) this.passSequence(body as Body<'FuncCall'>);
    const nodes = [...expressions.keys()].filter((node) => 'FuncCall' in node || 'TypeCast' in node);
    const ranged = nodes.filter((node) => this.concerns(node)).map((node) => ({ node, range: this.w.range(node) }));
    // What stands around another comes first: its text lies outside.
    ranged.sort((a, b) => a.range.start - b.range.start || b.range.end - a.range.end);
    for (const { node } of ranged) {
      if (this.nodes.has(node)) continue; // left out with what was around it
      if ('FuncCall' in node) this.call(node, as(node, 'FuncCall')!);
      else this.cast(node, as(node, 'TypeCast')!);
    }
    for (const [node, type] of literals) {
      const kind = regKind(this.context.catalog, type);
      if (kind.kind === 'no' || this.nodes.has(node)) continue;
      if (kind.kind !== 'reg') throw new NotRewritable('a list of names of objects as a literal');
      this.nodes.add(node);
      this.literal(node, node, kind.type);
    }
    for (const node of expressions.keys()) {
      const kind = regKind(this.context.catalog, this.parameterType(node));
      if (kind.kind === 'no' || this.nodes.has(node)) continue;
      if (kind.kind !== 'reg') throw new NotRewritable('a list of names of objects as a parameter');
      this.nodes.add(node);
      this.wrap(node, node, this.ofOid(kind.type, kind.type.name, ''));
    }
  }

  /** INVARIANT: which sequence is asked was judged by its constant name, and no result tells the name: it needs no looking up. */
  private passSequence(call: Body<'FuncCall'>): void {
    const [sequence] = call.args ?? [];
    if (!sequence || !namesSequence(sequence)) return;
    this.calls.add(call);
    this.pass(sequence);
  }

  /** Nothing in it has to be filtered. */
  private pass(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    for (const set of [this.nodes as Set<object>, this.calls, this.types]) set.add(value);
    for (const inner of Object.values(value)) this.pass(inner);
  }

  /** The type of a parameter as the statement settled it; 0 for any other node. */
  private parameterType(node: Node): Oid {
    const number = as(node, 'ParamRef')?.number;
    return number === undefined ? 0 : (this.analysis.parameterTypes[number - 1] ?? 0);
  }

  private concerns(node: Node): boolean {
    const cast = as(node, 'TypeCast');
    if (cast) return regKind(this.context.catalog, this.typeOf(node)).kind !== 'no';
    const names = strings(as(node, 'FuncCall')?.funcname);
    const name = names.at(-1) ?? '';
    return Object.hasOwn(METADATA, name) || name === 'pg_get_expr';
  }

  private typeOf(node: Node | undefined): Oid {
    return (node && this.analysis.marks.expressions.get(node)?.type) ?? 0;
  }

  /** `pg_class.oid` where the node is that column as it stands. */
  private catalogColumn(node: Node | undefined): string | undefined {
    const reference = node && this.analysis.marks.references.get(node);
    return reference && catalogColumn(reference.entry, reference.column);
  }

  private call(node: Node, body: Body<'FuncCall'>): void {
    const found = this.analysis.marks.calls.get(body);
    // INVARIANT: a call of which it cannot be told what it is asks nothing.
    if (!found)
      throw new NotRewritable(`${strings(body.funcname).at(-1)} with arguments of which the types cannot be told`);
    const { fn } = found;
    if (fn.schema === 'pg_catalog' && fn.name === 'pg_get_expr') {
      const out = expressionOwner(this.w, this.analysis, body);
      if (out) this.leaveOut(out);
      return;
    }
    const spec = metadataFunction(fn.schema, fn.name);
    if (!spec) return;
    this.calls.add(body);
    const args = body.args ?? [];
    if (args.some((arg) => 'NamedArgExpr' in arg)) throw new NotRewritable(`named arguments of ${fn.name}`);
    if (spec.key !== undefined && isKeyOf(spec.key, this.catalogColumn(args[0]))) return;
    if (args.some((arg) => this.contains(arg, 'window') || this.contains(arg, 'set-returning')))
      throw new NotRewritable(`a window or set-returning function inside ${fn.name}`);
    if (fn.returnsSet) this.filterArgument(args, fn, spec);
    else if (this.fromFunctions.has(node)) throw new NotRewritable(`${fn.name} in FROM`);
    else this.wrapCall(node, body, args, fn, spec);
  }

  /** The text of a node went: nothing in it is to be changed. */
  private leaveOut(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    for (const set of [this.nodes as Set<object>, this.calls, this.types, this.replaced]) set.add(value);
    for (const inner of Object.values(value)) this.leaveOut(inner);
  }

  private contains(node: Node, barrier: string): boolean {
    let found = false;
    const walk = (value: unknown): void => {
      if (found || typeof value !== 'object' || value === null || 'SubLink' in value) return;
      if (this.analysis.marks.expressions.get(value as Node)?.barrier === barrier) found = true;
      else for (const inner of Object.values(value)) walk(inner);
    };
    walk(node);
    return found;
  }

  /** `(SELECT f(a, b) FROM (SELECT (first)::type AS a, (second)::type AS b) WHERE it is found)`. */
  private wrapCall(node: Node, body: Body<'FuncCall'>, args: readonly Node[], fn: Fn, spec: MetadataFunction): void {
    this.replaced.add(body);
    const names = args.map((_, i) => `${CALL}.rowgate_${i + 1}`);
    const types = args.map((_, i) => this.typeName(fn.args[i]!));
    const condition = spec.condition(this.finder, { fn, args: names });
    const pieces = [`(SELECT ${qualifiedName(fn.schema, fn.name)}(${names.join(', ')}) FROM (SELECT (`];
    for (let i = 1; i < args.length; i++) pieces.push(`)::${types[i - 1]} AS rowgate_${i}, (`);
    pieces.push(`)::${types.at(-1)} AS rowgate_${args.length}) AS ${CALL} WHERE ${condition})`);
    this.around(node, args, pieces);
  }

  private filterArgument(args: readonly Node[], fn: Fn, spec: MetadataFunction): void {
    const [arg] = args;
    if (!arg || args.length !== 1) throw new NotRewritable(`this form of ${fn.name}`);
    const name = `${CALL}.rowgate_1`;
    const condition = spec.condition(this.finder, { fn, args: [name] });
    const kind = regKind(this.context.catalog, this.analysis.marks.literals.get(arg) ?? 0);
    const named = kind.kind === 'reg' && kind.type.lookup !== undefined;
    if (named) this.nodes.add(arg);
    const [before, behind] = named ? this.ofText(kind.type, '') : ['', ''];
    this.wrap(arg, arg, [
      `(SELECT ${name} FROM (SELECT (${before}`,
      `${behind})::${this.typeName(fn.args[0]!)} AS rowgate_1) AS ${CALL} WHERE ${condition})`,
    ]);
  }

  private typeName(oid: Oid): string {
    const type = this.context.catalog.typesByOid.get(oid);
    if (!type) throw new NotRewritable('an argument of a type that is not known');
    return qualifiedName(type.schema, type.name);
  }

  private cast(node: Node, body: Body<'TypeCast'>): void {
    const kind = regKind(this.context.catalog, this.typeOf(node));
    const arg = body.arg!;
    this.types.add(body.typeName!);
    this.nodes.add(node);
    if (kind.kind === 'array') {
      this.castList(node, arg, kind.type, body);
      return;
    }
    if (kind.kind !== 'reg') throw new NotRewritable('a cast to a type that holds names of objects');
    const { type } = kind;
    const from = this.typeOf(arg);
    const number = as(arg, 'ParamRef')?.number;
    const name = columnName(node);
    const alias = name === type.name ? '' : ` AS ${quoteName(name)}`;
    const replace = (pieces: readonly [string, string]): void => {
      this.replaced.add(body.typeName!);
      this.wrap(node, arg, pieces);
    };
    if (as(arg, 'A_Const')?.sval) {
      this.nodes.add(arg);
      this.literal(node, arg, type, body);
    } else if (
      as(arg, 'A_Const')?.isnull ||
      isKeyOf(type.catalog, this.catalogColumn(arg)) ||
      from === this.typeOf(node)
    ) {
      if (number !== undefined) {
        this.nodes.add(arg);
        replace(this.ofOid(type, type.name, alias));
      }
    } else if (from === t.UNKNOWN && number !== undefined) {
      this.nodes.add(arg);
      const byName = type.lookup !== undefined && this.onlyCast(number);
      replace(byName ? this.ofText(type, alias) : this.ofOid(type, type.name, alias));
    } else if (TEXTS.has(from)) {
      if (type.lookup !== undefined) replace(this.ofText(type, alias));
    } else if (OIDS.has(from) || regKind(this.context.catalog, from).kind === 'reg')
      replace(this.ofOid(type, 'oid', alias));
    else throw new NotRewritable(`a cast of this to ${type.name}`);
  }

  private castList(node: Node, arg: Node, type: RegType, body: Body<'TypeCast'>): void {
    const from = this.typeOf(arg);
    if (as(arg, 'A_Const')?.isnull || isListOf(type.catalog, this.catalogColumn(arg)) || from === this.typeOf(node))
      return;
    if (!OID_LISTS.has(from) || as(arg, 'ParamRef')) throw new NotRewritable(`a cast of this to ${type.name}[]`);
    this.replaced.add(body.typeName!);
    const list = `${CALL}.rowgate_1`;
    const item = 'rowgate_item.rowgate_oid';
    this.wrap(node, arg, [
      `(SELECT (CASE WHEN ${list} IS NOT NULL THEN ARRAY(SELECT CASE WHEN ${item} = '0'::pg_catalog.oid OR ${type.found(this.finder, item)} THEN ${item} END FROM pg_catalog.unnest(${list}) WITH ORDINALITY AS rowgate_item(rowgate_oid, rowgate_n) ORDER BY rowgate_item.rowgate_n) END)::pg_catalog.${type.name}[] AS ${quoteName(columnName(node))} FROM (SELECT (`,
      `)::pg_catalog.oid[] AS rowgate_1) AS ${CALL})`,
    ]);
  }

  /** A literal that is read as a name, in a cast or by its place. */
  private literal(node: Node, literal: Node, type: RegType, cast?: Body<'TypeCast'>): void {
    const text = as(literal, 'A_Const')?.sval?.sval ?? '';
    if (type.lookup === undefined || isPlainName(type, text, this.context)) return;
    if (cast) this.replaced.add(cast.typeName!);
    this.wrap(node, literal, this.ofText(type, ''));
  }

  /** INVARIANT: a hidden relation and one that does not exist give the same error; other kinds of object give NULL, both alike. */
  private ofText(type: RegType, alias: string): [string, string] {
    const oid = `${CALL}.rowgate_oid`;
    const text = `${CALL}.rowgate_1`;
    const found = type.found(this.finder, oid);
    const missing =
      type.name === 'regclass'
        ? ` WHEN ${text} IS NOT NULL THEN pg_catalog.regclass(pg_catalog.quote_ident(' ' || ${text}))`
        : '';
    return [
      `(SELECT (CASE WHEN ${oid} = '0'::pg_catalog.oid OR ${found} THEN ${oid}${missing} END)::pg_catalog.${type.name}${alias} FROM (SELECT CASE WHEN rowgate_text.rowgate_1 ~ '^[0-9]{1,9}$' THEN rowgate_text.rowgate_1::pg_catalog.oid::pg_catalog.${type.name} ELSE pg_catalog.${type.lookup}(rowgate_text.rowgate_1) END AS rowgate_oid, rowgate_text.rowgate_1 FROM (SELECT (`,
      `)::pg_catalog.text AS rowgate_1) AS rowgate_text) AS ${CALL})`,
    ];
  }

  private ofOid(type: RegType, read: string, alias: string): [string, string] {
    const oid = `${CALL}.rowgate_1`;
    return [
      `(SELECT (CASE WHEN ${oid} = '0'::pg_catalog.oid OR ${type.found(this.finder, oid)} THEN ${oid} END)::pg_catalog.${type.name}${alias} FROM (SELECT (`,
      `)::pg_catalog.${read} AS rowgate_1) AS ${CALL})`,
    ];
  }

  /** Every place of the parameter is a cast to the name of an object, and the client has not said its type: it may be read as text. */
  private onlyCast(number: number): boolean {
    let places = 0;
    let casts = 0;
    for (const node of this.analysis.marks.expressions.keys()) {
      if (as(node, 'ParamRef')?.number === number) places += 1;
      const cast = as(node, 'TypeCast');
      if (
        cast &&
        as(cast.arg, 'ParamRef')?.number === number &&
        regKind(this.context.catalog, this.typeOf(node)).kind === 'reg'
      )
        casts += 1;
    }
    return places === casts;
  }

  private wrap(node: Node, arg: Node, pieces: readonly [string, string]): void {
    this.around(node, [arg], pieces);
  }

  /** Puts the pieces before, between and behind the arguments, in the place of all else of the node. */
  private around(node: Node, args: readonly Node[], pieces: readonly string[]): void {
    const own = this.w.range(node);
    const ranges = args.map((arg) => (arg === node ? own : this.w.outerRange(arg)));
    // Brackets around the first or last argument are its own.
    const whole = {
      start: Math.min(own.start, ranges[0]?.start ?? own.start),
      end: Math.max(own.end, ranges.at(-1)?.end ?? own.end),
    };
    const tree = expressionTree([pieces.reduce((text, piece, i) => `${text}$${PLACE + i - 1}${piece}`)]);
    let at = whole.start;
    pieces.forEach((piece, i) => {
      const range = ranges[i];
      if (!range && at === whole.end) this.w.edits.close(at, [piece]);
      else this.w.edits.replace(at, range?.start ?? whole.end, [piece]);
      at = range?.end ?? whole.end;
    });
    this.w.mutateFirst(() => {
      fill(
        tree,
        args.map((arg) => (arg === node ? detached(arg) : arg)),
      );
      become(node, tree);
    });
  }
}

/** Puts the arguments into their places. */
function fill(value: unknown, args: readonly Node[]): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [field, inner] of Object.entries(value)) {
    const number = (inner as { ParamRef?: { number?: number } } | null)?.ParamRef?.number;
    const arg = number === undefined ? undefined : args[number - PLACE];
    if (arg) (value as Record<string, unknown>)[field] = arg;
    else fill(inner, args);
  }
}

/** A target without AS takes its name from the expression, also from inside CASE or a cast: a subquery there would be another name. */
function keepNames(w: Rewriter, { marks }: Analysis, wrapped: ReadonlySet<Node>, changed: ReadonlySet<Node>): void {
  const holds = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && (changed.has(value as Node) || Object.values(value).some(holds));
  for (const { node, target } of marks.levels.flatMap((level) => level.roots)) {
    if (!target || target.name !== undefined || wrapped.has(node) || changed.has(node)) continue;
    if (!('CaseExpr' in node || 'TypeCast' in node || 'CollateClause' in node) || !holds(node)) continue;
    const name = columnName(node);
    w.edits.append(w.outerRange(node).end, [` AS ${quoteName(name)}`]);
    w.mutate(() => {
      target.name = name;
    });
  }
}
