/** Writes other values into a text's literals. */
import { KIND, lex } from '../../src/sql/lexer.ts';

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
];
const INTEGERS = ['0', '1', '2', '3', '7', '12', '100', '007', '2147483646'];
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
    other += isString ? pick(STRINGS) : next(20) === 0 ? pick(OTHERS) : pick(INTEGERS);
    from = end[i]!;
  }
  return other + text.slice(from);
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
