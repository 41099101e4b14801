/** Writes other values into a text's literals. */
import { KIND, lex } from '../../src/sql/text/lexer.ts';

const STRINGS = [
  "''",
  "'x'",
  "'it''s'",
  "'%a_'",
  "'a\\'",
  "'12'",
  "'2026-09-01'",
  "'students'",
  "'{1,2}'",
  "'t'",
  "'ünï ☃'",
  "'-- /*'",
  "'$.a'",
  "'3 days'",
  "'400 years'",
  "'1000 days'",
];
const INTEGERS = ['0', '1', '2', '3', '7', '12', '100', '007', '2147483646'];
const DECIMALS = ['1.5', '0.0', '10.25', '007.50', '99999999999999999999.5'];
const LARGE = [
  '2147483648',
  '2147483649',
  '3000000000',
  '9223372036854775807',
  '9223372036854775808',
  '99999999999999999999',
];
const OTHERS = [
  '2147483648',
  '2147483649',
  '9223372036854775808',
  '99999999999999999999',
  '1.5',
  '0.0',
  '10.25',
  '1e3',
  '0x1F',
  '1_000',
  '5.',
  '.5',
];

/** @param next gives a number from 0 up to, and without, its argument. Most literals stay of their kind. */
export function withOtherLiterals(text: string, next: (below: number) => number): string {
  const { count, kind, start, end } = lex(text);
  let other = '';
  let from = 0;
  const pick = (list: readonly string[]): string => list[next(list.length)]!;
  for (let i = 0; i < count; i++) {
    const isString = kind[i] === KIND.string && text[start[i]!] === "'";
    if ((!isString && kind[i] !== KIND.number) || next(3) === 0) continue;
    other += text.slice(from, start[i]);
    other += pick(isString ? STRINGS : next(20) === 0 ? OTHERS : alike(text.slice(start[i], end[i])));
    from = end[i]!;
  }
  return other + text.slice(from);
}

function alike(number: string): readonly string[] {
  if (number.includes('.')) return DECIMALS;
  return number.length > 9 ? LARGE : INTEGERS;
}

/** A small generator of its own (mulberry32): the same numbers for the same seed. */
export function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
