/** Tests keys in a client's text: they are read as the server reads them, or not at all. */
import { expect, test } from 'vitest';
import { continuesAnswer } from '../../src/guard/stages/cursor.ts';
import {
  countRows,
  isReadableForm,
  MOST_GIVEN,
  readArguments,
  readGivenKeys,
} from '../../src/guard/subjects/given-keys.ts';
import { isParsed, loadParser, parse } from '../../src/sql/parse/parse.ts';
import { as } from '../../src/sql/parse/tree.ts';

const INT4 = 23;
const TEXT = 25;
const BPCHAR = 1042;
const UUID = 2950;

type Case = readonly [text: string, type: number, keys: string | undefined];

const CASES: readonly Case[] = [
  ['5', INT4, '5'],
  ['-5', INT4, '-5'],
  ["'5'", INT4, '5'],
  ["' 0x4D '", INT4, '77'],
  ["'7_7'", INT4, '77'],
  ["'+007'", INT4, '7'],
  ['007', INT4, '7'],
  ["'-0'", INT4, '0'],
  ['999999999999999999', INT4, '999999999999999999'],
  ['9223372036854775807', INT4, '9223372036854775807'],
  ['-9223372036854775808', INT4, '-9223372036854775808'],
  ['9223372036854775808', INT4, undefined],
  ['0b101', INT4, '5'],
  [`'${'0'.repeat(199)}7'`, INT4, '7'],
  [`'${'0'.repeat(200)}7'`, INT4, undefined],
  ["'5'::integer", INT4, '5'],
  ["'5.0'", INT4, undefined],
  ["'5 x'", INT4, undefined],
  ["'7__7'", INT4, undefined],
  ["'\u00a05'", INT4, undefined],
  ['99999999999999999999', INT4, undefined],
  ['1, $2,NULL, 3', INT4, '1 $2 3'],
  ['DEFAULT', INT4, undefined],
  ['1 + 1', INT4, undefined],
  ['(1)', INT4, undefined],
  ['-5::integer', INT4, undefined],
  ["'it''s'", TEXT, "it's"],
  ["E'a\\x41'", TEXT, undefined],
  ["U&'\\0041'", TEXT, undefined],
  ['$$a$$', TEXT, undefined],
  ["'a'\n'b'", TEXT, undefined],
  ["'a  '", TEXT, 'a  '],
  ["'a  '", BPCHAR, 'a'],
  ["'{A0EEBC99-9C0B4EF8-BB6D6BB9-BD380A11}'", UUID, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1'", UUID, undefined],
  ['5', 1700, undefined],
];

test.each(CASES)('%s as %i', (text, type, keys) => {
  const read = readGivenKeys(`x${text} y`, { start: 1, end: 1 + text.length, type, array: false });
  expect(read?.map((key) => ('text' in key ? key.text : `$${key.parameter}`)).join(' ')).toBe(keys);
});

test('a place is read in each text that has it', () => {
  const place = { start: 1, end: 3, type: INT4, array: false };
  for (const [text, keys] of [
    ['=$1', [{ parameter: 1, array: false }]],
    ['=$2', [{ parameter: 2, array: false }]],
    ['=42', [{ text: '42' }]],
    ['=$1', [{ parameter: 1, array: false }]],
  ] as const)
    expect(readGivenKeys(text, place)).toEqual(keys);
});

test.each([
  ["'{1, 2,NULL}'", '1 2'],
  ["'{}'", ''],
  ["'{{1},{2}}'", undefined],
  ['\'{"1", "2" ,3,NULL}\'', '1 2 3'],
  ['\'{"NULL"}\'', undefined],
  ['\'{""}\'', undefined],
  ['\'{"1\\2"}\'', undefined],
  ['\'{"1"2}\'', undefined],
  ['\'{1"2"}\'', undefined],
  ['\'{"1",}\'', undefined],
  ['\'{"1"},"2"}\'', undefined],
  ['\'{{"1"}}\'', undefined],
  ["'[2:3]={1,2}'", undefined],
])('an array %s', (text, keys) => {
  const read = readGivenKeys(text, { start: 0, end: text.length, type: INT4, array: true });
  expect(read?.map((key) => ('text' in key ? key.text : '')).join(' ')).toBe(keys);
});

test('blanks that the server does not skip are part of a key', () => {
  const text = "' {\t\u00a0a,b\ufeff , c }\n'".replace('\n', '');
  const read = readGivenKeys(text, { start: 0, end: text.length, type: TEXT, array: true });
  expect(read).toEqual([{ text: '\u00a0a' }, { text: 'b\ufeff' }, { text: 'c' }]);
});

test('the column of rows', () => {
  const text = "(1, 'a', true), ($2, DEFAULT, false)";
  const rows = { start: 0, end: text.length, array: false };
  expect(readGivenKeys(text, { ...rows, type: INT4, column: 0 })).toEqual([
    { text: '1' },
    { parameter: 2, array: false },
  ]);
  expect(isReadableForm(text, { ...rows, column: 1 })).toBe(false);
  expect(isReadableForm("(1, 'a'), (2)", { start: 0, end: 13, array: false, column: 1 })).toBe(false);
  expect(countRows(text, rows)).toBe(2);
  expect(countRows("((1), ',('), (2, f((3)))", { start: 0, end: 24 })).toBe(2);
});

test.each([
  ['FETCH c', true],
  ['FETCH NEXT FROM c', true],
  ['FETCH 10 FROM c', true],
  ['FETCH FORWARD ALL FROM c', true],
  ['FETCH ALL FROM c', true],
  ['FETCH 0 FROM c', false],
  ['FETCH FORWARD -1 FROM c', false],
  ['FETCH PRIOR FROM c', false],
  ['FETCH BACKWARD ALL FROM c', false],
  ['FETCH ABSOLUTE 5 FROM c', false],
  ['FETCH RELATIVE 1 FROM c', false],
  ['FETCH FIRST FROM c', false],
  ['MOVE c', false],
  ['MOVE FORWARD ALL FROM c', false],
])('%s', async (sql, continues) => {
  await loadParser();
  const parsed = parse(sql);
  const body = isParsed(parsed) ? as(parsed.statements[0]?.node, 'FetchStmt') : undefined;
  expect(continuesAnswer(body!)).toBe(continues);
});

test.each<[text: string, type: number, keys: string | undefined]>([
  ['EXECUTE p (5, 7)', INT4, '7'],
  ['execute /* x */ "p" (NULL, \'0x7\')', INT4, '7'],
  ['EXECUTE p (5, NULL)', INT4, ''],
  ['EXECUTE p (5)', INT4, undefined],
  ['EXECUTE p', INT4, undefined],
  ['EXECUTE p (5, 7.4)', INT4, undefined],
  ['EXECUTE p (5, 7::int)', INT4, undefined],
  ["EXECUTE p (5, '77'::char(1))", INT4, undefined],
  ['EXECUTE p (5, $1)', INT4, undefined],
  ["EXECUTE p (5, E'7')", INT4, undefined],
  ["EXECUTE p (5, 'a')", TEXT, 'a'],
  // The server makes '7' of it.
  ['EXECUTE p (5, 007)', TEXT, undefined],
])('arguments of %s, as %i', (text, type, keys) => {
  const place = { start: 0, end: 0, type, array: false, parameters: [2] };
  expect(readArguments(text, place)?.join(' ')).toBe(keys);
});

test.each([
  [MOST_GIVEN, true],
  [MOST_GIVEN + 1, false],
  // As an array they were more than a call takes arguments, and the session ended.
  [200_000, false],
])('%i keys are read: %s', (count, isRead) => {
  const keys = Array.from({ length: count }, (_, i) => String(i));
  const [list, array, rows] = [keys.join(), `'{${keys.join()}}'`, keys.map((key) => `(${key})`).join()];
  const place = (text: string) => ({ start: 0, end: text.length, type: INT4 });
  expect(isReadableForm(list, { ...place(list), array: false })).toBe(isRead);
  expect(isReadableForm(rows, { ...place(rows), array: false, column: 0 })).toBe(isRead);
  expect(readGivenKeys(list, { ...place(list), array: false }) !== undefined).toBe(isRead);
  expect(readGivenKeys(array, { ...place(array), array: true }) !== undefined).toBe(isRead);
  const execute = `EXECUTE q (${array})`;
  expect(readArguments(execute, { ...place(''), array: true, parameters: [1] }) !== undefined).toBe(isRead);
});
