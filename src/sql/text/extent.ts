/**
 * Which characters of the text an expression covers. The tree says only where (some) nodes begin; the rest follows from the tokens:
 * children, brackets that must close, and the words that end each form. A wrong answer is caught where the rewritten text is parsed again.
 */

import type { ParsedText } from '../parse/parse.ts';
import type { Body, Kind, Node } from '../parse/tree.ts';
import { as, kindOf } from '../parse/tree.ts';
import { endOfName, TAILS } from './extent-tails.ts';
import { type Token, tokenAt } from './tokens.ts';

/** Characters of the text: [start, end). */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Token indexes, both inclusive. */
interface Span {
  lo: number;
  hi: number;
}

/** The extent of an expression or type name; undefined if it has no place in the text. */
export function extentOf(node: Node, parsed: ParsedText): Extent | undefined {
  const span = spanOf(node, parsed);
  if (!span) return undefined;
  const tokens = parsed.tokens();
  return { start: tokens[span.lo]!.start, end: tokens[span.hi]!.end };
}

/** The extent of a name `a.b.c` whose first part starts at the byte `location`, including a trailing `.*`. */
export function nameExtent(location: number | undefined, parsed: ParsedText): Extent | undefined {
  if (location === undefined || location < 0) return undefined;
  const tokens = parsed.tokens();
  const first = tokenAt(tokens, parsed.toChar(location));
  if (first < 0) return undefined;
  return { start: tokens[first]!.start, end: tokens[endOfName(tokens, first)]!.end };
}

function spanOf(node: Node, parsed: ParsedText): Span | undefined {
  parsed.workLimit.spend();
  const tokens = parsed.tokens();
  const kind = kindOf(node);
  const body = as(node, kind) as unknown as { location?: number };
  const location = body.location ?? locationInside(body) ?? -1;
  const own = location >= 0 ? tokenAt(tokens, parsed.toChar(location)) : -1;
  let span: Span | undefined = own >= 0 ? { lo: own, hi: own } : undefined;
  const join = (other: Span | undefined): void => {
    if (!other) return;
    span = span ? { lo: Math.min(span.lo, other.lo), hi: Math.max(span.hi, other.hi) } : { ...other };
  };
  for (const child of insideOf(kind, body)) join(spanOf(child, parsed));
  if (!span) return undefined;
  const tail = TAILS[kind];
  if (tail) {
    if (kind === 'A_Indirection') takeBrackets(tokens, span);
    span.hi = Math.max(span.hi, tail(tokens, own, span.hi, node));
  }
  parsed.workLimit.spend((span.hi - span.lo) >> 4);
  return balanced(tokens, span);
}

/** JSON_OBJECTAGG and JSON_ARRAYAGG say it in a field of theirs; every object has something else of that name. */
function locationInside(body: object): number | undefined {
  return Object.hasOwn(body, 'constructor') ? (body.constructor as { location?: number }).location : undefined;
}

/** The nodes to be visited: a subquery is inside its own brackets, and a constant contains only its value. */
function insideOf(kind: Kind, body: object): readonly Node[] {
  if (kind === 'A_Const') return [];
  if (kind !== 'SubLink') return children(body);
  const { testexpr } = body as Body<'SubLink'>;
  return testexpr ? [testexpr] : [];
}

/** Every node below `body`, lists flattened. */
function children(body: object): Node[] {
  const found: Node[] = [];
  for (const [field, value] of Object.entries(body)) {
    if (typeof value !== 'object' || value === null) continue;
    if (field === 'typeName') found.push({ TypeName: value } as Node);
    else if (field === 'over') continue;
    else collect(value, found);
  }
  return found;
}

function collect(value: unknown, found: Node[]): void {
  if (Array.isArray(value)) for (const item of value) collect(item, found);
  else if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value);
    if (keys.length === 1 && /^[A-Z]/.test(keys[0]!)) {
      if (keys[0] === 'List') collect((value as { List: { items?: Node[] } }).List.items ?? [], found);
      else found.push(value as Node);
    } else for (const inner of Object.values(value)) collect(inner, found);
  }
}

function takeBrackets(tokens: readonly Token[], span: Span): void {
  while (tokens[span.hi + 1]?.match === span.lo - 1 && tokens[span.hi + 1]?.word === ')') {
    span.lo -= 1;
    span.hi += 1;
  }
}

function balanced(tokens: readonly Token[], span: Span): Span {
  for (let i = span.lo; i <= span.hi; i++) {
    const match = tokens[i]!.match;
    if (match > span.hi) span.hi = match;
    if (match >= 0 && match < span.lo) {
      span.lo = match;
      i = match;
    }
  }
  return span;
}
