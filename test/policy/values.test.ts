/** Tests the small readings of a policy: amounts, days, names, places inside SQL, suggestions. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isScalar, parseDocument, stringify } from 'yaml';
import { splitName } from '../../src/policy/compile/names.ts';
import { endOfDay } from '../../src/policy/source/calendar.ts';
import {
  readBytes,
  readDate,
  readDuration,
  readHours,
  readLockAfter,
  readRate,
  readWindowLimit,
} from '../../src/policy/source/quantity.ts';
import { offsetInFile } from '../../src/policy/source/scalar-text.ts';
import { suggestion } from '../../src/policy/source/suggestion.ts';

const value = (reading: object): unknown => ('value' in reading ? reading.value : 'refused');

describe('amounts', () => {
  it.each([
    ['0', 0],
    ['1048576', 1048576],
    ['1 MB', 1048576],
    ['1MB', 1048576],
    ['512 kB', 524288],
    ['512 KB', 524288],
    ['2 GB', 2147483648],
    ['1 TB', 1099511627776],
    ['7 B', 7],
    ['1.5 MB', 'refused'],
    ['-1', 'refused'],
    ['1 Mo', 'refused'],
    ['99999999999 TB', 'refused'],
    ['', 'refused'],
  ])('bytes %s', (text, expected) => expect(value(readBytes(text))).toBe(expected));

  it.each([
    ['5 s', 5000],
    ['250 ms', 250],
    ['1 second', 1000],
    ['30 minutes', 1_800_000],
    ['2min', 120_000],
    ['1 h', 3_600_000],
    ['3 days', 259_200_000],
    ['0 s', 'refused'],
    ['5', 'refused'],
    ['5 weeks', 3_024_000_000],
    ['1 month', 'refused'],
    ['constructor', 'refused'],
    ['5 constructor', 'refused'],
  ])('duration %s', (text, expected) => expect(value(readDuration(text))).toBe(expected));

  it.each([
    ['2000 per hour', false, { amount: 2000, window: { count: 1, unit: 'hour' } }],
    ['700 per 30 days lock', false, { amount: 700, window: { count: 30, unit: 'day' }, effect: 'lock' }],
    ['20 MB per hour', true, { amount: 20971520, window: { count: 1, unit: 'hour' } }],
    ['0 per minute', false, { amount: 0, window: { count: 1, unit: 'minute' } }],
    ['20 MB per hour', false, 'refused'],
    ['5 per 0 days', false, 'refused'],
    ['5 per hour deny lock', false, 'refused'],
    ['5 per  hour', false, 'refused'],
    ['per hour', false, 'refused'],
  ])('window %s', (text, bytes, expected) => expect(value(readWindowLimit(text, bytes))).toEqual(expected));

  it.each([
    ['200 per second', { amount: 200, window: { count: 1, unit: 'second' } }],
    ['200 per minute', 'refused'],
    ['0 per second', 'refused'],
    ['200 per second deny', 'refused'],
  ])('rate %s', (text, expected) => expect(value(readRate(text, false))).toEqual(expected));

  it.each([
    ['5 overruns per 10 minutes', { amount: 5, event: 'overrun', window: { count: 10, unit: 'minute' } }],
    ['1 refusal per day', { amount: 1, event: 'refusal', window: { count: 1, unit: 'day' } }],
    ['0 refusals per day', 'refused'],
    ['5 errors per day', 'refused'],
  ])('lock after %s', (text, expected) => expect(value(readLockAfter(text))).toEqual(expected));

  it.each([
    ['20:00-06:00', { from: 1200, until: 360 }],
    ['00:00-24:00', { from: 0, until: 1440 }],
    ['24:00-01:00', 'refused'],
    ['08:00-08:00', 'refused'],
    ['08:60-09:00', 'refused'],
    ['25:00-26:00', 'refused'],
  ])('hours %s', (text, expected) => expect(value(readHours(text))).toEqual(expected));

  it.each([
    ['2024-02-29', '2024-02-29'],
    ['2026-02-29', 'refused'],
    ['2026-13-01', 'refused'],
    ['0000-01-01', 'refused'],
  ])('date %s', (text, expected) => expect(value(readDate(text))).toBe(expected));
});

describe('the end of a day in the guard’s time zone', () => {
  it.each([
    ['2027-07-31', 'Europe/Paris', '2027-07-31T21:59:59.999Z'],
    ['2026-12-31', 'Europe/Paris', '2026-12-31T22:59:59.999Z'],
    ['2026-10-25', 'Europe/Paris', '2026-10-25T22:59:59.999Z'], // the clocks go back that day
    ['2026-03-28', 'Europe/Paris', '2026-03-28T22:59:59.999Z'], // the night before they go forward
    ['2026-03-29', 'Europe/Paris', '2026-03-29T21:59:59.999Z'],
    ['2026-06-01', 'Pacific/Auckland', '2026-06-01T11:59:59.999Z'],
    ['2026-06-01', 'America/Los_Angeles', '2026-06-02T06:59:59.999Z'],
    ['2026-06-01', 'UTC', '2026-06-01T23:59:59.999Z'],
  ])('%s in %s', (date, zone, expected) => expect(new Date(endOfDay(date, zone)).toISOString()).toBe(expected));
});

describe('names', () => {
  it.each([
    ['students', ['students']],
    ['public.students', ['public', 'students']],
    ['"a.b".c', ['a.b', 'c']],
    ['"a""b"', ['a"b']],
    ['Été.élève', ['Été', 'élève']],
    ['my table', ['my table']],
    ['a.', undefined],
    ['.a', undefined],
    ['a..b', undefined],
    ['"a', undefined],
    ['a"b', undefined],
    ['', undefined],
  ])('%s', (text, expected) => expect(splitName(text)).toEqual(expected));
});

describe('places inside a scalar', () => {
  it('the place of every visible character of SQL is found, in each style of YAML', () => {
    const line = fc.string({
      unit: fc.constantFrom('a', "'", '"', '\\', ' ', 'é', '😀', '=', '(', '\t'),
      maxLength: 12,
    });
    const sql = fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => lines.join('\n'));
    const style = fc.constantFrom('PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE', 'BLOCK_LITERAL', 'BLOCK_FOLDED' as const);
    fc.assert(
      fc.property(sql, style, fc.nat(), (text, defaultStringType, at) => {
        const marked = `${text.slice(0, at % (text.length + 1))}Ω${text.slice(at % (text.length + 1))}`;
        const file = `a:\n  b: 1\n  c: ${stringify(marked, { defaultStringType, lineWidth: 0 }).trimEnd().replaceAll('\n', '\n    ')}\n`;
        const document = parseDocument(file);
        const scalar = document.getIn(['a', 'c'], true);
        fc.pre(document.errors.length === 0 && isScalar(scalar) && typeof scalar.value === 'string');
        if (!isScalar(scalar)) return;
        const offset = String(scalar.value).indexOf('Ω');
        expect(file[offsetInFile(file, scalar, offset)]).toBe('Ω');
      }),
      { numRuns: 500 },
    );
  });
});

describe('did you mean', () => {
  it.each([
    ['colums', ['columns', 'rows'], ', did you mean "columns"?'],
    ['Students', ['students'], ', did you mean "students"?'],
    ['nmae', ['name', 'id'], ', did you mean "name"?'],
    ['xyz', ['columns', 'rows'], ''],
    ['id', [], ''],
  ])('%s', (unknown, known, expected) => expect(suggestion(unknown, known)).toBe(expected));
});
