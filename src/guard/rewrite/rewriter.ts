/** Makes each change twice: in the text, as a replaced range, and in the tree, as what is meant; `verify` holds them against each other. */

import { isParsed, type ParsedText, parse } from '../../sql/parse/parse.ts';
import type { Body, Kind, Node } from '../../sql/parse/tree.ts';
import { as, kindOf, quoteName } from '../../sql/parse/tree.ts';
import { columnName } from '../../sql/text/column-name.ts';
import { Edits } from '../../sql/text/edits.ts';
import { extentOf } from '../../sql/text/extent.ts';
import type { Template } from '../../sql/text/template.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import { expressionFragment, type SubqueryFragment, standIn, subqueryFragment } from './parsed-fragments.ts';
import { placeholders } from './placeholders.ts';

/** Raised where a range cannot be found: the statement is refused, never sent half rewritten. */
export class NotRewritable extends Error {}

export class Rewriter {
  readonly edits: Edits;
  private readonly mutations: (() => void)[] = [];
  private readonly first: (() => void)[] = [];
  private readonly named = new Set<Body<'ResTarget'>>();
  private readonly subqueries = new Map<SubqueryFragment, string>();

  constructor(readonly parsed: ParsedText) {
    this.edits = new Edits(parsed.text);
  }

  /** The characters that an expression covers. */
  range(node: Node): { start: number; end: number } {
    const extent = extentOf(node, this.parsed);
    if (!extent) throw new NotRewritable(`no place in the text for ${kindOf(node)}`);
    return extent;
  }

  /** The same with the brackets that the client has put around it. */
  outerRange(node: Node): { start: number; end: number } {
    const tokens = this.parsed.tokens();
    const { start, end } = this.range(node);
    let first = tokenAt(tokens, start);
    let last = tokenAt(tokens, end - 1);
    while (tokens[first - 1]?.word === '(' && tokens[first - 1]?.match === last + 1) {
      first -= 1;
      last += 1;
    }
    return { start: tokens[first]!.start, end: tokens[last]!.end };
  }

  /** Gives an unnamed target the name that it had before its expression was replaced. Only the first call has an effect. */
  keepName(target: Body<'ResTarget'>, node: Node): void {
    if (target.name !== undefined || this.named.has(target)) return;
    this.named.add(target);
    const name = columnName(node);
    this.edits.append(this.outerRange(node).end, [` AS ${quoteName(name)}`]);
    this.mutate(() => {
      target.name = name;
    });
  }

  /** As `expressionTree`, for one that many places contain and none changes. */
  sharedExpression(template: Template): Node {
    this.parsed.workLimit.spend(template.length);
    return expressionFragment(template) ?? unparsed();
  }

  /** Replaces a range in FROM by a subquery of Rowgate's own, followed by `behind`. Returns its tree, which must not be changed. */
  replaceBySubquery(range: { start: number; end: number }, subquery: Template, behind: string): Node {
    this.parsed.workLimit.spend(subquery.length);
    const piece = subqueryFragment(subquery) ?? unparsed();
    const short = this.subqueries.get(piece) ?? standIn(this.subqueries.size);
    this.subqueries.set(piece, short);
    const alias = behind === '' ? [] : [behind];
    this.edits.replace(range.start, range.end, [...subquery, ...alias], [short, ...alias]);
    return piece.subquery;
  }

  /** The subqueries that it inserted, with their placeholders in the edits' short texts. */
  pieces(): ReadonlyMap<SubqueryFragment, string> {
    return this.subqueries;
  }

  /** `change` is made to the tree when all ranges have been read. */
  mutate(change: () => void): void {
    this.mutations.push(change);
  }

  /** The same, before all others: what wraps the node then holds what it has become. */
  mutateFirst(change: () => void): void {
    this.first.push(change);
  }

  /** Turns the client's tree into the one that is meant. Once, at the end. */
  applyToTree(): void {
    for (const change of [...this.first, ...this.mutations]) change();
  }
}

/** A copy of the node's wrapper, sharing its body: used inside `node` when it becomes an enclosing expression. */
export function detached(node: Node): Node {
  return { ...node };
}

/** Parses an expression that Rowgate wrote. */
export function expressionTree(template: Template): Node {
  return as(selectTree(['SELECT ', ...template]).targetList![0], 'ResTarget')!.val!;
}

/** Parses a FROM item that Rowgate wrote. */
export function fromItemTree<K extends Kind>(template: Template, kind: K): Body<K> {
  return as(selectTree(['SELECT FROM ', ...template]).fromClause![0], kind)!;
}

/** Parses a SELECT that Rowgate wrote. */
export function selectTree(template: Template): Body<'SelectStmt'> {
  const parsed = parse(placeholders(template));
  const select = isParsed(parsed) ? as(parsed.statements[0]?.node, 'SelectStmt') : undefined;
  return select ?? unparsed();
}

/** Parses a statement that Rowgate wrote. */
export function statementTree(text: string): Node {
  const parsed = parse(text);
  const [statement, another] = isParsed(parsed) ? parsed.statements : [];
  return !statement || another ? unparsed() : statement.node;
}

function unparsed(): never {
  throw new NotRewritable('a piece of Rowgate’s own text does not parse');
}
