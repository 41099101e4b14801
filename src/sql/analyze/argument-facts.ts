/** What is known of an argument without a row: constants, parameters, the clock. Judges arguments with which a function cannot fail. */
import { askInteger, askText } from '../parse/constants.ts';
import { as, type Node, strings } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import { endsSoundly, isLeakproofLike, isLeakproofLikeWithEscape, isLeakproofRegexLiteral } from './pattern.ts';
import type { Resolver } from './resolver.ts';

const VARCHAR = 1043;
const DAY_FIELDS = 'century day decade dow doy epoch isodow isoyear julian millennium month quarter week year'.split(
  ' ',
);
const TIME_FIELDS = 'hour microseconds milliseconds minute second'.split(' ');
const INTERVAL_FIELDS = 'century day decade epoch millennium month quarter year'.split(' ');

/** Fields of `extract`, by type. */
const FIELDS: ReadonlyMap<number, ReadonlySet<string>> = new Map([
  [t.DATE, new Set(DAY_FIELDS)],
  [t.TIMESTAMP, new Set([...DAY_FIELDS, ...TIME_FIELDS])],
  [t.TIMESTAMPTZ, new Set([...DAY_FIELDS, ...TIME_FIELDS])],
  [t.TIME, new Set([...TIME_FIELDS, 'epoch'])],
  [t.TIMETZ, new Set([...TIME_FIELDS, 'epoch'])],
  [t.INTERVAL, new Set([...INTERVAL_FIELDS, ...TIME_FIELDS])],
]);

/** Whether the type has that field in `extract` and `date_part`, so that asking for it cannot fail. */
export function isField(type: number, field: string | undefined): boolean {
  return field !== undefined && FIELDS.get(type)?.has(field.toLowerCase()) === true;
}

/**
 * The name of the zone with offset 0, in which no time leaves its range. Not `UTC`, `GMT` or `Z`: those are abbreviations first, which since
 * PostgreSQL 18 the session's own zone may define (`SET timezone = 'UTC-12'`).
 */
export function isUtc(zone: string | undefined): boolean {
  return zone?.toLowerCase() === 'etc/utc';
}

/** The text of a literal, with or without a cast to text. Undefined for a literal of another type, which is read by that type's rules. */
export function literalText(r: Resolver, node: Node | undefined): string | undefined {
  const constant = as(withoutTextCast(r, node), 'A_Const');
  return constant?.sval ? (constant.sval.sval ?? '') : undefined;
}

/** The answer of `question` for such a text; undefined if the node is not one. */
function literalIs(r: Resolver, node: Node | undefined, question: (text: string) => boolean): boolean | undefined {
  const constant = as(withoutTextCast(r, node), 'A_Const');
  return constant?.sval && askText(constant.sval, question);
}

/** Whether a node is an integer for which the question is true. */
export function isInteger(node: Node | undefined, question: (value: number) => boolean): boolean {
  const integer = as(node, 'A_Const')?.ival;
  return integer !== undefined && askInteger(integer, question);
}

/** Number of a parameter that is a text. Conversion from another type may cut its value: trailing blanks, or what follows byte 63. */
function parameterText(r: Resolver, node: Node | undefined): number | undefined {
  const number = as(withoutTextCast(r, node), 'ParamRef')?.number;
  if (number === undefined) return undefined;
  return [t.TEXT, VARCHAR, t.UNKNOWN].includes(r.parameterType(number)) ? number : undefined;
}

function withoutTextCast(r: Resolver, node: Node | undefined): Node | undefined {
  const cast = as(node, 'TypeCast');
  if (!cast || cast.typeName?.typmods?.length) return node;
  const type = r.marks.expressions.get(node!)?.type;
  return type === t.TEXT || type === VARCHAR ? withoutTextCast(r, cast.arg) : node;
}

/** Whether an expression is a leakproof LIKE pattern; a parameter in it is noted, to be judged when it gets its value. */
export function isLeakproofPattern(r: Resolver, node: Node | undefined): boolean {
  const isSound = literalIs(r, node, isLeakproofLike);
  if (isSound !== undefined) return isSound;
  const call = as(node, 'FuncCall');
  const [first, second] = call?.args ?? [];
  const name = call && builtInName(r, node!);
  // Case mapping neither adds nor removes backslashes.
  if (name === 'lower' || name === 'upper') return isLeakproofPattern(r, first);
  if (name === 'like_escape') {
    const [pattern, by] = [literalText(r, first), literalText(r, second)];
    return pattern !== undefined && by !== undefined && isLeakproofLikeWithEscape(pattern, by);
  }
  const isEnd = literalIs(r, isConcatenation(node) ? as(node, 'A_Expr')?.rexpr : undefined, endsSoundly);
  if (isEnd !== undefined) return isEnd && areParts(r, as(node, 'A_Expr')?.lexpr);
  const number = parameterText(r, node);
  if (number === undefined) return false;
  r.marks.patterns.add(number);
  return true;
}

const isSoundPart = (text: string): boolean => isLeakproofLike(`${text}_`);

/** Literals and parameters, the latter noted: what they hold of wildcards is judged when they get their values. */
function areParts(r: Resolver, node: Node | undefined): boolean {
  const inner = isConcatenation(node) ? as(node, 'A_Expr') : undefined;
  if (inner) return areParts(r, inner.lexpr) && areParts(r, inner.rexpr);
  const isPart = literalIs(r, node, isSoundPart);
  if (isPart !== undefined) return isPart;
  const number = parameterText(r, node);
  if (number === undefined) return false;
  r.marks.patternParts.add(number);
  return true;
}

/** Only the server's own function of that name. */
function builtInName(r: Resolver, node: Node): string | undefined {
  const call = as(node, 'FuncCall')!;
  const found = r.marks.calls.get(call)?.fn;
  return found?.schema === 'pg_catalog' ? found.name : undefined;
}

function isConcatenation(node: Node | undefined): boolean {
  const expr = as(node, 'A_Expr');
  return expr?.kind === 'AEXPR_OP' && strings(expr.name).join() === '||' && expr.lexpr !== undefined;
}

/** Whether the node is a literal that is a valid and cheap regular expression. */
export function isLeakproofRegex(r: Resolver, node: Node | undefined): boolean {
  return literalIs(r, node, isLeakproofRegexLiteral) === true;
}

/** Text that a client put together for a search, `'%' || $1 || '%'`: too short, compared with what a message can hold, to become too long for a value. */
export function isShortConcatenation(r: Resolver, left: Node | undefined, right: Node | undefined): boolean {
  let parameters = 0;
  let characters = 0;
  const isPart = (node: Node | undefined): boolean => {
    const text = literalText(r, node);
    if (text !== undefined) {
      characters += text.length;
      return /^[ -~]*$/.test(text);
    }
    if (parameterText(r, node) !== undefined) {
      parameters += 1;
      return true;
    }
    const inner = isConcatenation(node) ? as(node, 'A_Expr') : undefined;
    return inner !== undefined && isPart(inner.lexpr) && isPart(inner.rexpr);
  };
  return isPart(left) && isPart(right) && parameters <= 1 && characters <= 8;
}

const QUERY_FUNCTIONS = ['to_tsquery', 'plainto_tsquery', 'phraseto_tsquery', 'websearch_to_tsquery'];
const LONGEST_QUERY = 4_000;

/**
 * A search that is a literal in the text, and short: a phrase of many words needs more of the server's stack when it is searched than when it is
 * read, and how much depends on the document.
 */
export function isShortQuery(r: Resolver, node: Node | undefined): boolean {
  const lengthOf = (part: Node | undefined): number => {
    const call = as(part, 'FuncCall');
    if (call)
      return QUERY_FUNCTIONS.includes(builtInName(r, part!) ?? '')
        ? (call.args ?? []).reduce((sum, arg) => sum + lengthOf(arg), 0)
        : Number.POSITIVE_INFINITY;
    const cast = as(part, 'TypeCast');
    if (cast) return lengthOf(cast.arg);
    return as(part, 'A_Const')?.sval?.sval?.length ?? Number.POSITIVE_INFINITY;
  };
  return node !== undefined && r.marks.expressions.get(node)?.constant === true && lengthOf(node) <= LONGEST_QUERY;
}

/** now(), CURRENT_TIMESTAMP, CURRENT_DATE: far from both ends of time. */
export function isClock(r: Resolver, node: Node | undefined): boolean {
  const op = as(node, 'SQLValueFunction')?.op;
  if (op === 'SVFOP_CURRENT_TIMESTAMP' || op === 'SVFOP_CURRENT_DATE') return true;
  const name = as(node, 'FuncCall') && builtInName(r, node!);
  return name === 'now' || name === 'transaction_timestamp' || name === 'statement_timestamp';
}

const isFewDays = (days: number): boolean => Math.abs(days) <= 1_000_000;
const isShortTime = (interval: string): boolean =>
  /^-?\d{1,3} (?:second|minute|hour|day|week|month|year)s?$/.test(interval);

/** A count of days, or an interval of one unit: thousands of years at most. */
export function isSmallStep(node: Node | undefined): boolean {
  if (as(node, 'A_Const')?.ival) return isInteger(node, isFewDays);
  const cast = as(node, 'TypeCast');
  const text = as(cast?.arg ?? node, 'A_Const')?.sval;
  const plain = !cast || (strings(cast.typeName?.names).at(-1) === 'interval' && !cast.typeName?.typmods?.length);
  return plain && text !== undefined && askText(text, isShortTime);
}
