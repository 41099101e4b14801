/** Tests the pattern that normalizes a text: it gives what cutting the text into tokens gives, or nothing. */
import { expect, test } from 'vitest';
import { normalizedTextOf } from '../../src/guard/cache/normalized-text.ts';
import { TextPattern } from '../../src/guard/cache/text-patterns.ts';
import { fuzz, fuzzRuns, type Random } from '../support/random.ts';

/** Texts between literals: all in which a scanner reads on, or from which it looks back. */
const GAPS = [
  ...[
    ' ',
    '\n',
    '\t',
    '',
    ' a ',
    'a',
    ' = ',
    '=',
    '-',
    ' - ',
    '--',
    '-- x\n',
    '/*',
    '/* x */',
    '*/',
    ',',
    '(',
    ')',
    '.',
  ],
  ...[
    '..',
    '$',
    '$1',
    'E',
    " E'\\' ",
    'N',
    'U&',
    'x',
    "'",
    '"',
    '"a b"',
    '::',
    '@',
    '@-',
    '0b1',
    '0x',
    '1e',
    '_',
    'é',
    ';',
  ],
];
const LITERALS = [
  ...[
    "'a'",
    "''",
    "'it''s'",
    "'",
    "'\n'",
    "'--'",
    "'/*'",
    "'a' 'b'",
    "'a'\n'b'",
    "'\u0001'",
    "'rowgate_x'",
    "'é'",
    "'\\'",
  ],
  ...['1', '0', '12', '999999999', '2147483647', '2147483648', '9223372036854775808', '1.5', '1.', '.5', '1e5', '1_0'],
  ...['0x1F', '0b1', '01', '1a', '1..2', '-1', 'a', 'NULL', '$1', "E'a'", ''],
];

function pieces(random: Random): string[] {
  return Array.from({ length: 2 + random.int(3) }, () => random.pick(GAPS) + (random.once(2) ? random.pick(GAPS) : ''));
}

function text(random: Random, gaps: readonly string[]): string {
  return `select ${gaps.map((gap, i) => (i === 0 ? gap : random.pick(LITERALS) + gap)).join('')}`;
}

test('of random texts', () => {
  let matched = 0;
  fuzz(fuzzRuns(30_000, 2_000_000), (random) => {
    const gaps = pieces(random);
    const learnt = text(random, gaps);
    const normalizedText = normalizedTextOf(learnt);
    const pattern = normalizedText && TextPattern.of(learnt, normalizedText);
    if (!pattern) return;
    for (let i = 0; i < 8; i++) {
      const other = text(random, random.once(8) ? pieces(random) : gaps);
      const found = pattern.match(other);
      if (!found) continue;
      matched += 1;
      expect(found, JSON.stringify([learnt, other])).toEqual(normalizedTextOf(other));
    }
  });
  expect(matched).toBeGreaterThan(0);
});

test.each([
  ['another number', 'SELECT a FROM t WHERE b = 25 AND c = $1', true],
  ['another kind of number', 'SELECT a FROM t WHERE b = 2147483648 AND c = $1', false],
  ['a number with a fraction', 'SELECT a FROM t WHERE b = 2.5 AND c = $1', false],
  ['something behind', 'SELECT a FROM t WHERE b = 2 AND c = $12', false],
  ['something less', 'SELECT a FROM t WHERE b = 2 AND c = $', false],
])('%s', (_, other, matches) => {
  const learnt = 'SELECT a FROM t WHERE b = 1 AND c = $1';
  const found = TextPattern.of(learnt, normalizedTextOf(learnt)!)!.match(other);
  expect(found).toEqual(matches ? normalizedTextOf(other) : undefined);
});

test('a literal longer than what is shared by shape', () => {
  const learnt = "SELECT a FROM t WHERE b = 'x'";
  const other = `SELECT a FROM t WHERE b = '${'x'.repeat(5000)}'`;
  expect(normalizedTextOf(other)).toBeUndefined();
  expect(TextPattern.of(learnt, normalizedTextOf(learnt)!)!.match(other)).toBeUndefined();
});
