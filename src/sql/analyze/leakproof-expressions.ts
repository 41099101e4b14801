/** Which operations can neither fail nor be watched, whatever the data (`rewriting.md` §2, classes 1 and 2). */
import type { Fn } from '../catalog/catalog.ts';
import { upTo } from '../parse/constants.ts';
import { as, type Node } from '../parse/tree.ts';
import { neededBy, textCannotFail } from '../types/cannot-fail.ts';
import type { Coercion } from '../types/coercion.ts';
import * as t from '../types/oids.ts';
import type { Found, Resolved } from '../types/resolved.ts';
import { sortFunctions } from '../types/sort.ts';
import { baseType, elementType } from '../types/type.ts';
import {
  isClock,
  isField,
  isInteger,
  isLeakproofPattern,
  isLeakproofRegex,
  isShortConcatenation,
  isShortQuery,
  isSmallStep,
  isUtc,
  literalText,
} from './argument-facts.ts';
import { isModifierOf, isStoredExpression } from './catalog-column.ts';
import { hasPlainCollation } from './collation.ts';
import type { Resolver } from './resolver.ts';

/** INT_MIN / -1 overflows. */
const divides = (divisor: number): boolean => divisor !== 0 && divisor !== -1;
const isNotZero = (number: number): boolean => number !== 0;

/** Whether a call or operator, its arguments aside, may run beside a row filter. `nodes`: its arguments in order, where they have nodes. */
export function cannotLeak(r: Resolver, resolved: Resolved, nodes: readonly (Node | undefined)[] = []): boolean {
  // The server's mark on starts_with is right except for collations that are not deterministic.
  const collates = resolved.kind === 'found' && neededBy(resolved.fn) === 'no collation';
  if (isLeakproof(resolved) && !collates) return true;
  return resolved.kind === 'found' && resolved.coercions.every(coercionCannotLeak) && cannotFail(r, resolved, nodes);
}

/** Whether a cast may run beside a row filter. */
export function coercionCannotLeak(coercion: Coercion): boolean {
  if (isLeakproof(coercion)) return true;
  switch (coercion.kind) {
    case 'function':
      return neededBy(coercion.fn) === 'nothing';
    case 'io':
      return textCannotFail(coercion.output, coercion.input);
    case 'domain':
      return !coercion.constrained && coercionCannotLeak(coercion.inner);
    default:
      return false;
  }
}

/** Whether the comparison functions of the type cannot fail: `=`, ORDER BY, GREATEST. */
export function comparisonCannotLeak(r: Resolver, type: number): boolean {
  const { catalog } = r.env;
  const element = elementType(catalog, baseType(catalog, type));
  if (element !== 0) return comparisonCannotLeak(r, element);
  const functions = sortFunctions(catalog, type)?.comparison;
  return functions?.every((fn) => fn.leakproof || neededBy(fn) === 'nothing') === true;
}

/** `generate_series` over plain numbers or days, with a step that moves: the calendar of many a report, which cannot fail. */
export function isPlainSeries(fn: Fn, nodes: readonly Node[]): boolean {
  if (fn.schema !== 'pg_catalog' || fn.name !== 'generate_series') return false;
  const [start, stop, step] = nodes;
  const numbers = nodes.map((node) => as(node, 'A_Const')?.ival);
  if (numbers.every((n) => n !== undefined)) return step === undefined || (numbers[2]?.ival ?? 0) !== 0;
  const texts = [start, stop].map(castText);
  // From the last day on, one step more is still in range.
  return texts.every((text) => /^[12]\d{3}-\d{2}-\d{2}$/.test(text)) && PLAIN_STEP.test(castText(step));
}

const PLAIN_STEP = /^[1-9]\d{0,2} ?(?:second|minute|hour|day|week|month|mon|year)s?$/;

/** Of `'…'` and `'…'::type`. */
function castText(node: Node | undefined): string {
  return as(as(node, 'TypeCast')?.arg ?? node, 'A_Const')?.sval?.sval ?? '';
}

function cannotFail(r: Resolver, { fn, argTypes }: Found, nodes: readonly (Node | undefined)[]): boolean {
  const [first, second, third] = nodes;
  const needs = neededBy(fn);
  switch (needs) {
    case undefined:
      return isTextConcatenation(fn) && isShortConcatenation(r, first, second);
    case 'nothing':
      return true;
    case 'no collation':
      return nodes.length === fn.args.length && plain(r, nodes);
    case 'comparable elements':
      return argTypes.every((type) => comparisonCannotLeak(r, type));
    case 'built-in range':
      return argTypes.every((type, i) => fn.args[i] !== t.ANYRANGE || isBuiltInRange(type));
    case 'pattern':
      return plain(r, nodes) && isLeakproofPattern(r, second);
    case 'regular expression':
      return plain(r, nodes) && isLeakproofRegex(r, second);
    case 'constant query':
      return isShortQuery(r, second);
    case 'constant query first':
      return isShortQuery(r, first);
    case 'field':
      return isField(fn.args[1]!, literalText(r, first));
    case 'utc':
      return isUtc(literalText(r, first));
    case 'divisor':
      return isInteger(second, divides);
    case 'length':
      return isInteger(third, upTo(Number.MAX_SAFE_INTEGER));
    case 'width':
      return isInteger(second, upTo(1000));
    case 'part':
      return plain(r, nodes) && isInteger(third, isNotZero);
    case 'removes':
      return plain(r, nodes) && literalText(r, third) === '';
    case 'clock':
      return isClock(r, first) && isSmallStep(second);
    case 'stored expression':
      return isStoredExpression(r, first);
    case 'own modifier':
      return isModifierOf(r, first, second);
  }
}

function isTextConcatenation(fn: Fn): boolean {
  return fn.schema === 'pg_catalog' && fn.name === 'textcat';
}

function plain(r: Resolver, nodes: readonly (Node | undefined)[]): boolean {
  return nodes.length > 0 && nodes.every((node) => node !== undefined && hasPlainCollation(r, node));
}

/** int4range, numrange, tsrange, tstzrange, daterange, int8range: the comparison of their bounds cannot fail. */
function isBuiltInRange(type: number): boolean {
  return [3904, 3906, 3908, 3910, 3912, 3926].includes(type);
}

// INVARIANT 45: true only where every function that runs is known and marked leakproof.
/** Whether everything that runs is leakproof: the function and each argument's coercion. Unresolved calls are not. */
export function isLeakproof(subject: Resolved | Coercion): boolean {
  switch (subject.kind) {
    case 'found':
      return subject.fn.leakproof && subject.coercions.every(isLeakproof);
    case 'cast':
      return isLeakproof(subject.coercion);
    case 'column':
      return subject.column !== undefined;
    case 'same':
    case 'literal':
    case 'relabel':
      return true;
    case 'function':
      return subject.fn.leakproof;
    case 'length':
      return subject.fn.leakproof && isLeakproof(subject.inner);
    case 'domain':
      return !subject.constrained && isLeakproof(subject.inner);
    case 'io':
    case 'array':
    case 'row':
    case 'impossible':
    case 'untellable':
    case 'none':
    case 'ambiguous':
      return false;
  }
}
