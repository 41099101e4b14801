/** Tests that a normalized text is the same with PostgreSQL's scanner as with our own. */
import { beforeAll, expect, test } from 'vitest';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { plainTokens } from '../../src/sql/parse/scanner-tokens.ts';
import { lex } from '../../src/sql/text/lexer.ts';
import { normalize } from '../../src/sql/text/normalize.ts';
import { fuzz, fuzzRuns } from '../support/random.ts';

beforeAll(() => loadParser());

const BEGINNINGS = ['select ', 'SELECT', 'insert into t ', 'update t set ', 'delete from', 'with x as ', 'select a -'];
const WORDS = ['a', ' select ', ' from ', ' t ', ' set ', ' uescape ', ' limit ', ' null ', ' and ', ' not ', 'é', '_'];
const PIECES = [
  ...WORDS,
  ...[
    "'",
    "''",
    " 'a' ",
    "'it''s'",
    "'\n'",
    '"',
    '"T t"',
    'E',
    'N',
    'U&',
    'x',
    '\\',
    '$',
    '$$',
    '$1',
    ' $2',
    '$9999999999',
  ],
  ...[
    ' - ',
    '-',
    '-5',
    '5',
    ' 5',
    '1.5',
    '1.',
    '.5',
    '99999999999',
    '1e3',
    '0x1F',
    '1_0',
    'a'.repeat(70),
    '-'.repeat(3),
  ],
  ...[';', ',', '(', ')', '[', ']', '.', '::', ':=', '=', '<=', '!=', '=>', '||', '~', '!', '|/', '?', '@', '*', '/'],
  ...['%', '^', '<', '>', '\n', '\t', ' ', '  ', '{', ':', '&', '#', '`', '\u00a0', '\u0001', '@'.repeat(70)],
];

test('whether the scanner is asked or not', () => {
  let compared = 0;
  fuzz(fuzzRuns(20_000, 1_000_000), (random) => {
    const rest = Array.from({ length: 1 + random.int(9) }, () => random.pick(PIECES)).join('');
    const text = random.pick(BEGINNINGS) + rest;
    if (!plainTokens(text, lex(text))) return;
    compared += 1;
    // A text with a comment is not plain.
    expect(normalize(text)).toEqual(normalize(`/**/${text}`));
  });
  expect(compared).toBeGreaterThan(0);
});

test.each([
  "SELECT * FROM t WHERE a = -5 AND b = 'it''s' AND \"T\".c < $1 LIMIT 5",
  "INSERT INTO t (a, b) VALUES (1, 'x'), (-2.5, NULL)",
  "UPDATE t SET a = 'x'||'y' WHERE c::text ~ 'z';",
])('an everyday statement is plain: %s', (text) => {
  expect(plainTokens(text, lex(text))).toBeDefined();
  expect(normalize(text)).toEqual(normalize(`/**/${text}`));
});
