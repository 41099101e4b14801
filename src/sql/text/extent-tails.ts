/** Where each form of expression ends: the words and brackets that belong to it after its last operand. */

import type { Kind, Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import type { Token } from './tokens.ts';

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

/** By kind; one that is not here ends with its last operand, or is its own token. */
export const TAILS: Partial<Record<Kind, Tail>> = {
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
  JsonObjectAgg: endOfCall,
  JsonArrayAgg: endOfCall,
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
  MergeSupportFunc: bracketed,
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

/** The last token of a name `a.b.c` or `a.*` whose first part is the token `first`. */
export function endOfName(tokens: readonly Token[], first: number): number {
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
