/**
 * Operators of a policy's SQL, written so that no session's `search_path` decides which of them runs: with their schema, unless the server finds them first
 * under whatever path, since pg_catalog is searched before all others and has one for just these types.
 */
import type { Analysis, Use } from '../../sql/analyze/analyze.ts';
import type { Catalog, Oid, Operator } from '../../sql/catalog/catalog.ts';
import { isParsed, type ParsedText, parse } from '../../sql/parse/parse.ts';
import {
  as,
  type Body,
  kindOf,
  type Node,
  partsOf,
  qualifiedName,
  quoteName,
  sameTree,
  strings,
} from '../../sql/parse/tree.ts';
import { applyEdits, Edits, renderTemplate } from '../../sql/text/edits.ts';
import { extentOf } from '../../sql/text/extent.ts';
import { type Token, tokenAt } from '../../sql/text/tokens.ts';
import { commonType } from '../../sql/types/common-type.ts';
import { UNKNOWN } from '../../sql/types/oids.ts';
import { resolveOperator } from '../../sql/types/operator.ts';
import { pathPositions } from '../../sql/types/path.ts';
import { arrayType, baseType, elementType } from '../../sql/types/type.ts';
import type { OperatorByPath } from '../model/policy.ts';

type OperatorUse = Extract<Use, { kind: 'operator' }>;

interface Environment {
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
}

/** The text with a schema before each operator that needs one and whose form allows one. */
export function withFixedOperators(parsed: ParsedText, analysis: Analysis, env: Environment): string {
  const writing = new Writing(parsed, analysis, env);
  writing.walk(parsed.statements[0]!.node);
  if (writing.changes.length === 0) return parsed.text;
  const text = renderTemplate(applyEdits(parsed.text, writing.edits.sorted()), () => '');
  for (const change of writing.changes) change();
  const again = parse(text);
  const [one] = isParsed(again) ? again.statements : [];
  if (!one || !sameTree(one.node, parsed.statements[0]!.node))
    throw new Error('the operators of a condition were not written as they were meant');
  return text;
}

/** Operators that are still found by the path: forms in which no schema can be written (BETWEEN, IS DISTINCT FROM, NULLIF, CASE, USING). */
export function operatorsByPath({ uses }: Analysis, env: Environment): OperatorByPath[] {
  return uses
    .filter((use) => use.kind === 'operator')
    .filter((use) => isByPath(use, env))
    .map(({ name, types, candidates: [operator, another] }) => ({
      name,
      types,
      operator: another ? undefined : operator?.oid,
    }));
}

/**
 * INVARIANT 130: whether the path decides about something else than operators: a collation without its schema that is a user's, or a literal of a
 * type whose input looks up names. Of the server's own types, `reg…` types and enums look names up; every other type is assumed to.
 */
export function dependsOnPath({ marks }: Analysis, catalog: Catalog): boolean {
  const { collations } = catalog.data;
  return (
    marks.collationNames.some(({ names: [name, ...more] }) => more.length === 0 && isOfUsers(name, collations)) ||
    [...marks.literals.values()].some((type) => looksUp(type, catalog))
  );
}

/** pg_catalog is searched first: the server's own is found there under any path. */
function isOfUsers(name: string | undefined, collations: Catalog['data']['collations']): boolean {
  return collations.some((one) => one.name === name);
}

function looksUp(oid: Oid, catalog: Catalog): boolean {
  const base = baseType(catalog, oid);
  const type = catalog.typesByOid.get(base);
  const inside = elementType(catalog, base) || type?.subtype || 0;
  if (inside !== 0) return looksUp(inside, catalog);
  return base !== UNKNOWN && type?.kind !== 'e' && (type?.schema !== 'pg_catalog' || type.name.startsWith('reg'));
}

/** No operator's name has a dot: one that has was written with its schema. */
function isByPath({ name, types, candidates }: OperatorUse, env: Environment): boolean {
  return !name.includes('.') && !candidates.every((operator) => isFoundFirst(operator, types, env));
}

/**
 * INVARIANT 129: an exact match in the schema that is searched first is what the server takes, whatever other schemas hold (binary_oper_exact and
 * OpernameGetOprid in PostgreSQL): a text without a type counts as the other operand's.
 */
function isFoundFirst(
  { schema, left, right }: Operator,
  types: readonly (Oid | undefined)[],
  { searchPath }: Environment,
): boolean {
  const [first] = pathPositions(searchPath).keys();
  if (schema !== 'pg_catalog' || first !== 'pg_catalog') return false;
  const [l, r] = types;
  if (l === undefined) return left === 0 && right === r;
  return left === (l === UNKNOWN ? r : l) && right === (r === UNKNOWN ? l : r);
}

/** Forms whose value needs no brackets beside any operator. */
const SIMPLE: ReadonlySet<string> = new Set([
  'A_Const',
  'ColumnRef',
  'ParamRef',
  'SQLValueFunction',
  'TypeCast',
  'FuncCall',
  'CoalesceExpr',
  'CaseExpr',
  'A_ArrayExpr',
  'RowExpr',
]);

class Writing {
  readonly edits: Edits;
  /** Of the tree, as the text is changed. */
  readonly changes: (() => void)[] = [];
  private readonly tokens: readonly Token[];
  private readonly uses = new Map<number, OperatorUse[]>();

  constructor(
    private readonly parsed: ParsedText,
    private readonly analysis: Analysis,
    private readonly env: Environment,
  ) {
    this.edits = new Edits(parsed.text);
    this.tokens = parsed.tokens();
    for (const use of analysis.uses) {
      if (use.kind !== 'operator') continue;
      const there = this.uses.get(use.at);
      if (there) there.push(use);
      else this.uses.set(use.at, [use]);
    }
  }

  walk(part: object): void {
    const expression = as(part as Node, 'A_Expr');
    const sublink = as(part as Node, 'SubLink');
    if (expression) this.ofExpression(part as Node, expression);
    if (sublink) this.ofSubquery(part as Node, sublink);
    for (const inner of partsOf(part)) this.walk(inner);
  }

  private ofExpression(node: Node, body: Body<'A_Expr'>): void {
    const { lexpr, rexpr } = body;
    switch (body.kind) {
      case 'AEXPR_LIKE':
      case 'AEXPR_ILIKE':
        // With ESCAPE the grammar makes a call of it, in the operator's place.
        if (as(rexpr, 'FuncCall')?.location === body.location) return;
        break;
      case 'AEXPR_OP':
      case 'AEXPR_OP_ANY':
      case 'AEXPR_OP_ALL':
        break;
      case 'AEXPR_IN':
        this.ofList(node, body);
        return;
      default:
        return;
    }
    const schema = this.schemaAt(body.location);
    const at = this.placeOf(body.location);
    if (schema === undefined || !at) return;
    const name = strings(body.name)[0] ?? '';
    this.wrap(node);
    if (lexpr) this.operand(lexpr);
    if (rexpr && body.kind !== 'AEXPR_OP_ANY' && body.kind !== 'AEXPR_OP_ALL') this.operand(rexpr);
    this.edits.replace(at.start, at.end, [written(schema, name)]);
    this.changes.push(() => {
      body.name = qualified(schema, name);
      if (body.kind === 'AEXPR_LIKE' || body.kind === 'AEXPR_ILIKE') body.kind = 'AEXPR_OP';
    });
  }

  /** `x IN (a, b)` becomes `x = ANY (ARRAY[a, b]::type[])`, as the server reads it. */
  private ofList(node: Node, body: Body<'A_Expr'>): void {
    const { lexpr } = body;
    const items = as(body.rexpr, 'List')?.items ?? [];
    const { catalog, searchPath } = this.env;
    const typeOf = (part: Node): Oid => this.analysis.marks.expressions.get(part)?.type ?? 0;
    const common = commonType(catalog, [lexpr!, ...items].map(typeOf));
    const type = common === UNKNOWN ? undefined : catalog.typesByOid.get(common);
    const name = strings(body.name)[0] ?? '';
    const found = resolveOperator(catalog, searchPath, { name }, typeOf(lexpr!), common);
    if (!type || arrayType(catalog, common) === 0 || found.kind !== 'found' || !found.operator) return;
    const types = [typeOf(lexpr!), common];
    const schema =
      this.schemaAt(body.location) ??
      (isFoundFirst(found.operator, types, this.env) ? undefined : found.operator.schema);
    const at = this.placeOf(body.location);
    const open = at && this.tokens[at.last + 1];
    const close = open && this.tokens[open.match];
    if (schema === undefined || !at || !open || !close) return;
    const isAny = name === '=';
    this.wrap(node);
    this.operand(lexpr!);
    this.edits.replace(at.start, open.end, [`${written(schema, name)} ${isAny ? 'ANY' : 'ALL'} (ARRAY[`]);
    this.edits.replace(close.start, close.end, [`]::${qualifiedName(type.schema, type.name)}[])`]);
    this.changes.push(() => {
      body.kind = isAny ? 'AEXPR_OP_ANY' : 'AEXPR_OP_ALL';
      body.name = qualified(schema, name);
      const names = qualified(type.schema, type.name);
      const typeName = { names, typemod: -1, arrayBounds: [{ Integer: { ival: -1 } }] };
      body.rexpr = { TypeCast: { arg: { A_ArrayExpr: { elements: items } }, typeName } };
    });
  }

  private ofSubquery(node: Node, body: Body<'SubLink'>): void {
    if (body.subLinkType !== 'ANY_SUBLINK' && body.subLinkType !== 'ALL_SUBLINK') return;
    const schema = this.schemaAt(body.location);
    const at = this.placeOf(body.location);
    if (schema === undefined || !at || !body.testexpr) return;
    const isIn = !body.operName?.length;
    const name = isIn ? '=' : (strings(body.operName)[0] ?? '');
    // `x NOT IN (…)` is NOT (x = ANY (…)).
    this.wrap(node, isIn && this.tokens[at.first]!.word === 'not' ? '(NOT (' : '(');
    this.operand(body.testexpr);
    this.edits.replace(at.start, at.end, [`${written(schema, name)}${isIn ? ' ANY' : ''}`]);
    this.changes.push(() => {
      body.operName = qualified(schema, name);
    });
  }

  /** The schema of all operators at that place; undefined if none must be written. */
  private schemaAt(location: number | undefined): string | undefined {
    const uses = this.uses.get(this.parsed.toChar(location ?? -1)) ?? [];
    if (!uses.some((use) => isByPath(use, this.env))) return undefined;
    const schemas = new Set(uses.flatMap(({ candidates }) => candidates.map(({ schema }) => schema)));
    return schemas.size === 1 ? [...schemas][0] : undefined;
  }

  /** The sign or the words of an operator. */
  private placeOf(
    location: number | undefined,
  ): { first: number; last: number; start: number; end: number } | undefined {
    if (location === undefined) return undefined;
    const first = tokenAt(this.tokens, this.parsed.toChar(location));
    const token = this.tokens[first];
    if (!token || token.word === 'operator') return undefined;
    const last = token.word === 'not' ? first + 1 : first;
    return { first, last, start: token.start, end: this.tokens[last]!.end };
  }

  private operand(node: Node): void {
    const kind = kindOf(node);
    const sublink = as(node, 'SubLink')?.subLinkType;
    if (SIMPLE.has(kind) || sublink === 'EXPR_SUBLINK' || sublink === 'ARRAY_SUBLINK') return;
    this.wrap(node);
  }

  private wrap(node: Node, before = '('): void {
    const range = extentOf(node, this.parsed);
    if (!range) throw new Error('an operand of a condition has no place in its text');
    this.edits.wrap(range.start, range.end, [before], [before === '(' ? ')' : '))']);
  }
}

function written(schema: string, name: string): string {
  return ` OPERATOR(${quoteName(schema)}.${name}) `;
}

function qualified(...names: readonly string[]): Node[] {
  return names.map((sval) => ({ String: { sval } }));
}
