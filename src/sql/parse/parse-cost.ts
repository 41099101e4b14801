/**
 * How much work a text is for the parser, told from its tokens before the parser is asked: it runs in one piece, and a text that is
 * nested too deeply leaves it broken for every statement after (seen: a RangeError takes its stack away for good).
 */
import { isOperatorCharacter, KIND, type Lexed } from '../text/lexer.ts';

/** Tokens of a client's text; the worst that was found takes 1.2 µs each to parse. Long lists of constants count but once (`bulk-constants.ts`). */
export const MOST_TOKENS = 20_000;

/** Of what is made of it: each guarded relation is a subquery. */
export const MOST_TOKENS_SENT = 40_000;

/** The parser's stack ends at about 2,000 nested queries, the deepest of forms; each of them counts two at least. */
export const MOST_NESTING = 1_000;

/** Shorter texts cannot be too much. */
export const SHORT = 2_000;

interface Level {
  /** Whether CASE opened it. */
  readonly isCase: boolean;
  /** Signs and nesting words since the last comma, AND or OR: each may be one more level of the tree. */
  chain: number;
  /** Joins and set operations, which continue after commas. */
  joins: number;
  /** BETWEENs whose AND has not been read yet. */
  betweens: number;
  /** The deepest of what the present chain holds in brackets, and of the chains before it. */
  inner: number;
  deepest: number;
}

/** Whether the parser could overflow its stack on the text. */
export function isNestedTooDeeply(text: string, lexed: Lexed): boolean {
  return nestingOf(text, lexed) > MOST_NESTING;
}

/**
 * At least the depth of the tree that the parser would make of it, constants aside, and at most one more than its tokens. Every way in
 * which the grammar nests has a bracket, a sign or one of these words for each level; lists of commas, and chains of AND or OR, are flat.
 */
export function nestingOf(text: string, { count, kind, start, end }: Lexed): number {
  const levels: Level[] = [newLevel(false)];
  for (let i = 0; i < count; i++) {
    const top = levels[levels.length - 1]!;
    if (kind[i] === KIND.single) {
      const sign = text.charCodeAt(start[i]!);
      if (sign === OPEN || sign === OPEN_SQUARE) levels.push(newLevel(false));
      else if (sign === CLOSE || sign === CLOSE_SQUARE) close(levels);
      else if (sign === COMMA || sign === SEMICOLON) endChain(top);
    } else if (kind[i] === KIND.operator) top.chain += 1;
    else if (kind[i] === KIND.word) {
      const length = end[i]! - start[i]!;
      if (length <= LONGEST) take(levels, top, text.slice(start[i], end[i]).toLowerCase(), isName(text, start[i]!));
    }
    if (levels.length > MOST_NESTING) return levels.length;
  }
  while (levels.length > 1) close(levels);
  return depthOf(levels[0]!);
}

const OPEN = 40;
const CLOSE = 41;
const OPEN_SQUARE = 91;
const CLOSE_SQUARE = 93;
const COMMA = 44;
const SEMICOLON = 59;
/** Of `intersect`. */
const LONGEST = 9;

/** Words before or after an operand that is an expression or a query itself. */
const NESTING: ReadonlySet<string> = new Set([
  ...['not', 'is', 'isnull', 'notnull', 'collate', 'at', 'like', 'ilike', 'similar', 'in', 'overlaps', 'operator'],
  ...['select', 'values', 'table', 'with', 'explain', 'prepare', 'create', 'insert', 'update', 'delete', 'merge'],
]);

function newLevel(isCase: boolean): Level {
  return { isCase, chain: 0, joins: 0, betweens: 0, inner: 0, deepest: 0 };
}

function take(levels: Level[], top: Level, word: string, named: boolean): void {
  switch (word) {
    case 'or':
    case 'and':
      // The AND of BETWEEN is part of its chain.
      if (word === 'and' && top.betweens > 0) top.betweens -= 1;
      else endChain(top);
      return;
    case 'between':
      top.betweens += 1;
      top.chain += 1;
      return;
    case 'join':
    case 'union':
    case 'intersect':
    case 'except':
      top.joins += 1;
      return;
    case 'case':
      if (!named) levels.push(newLevel(true));
      return;
    case 'end':
      if (top.isCase && !named) close(levels);
      return;
    case 'when':
    case 'then':
    case 'else':
      if (top.isCase) endChain(top);
      return;
    default:
      if (NESTING.has(word)) top.chain += 1;
  }
}

/** After a dot a keyword is a name. */
function isName(text: string, at: number): boolean {
  return text.charCodeAt(at - 1) === 46;
}

function endChain(level: Level): void {
  level.deepest = Math.max(level.deepest, level.chain + level.inner);
  level.chain = 0;
  level.inner = 0;
  level.betweens = 0;
}

function depthOf(level: Level): number {
  return 1 + level.joins + Math.max(level.deepest, level.chain + level.inner);
}

/** The content of brackets is part of the chain around them. A superfluous bracket closes nothing: the parser will report it. */
function close(levels: Level[]): void {
  if (levels.length < 2) return;
  const inside = levels.pop()!;
  const around = levels[levels.length - 1]!;
  around.inner = Math.max(around.inner, depthOf(inside));
}

/** A run of about 4,500 characters, or many shorter ones: 50 ms. */
const MOST_OPERATOR_WORK = 20_000_000;

/** No operator has so many characters. */
const LONG_RUN = 64;

/**
 * How much the scanner has to do for runs of operator characters: it reads such a run to its end, takes a part and begins again, so
 * that 100 kB of comment openers, or of signs, hold it for half a minute. To find long runs takes little: each has a character at a multiple of
 * the least length.
 */
export function operatorWork(text: string): 'some' | 'too much' {
  let work = 0;
  for (let at = 0; at < text.length; at += LONG_RUN) {
    if (!isOperatorCharacter(text.charCodeAt(at))) continue;
    let start = at;
    while (start > 0 && isOperatorCharacter(text.charCodeAt(start - 1))) start -= 1;
    while (at < text.length && isOperatorCharacter(text.charCodeAt(at))) at += 1;
    if (at - start >= LONG_RUN) work += (at - start) ** 2;
    at -= at % LONG_RUN;
  }
  return work > MOST_OPERATOR_WORK ? 'too much' : 'some';
}
