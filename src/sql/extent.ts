/**
 * Which characters of the text an expression covers. The tree says only where (some) nodes begin; the rest follows from the tokens:
 * children, brackets that must close, and the words that end each form. A wrong answer is caught where the rewritten text is parsed again.
 */
import type { ParsedText } from './parse.ts';
import { type Token, tokenAt } from './tokens.ts';
import type { Body, Kind, Node } from './tree.ts';
import { as, kindOf } from './tree.ts';

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

/** The extent of an expression or type name; undefined where it has no place in the text. */
export function extentOf(node: Node, parsed: ParsedText): Extent | undefined {
  const span = spanOf(node, parsed);
  if (!span) return undefined;
  const tokens = parsed.tokens();
  return { start: tokens[span.lo]!.start, end: tokens[span.hi]!.end };
}

/** The extent of a name `a.b.c` whose first part starts at the byte `location`, a trailing `.*` included. */
export function nameExtent(location: number | undefined, parsed: ParsedText): Extent | undefined {
  if (location === undefined || location < 0) return undefined;
  const tokens = parsed.tokens();
  const first = tokenAt(tokens, parsed.toChar(location));
  if (first < 0) return undefined;
  return { start: tokens[first]!.start, end: tokens[endOfName(tokens, first)]!.end };
}

function spanOf(node: Node, parsed: ParsedText): Span | undefined {
  const tokens = parsed.tokens();
  const kind = kindOf(node);
  const body = as(node, kind) as unknown as { location?: number };
  const own = body.location !== undefined && body.location >= 0 ? tokenAt(tokens, parsed.toChar(body.location)) : -1;
  let span: Span | undefined = own >= 0 ? { lo: own, hi: own } : undefined;
  const join = (other: Span | undefined): void => {
    if (!other) return;
    span = span ? { lo: Math.min(span.lo, other.lo), hi: Math.max(span.hi, other.hi) } : { ...other };
  };
  // A subquery lies inside its own brackets: its inside need not be walked.
  if (kind !== 'SubLink' || (body as unknown as Body<'SubLink'>).testexpr) {
    for (const child of kind === 'SubLink' ? [(body as unknown as Body<'SubLink'>).testexpr as Node] : children(body))
      join(spanOf(child, parsed));
  }
  if (!span) return undefined;
  const tail = TAILS[kind];
  if (tail) {
    if (kind === 'A_Indirection') takeBrackets(tokens, span);
    span.hi = Math.max(span.hi, tail(tokens, own, span.hi, node));
  }
  return balanced(tokens, span);
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

/** Given the node's own token and the last token of its children: the node's last token. */
type Tail = (tokens: readonly Token[], own: number, last: number, node: Node) => number;

/** `KEYWORD(…)` or `KEYWORD[…]`: the closing bracket. */
const bracketed: Tail = (tokens, own, last) => {
  if (own < 0) return last;
  const next = tokens[own]!.word === '(' || tokens[own]!.word === '[' ? own : own + 1;
  return Math.max(last, tokens[next]?.match ?? -1);
};

/** `x IS [NOT] word`: as far as the words go. */
const words =
  (...allowed: string[]): Tail =>
  (tokens, own, last) => {
    let i = Math.max(own, last);
    while (allowed.includes(tokens[i + 1]?.word ?? '')) i += 1;
    return i;
  };

const TAILS: Partial<Record<Kind, Tail>> = {
  ColumnRef: (tokens, own) => endOfName(tokens, own),
  A_Const: (tokens, own) => endOfConstant(tokens, own),
  A_Indirection: (tokens, _own, last) => {
    let i = last;
    for (;;) {
      if (tokens[i + 1]?.word === '.') i += 2;
      else if (tokens[i + 1]?.word === '[') i = tokens[i + 1]!.match;
      else return i;
    }
  },
  FuncCall: endOfCall,
  TypeCast: (tokens, own, last, node) => {
    if (own >= 0 && tokens[own]!.word === 'cast') return tokens[own + 1]!.match;
    const type = as(node, 'TypeCast')?.typeName;
    const literal = own < 0 && type?.names?.some((n) => as(n, 'String')?.sval === 'interval');
    return literal ? endOfIntervalFields(tokens, last) : last;
  },
  TypeName: (tokens, own) => endOfType(tokens, own),
  CollateClause: (tokens, own) => endOfName(tokens, own + 1),
  NullTest: words('not', 'null'),
  BooleanTest: words('not', 'true', 'false', 'unknown'),
  JsonIsPredicate: words(
    'is',
    'not',
    'json',
    'value',
    'array',
    'object',
    'scalar',
    'with',
    'without',
    'unique',
    'keys',
  ),
  CaseExpr: (tokens, own) => tokens[own]!.match,
  CoalesceExpr: bracketed,
  MinMaxExpr: bracketed,
  GroupingFunc: bracketed,
  XmlExpr: (tokens, own, last) =>
    tokens[own]?.word === 'is'
      ? words('is', 'not', 'document')(tokens, own, last, {} as Node)
      : bracketed(tokens, own, last, {} as Node),
  XmlSerialize: bracketed,
  JsonFuncExpr: bracketed,
  JsonObjectConstructor: bracketed,
  JsonArrayConstructor: bracketed,
  JsonArrayQueryConstructor: bracketed,
  JsonParseExpr: bracketed,
  JsonScalarExpr: bracketed,
  JsonSerializeExpr: bracketed,
  SQLValueFunction: bracketed,
  RowExpr: bracketed,
  A_ArrayExpr: bracketed,
  SubLink: (tokens, own, last) => {
    let i = own;
    while (i < tokens.length && tokens[i]!.word !== '(') i += 1;
    return Math.max(last, tokens[i]?.match ?? -1);
  },
};

function endOfName(tokens: readonly Token[], first: number): number {
  let i = endOfPart(tokens, first);
  while (tokens[i + 1]?.word === '.' && i + 2 < tokens.length) i = endOfPart(tokens, i + 2);
  return i;
}

/** `U&"…" UESCAPE '!'` is one part of a name. */
function endOfPart(tokens: readonly Token[], i: number): number {
  return /^u&"/i.test(tokens[i]!.text) && tokens[i + 1]?.word === 'uescape' ? i + 2 : i;
}

function endOfConstant(tokens: readonly Token[], own: number): number {
  let i = own;
  while (tokens[i]?.text === '-' || tokens[i]?.text === '+') i += 1;
  if (tokens[i + 1]?.word === 'uescape') i += 2;
  return i;
}

function endOfCall(tokens: readonly Token[], own: number, last: number): number {
  // `a AT LOCAL` is the one call without a place of its own.
  if (own < 0) return tokens[last + 1]?.word === 'at' && tokens[last + 2]?.word === 'local' ? last + 2 : last;
  const word = tokens[own]!.word;
  if (word === 'is')
    return words('is', 'not', 'nfc', 'nfd', 'nfkc', 'nfkd', 'normalized')(tokens, own, last, {} as Node);
  let i = endOfName(tokens, own);
  if (word === 'collation') i = own + 1;
  if (tokens[i + 1]?.word !== '(') return last;
  i = tokens[i + 1]!.match;
  for (;;) {
    const next = tokens[i + 1]?.word;
    if (next === 'within' && tokens[i + 2]?.word === 'group') i = tokens[i + 3]!.match;
    else if (next === 'filter' && tokens[i + 2]?.word === '(') i = tokens[i + 2]!.match;
    else if (next === 'over') i = tokens[i + 2]?.word === '(' ? tokens[i + 2]!.match : i + 2;
    else return Math.max(last, i);
  }
}

const INTERVAL_FIELDS = ['year', 'month', 'day', 'hour', 'minute', 'second', 'to'];

function endOfIntervalFields(tokens: readonly Token[], last: number): number {
  let i = last;
  while (INTERVAL_FIELDS.includes(tokens[i + 1]?.word ?? '')) {
    i += 1;
    if (tokens[i]!.word === 'second' && tokens[i + 1]?.word === '(') i = tokens[i + 1]!.match;
  }
  return i;
}

/** The last token of a type name: words of the grammar's own types, modifiers, time zones, array bounds. */
function endOfType(tokens: readonly Token[], own: number): number {
  let i = tokens[own]!.word === 'setof' ? own + 1 : own;
  const word = (at: number): string => tokens[at]?.word ?? '';
  const brackets = (): void => {
    if (word(i + 1) === '(') i = tokens[i + 1]!.match;
  };
  if (word(i) === 'national') i += 1;
  const first = word(i);
  if (first === 'double' && word(i + 1) === 'precision') i += 1;
  else if (['character', 'char', 'nchar', 'bit'].includes(first) && word(i + 1) === 'varying') i += 1;
  else i = endOfName(tokens, i);
  if (first === 'interval') i = endOfIntervalFields(tokens, i);
  brackets();
  if (
    (first === 'time' || first === 'timestamp') &&
    ['with', 'without'].includes(word(i + 1)) &&
    word(i + 2) === 'time'
  )
    i += 3;
  if (word(i + 1) === 'array') {
    i += 1;
    if (word(i + 1) === '[') i = tokens[i + 1]!.match;
  }
  while (word(i + 1) === '[') i = tokens[i + 1]!.match;
  return i;
}
