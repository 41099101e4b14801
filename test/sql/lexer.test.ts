/** Tests that Rowgate cuts any text into the same tokens as PostgreSQL's own scanner. */
import * as pgQuery from 'libpg-query';
import { beforeAll, expect, test } from 'vitest';
import { lex } from '../../src/sql/text/lexer.ts';
import { fuzz, fuzzRuns } from '../support/random.ts';

beforeAll(() => pgQuery.loadModule());

/** Pieces for every trap of the scanner: quotes of all kinds, escapes, comments, operators that end in signs. */
const PIECES = [
  ...["'", "''", "E'", "e'", "U&'", 'u&"', "B'", "x'", "N'", '"', '""', '\\', "\\'", '$$', '$a$', '$_1$', '$'],
  ...[
    '\n',
    '\r',
    ' ',
    '\t',
    '\f',
    '\v',
    '\u00a0',
    '\u2028',
    '--',
    '/*',
    '*/',
    '/',
    '*',
    '-',
    '+',
    '<',
    '>',
    '=',
    '!',
    '@',
    '#',
    '~',
  ],
  ...[
    '|',
    '?',
    '%',
    '^',
    '&',
    '`',
    '::',
    ':=',
    ':',
    '..',
    '.',
    '=>',
    '<=',
    '<>',
    '!=',
    '(',
    ')',
    '[',
    ']',
    ',',
    ';',
    '{',
    '}',
  ],
  ...['$1', '$22', '$1a', '1', '0x1F', '0b1', '0o7', '1.5', '1e5', '1.e', '1_000', '.5', '1..2', '0x', '1e+3', '12a'],
  ...[
    'a',
    'Ab',
    'select',
    '_x',
    'é',
    '李',
    '😀',
    'uescape',
    'a$b',
    'e',
    'E',
    'u',
    'U&',
    'n',
    'b',
    'x',
    '\u0001',
    '\u007f',
  ],
];

function scanned(text: string): string[] | undefined {
  if (text === '') return [];
  try {
    return pgQuery
      .scanSync(text)
      .tokens.filter((t) => t.tokenName !== 'SQL_COMMENT' && t.tokenName !== 'C_COMMENT')
      .map((t) => t.text);
  } catch {
    return undefined; // it does not scan: the parser refuses it
  }
}

function cut(text: string): string[] {
  const { count, start, end } = lex(text);
  return Array.from({ length: count }, (_, i) => text.slice(start[i], end[i]));
}

test.each([
  ['a string goes on behind a line break', "'a'\n 'b' 'c'", ["'a'\n 'b'", "'c'"]],
  ['a comment between does not end it', "'a' -- x\n 'b'", ["'a' -- x\n 'b'"]],
  ['only E takes a backslash', `'\\' E'\\'' x`, ["'\\'", "E'\\''", 'x']],
  ['comments nest', '1/*/**/*/2', ['1', '2']],
  ['an operator ends where a comment begins', 'a+/**/b<--\nc', ['a', '+', 'b', '<', 'c']],
  ['a sign at the end of an operator stands alone', 'a<-1@-1', ['a', '<', '-', '1', '@-', '1']],
  ['a dollar within a word opens nothing', 'a$$b$$', ['a$$b$$']],
  ['a range of numbers is no fraction', '1..2', ['1', '..', '2']],
])('%s', (_, text, tokens) => {
  expect(cut(text)).toEqual(tokens);
});

test('random texts are cut as the scanner cuts them', () => {
  let compared = 0;
  fuzz(fuzzRuns(20_000, 1_000_000), (random) => {
    const text = Array.from({ length: 1 + random.int(12) }, () => random.pick(PIECES)).join('');
    const wanted = scanned(text);
    if (!wanted) return;
    compared += 1;
    expect(cut(text)).toEqual(wanted);
  });
  expect(compared).toBeGreaterThan(0);
});

test('random texts are cut alike in parts, whatever is at the end of one', () => {
  fuzz(fuzzRuns(20_000, 1_000_000), (random) => {
    const text = Array.from({ length: 1 + random.int(20) }, () => random.pick(PIECES)).join('');
    let asked = random.int(3);
    let part = lex(text, asked);
    while (part.count > asked) {
      asked = part.count + random.int(3);
      part = lex(text, asked, part);
    }
    const { count, start, end, kind } = part;
    const whole = lex(text);
    expect(Array.from({ length: count }, (_, i) => [kind[i], start[i], end[i]])).toEqual(
      Array.from({ length: whole.count }, (_, i) => [whole.kind[i], whole.start[i], whole.end[i]]),
    );
  });
});

test('runs of operator characters take no longer than as many other tokens', () => {
  const worked = (text: string): number => {
    const before = process.cpuUsage();
    expect(lex(text).count).toBe(text.length);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  const count = 300_000;
  const others = Math.max(worked(','.repeat(count)), worked(','.repeat(count)));
  expect(worked('+'.repeat(count))).toBeLessThan(50_000 + 20 * others);
  expect(worked('-+'.repeat(count / 2))).toBeLessThan(50_000 + 20 * others);
});
