/** Trees of the texts that Rowgate itself writes into statements: the same few texts occur in statement after statement, and are parsed once. */
import { LRUCache } from 'lru-cache';
import { isParsed, parse } from '../../sql/parse/parse.ts';
import { nestingOf } from '../../sql/parse/parse-cost.ts';
import type { Body, Node } from '../../sql/parse/tree.ts';
import { as } from '../../sql/parse/tree.ts';
import { lex } from '../../sql/text/lexer.ts';
import type { Template } from '../../sql/text/template.ts';
import { PIECE } from './names.ts';
import { placeholders } from './placeholders.ts';

/** A subquery in brackets in FROM. */
export interface SubqueryFragment {
  /** Without alias. Frozen, as many trees contain it. */
  readonly subquery: Node;
  readonly nesting: number;
}

/** How many are remembered, and how many characters of them. */
const REMEMBERED = { max: 1_000, maxSize: 500_000, sizeCalculation: (_: unknown, text: string) => text.length };

const expressions = new LRUCache<string, Node>(REMEMBERED);
const subqueries = new LRUCache<string, SubqueryFragment>(REMEMBERED);

/** The tree of an expression that is never changed: frozen. Undefined if the text is not an expression. */
export function expressionFragment(template: Template): Node | undefined {
  const text = placeholders(template);
  return remembered(expressions, text, () => {
    const select = selectOf(`SELECT ${text}`);
    const target = select && as(select.targetList?.[0], 'ResTarget');
    return target?.val && frozen(target.val);
  });
}

/** Of templates that are remembered themselves: their text need not be put together to be looked up. */
const byTemplate = new WeakMap<Template, SubqueryFragment>();

/** The tree of `(SELECT …)`. Undefined if the whole text is not one subquery. */
export function subqueryFragment(template: Template): SubqueryFragment | undefined {
  const known = byTemplate.get(template);
  if (known) return known;
  const piece = subqueryOf(placeholders(template));
  if (piece) byTemplate.set(template, piece);
  return piece;
}

function subqueryOf(text: string): SubqueryFragment | undefined {
  return remembered(subqueries, text, () => {
    const from = `SELECT FROM ${text} AS x`;
    const { fromClause, op: _op, limitOption: _limit, ...rest } = selectOf(from) ?? {};
    const [item, another] = fromClause ?? [];
    const range = as(item, 'RangeSubselect');
    const lexed = lex(from);
    // It is a subquery from its first bracket to its last, so that the grammar reads another one in its place alike.
    if (!range?.subquery || another || range.lateral || Object.keys(rest).length > 0) return undefined;
    if (range.alias?.aliasname !== 'x' || lexed.end[lexed.count - 1] !== from.length) return undefined;
    return { subquery: frozen(range.subquery), nesting: nestingOf(from, lexed) };
  });
}

/** What is parsed in a subquery's place, by its number among those of the statement. */
export function standIn(number: number): string {
  return `(SELECT ${PIECE}${number})`;
}

function remembered<T extends object>(
  known: LRUCache<string, T>,
  text: string,
  make: () => T | undefined,
): T | undefined {
  const found = known.get(text);
  if (found) return found;
  const made = make();
  if (made) known.set(text, made);
  return made;
}

function selectOf(text: string): Body<'SelectStmt'> | undefined {
  const parsed = parse(text);
  if (!isParsed(parsed)) return undefined;
  const [statement, another] = parsed.statements;
  return another ? undefined : as(statement?.node, 'SelectStmt');
}

function frozen<T extends object>(part: T): T {
  for (const inner of Object.values(part)) if (typeof inner === 'object' && inner !== null) frozen(inner);
  return Object.freeze(part);
}
