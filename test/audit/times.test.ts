/** Tests how commands that read the log read times. */
import { describe, expect, it } from 'vitest';
import { readTime, shownWall } from '../../src/decision-log/read/times.ts';
import { wallTime } from '../../src/policy/source/calendar.ts';

const now = Date.parse('2026-11-25T13:52:28.314Z');
const paris = { now, timeZone: 'Europe/Paris' };

function iso(text: string, end = false, timeZone = 'Europe/Paris'): string | undefined {
  const reading = readTime(text, { now, timeZone }, end);
  return 'value' in reading ? new Date(reading.value).toISOString() : undefined;
}

describe('a time', () => {
  it.each([
    ['2h', '2026-11-25T11:52:28.314Z'],
    ['30 minutes', '2026-11-25T13:22:28.314Z'],
    ['2h ago', '2026-11-25T11:52:28.314Z'],
    ['now', '2026-11-25T13:52:28.314Z'],
    ['today', '2026-11-24T23:00:00.000Z'],
    ['Yesterday', '2026-11-23T23:00:00.000Z'],
    ['2026-11-25', '2026-11-24T23:00:00.000Z'],
    ['2026-07-01', '2026-06-30T22:00:00.000Z'],
    ['13:00', '2026-11-25T12:00:00.000Z'],
    ['13:00:07', '2026-11-25T12:00:07.000Z'],
    ['30m', '2026-11-25T13:22:28.314Z'],
    ['2026-11-25T14:30', '2026-11-25T13:30:00.000Z'],
    ['2026-11-25 14:30:07.5', '2026-11-25T13:30:07.500Z'],
    ['2026-11-25T14:30:00Z', '2026-11-25T14:30:00.000Z'],
    ['2026-11-25T14:30+02:00', '2026-11-25T12:30:00.000Z'],
  ])('%s', (text, expected) => expect(iso(text)).toBe(expected));

  it.each([
    ['2026-11-25', '2026-11-25T23:00:00.000Z'],
    ['yesterday', '2026-11-24T23:00:00.000Z'],
    ['today', '2026-11-25T23:00:00.000Z'],
  ])('as an end, the day %s is meant whole', (text, expected) => expect(iso(text, true)).toBe(expected));

  it.each([
    ['2026-10-25T02:30', '2026-10-25T00:30:00.000Z', 'of the two, the first'],
    ['2026-03-29T02:30', '2026-03-29T01:30:00.000Z', 'which no clock showed'],
    ['2026-10-25', '2026-10-24T22:00:00.000Z', 'a day of 25 hours'],
  ])('%s, when the clocks change: %s, %s', (text, expected) => expect(iso(text)).toBe(expected));

  it.each([
    '',
    'soon',
    '2026-13-01',
    '2026-02-30',
    '2026-11-25T25:00',
    '25:00',
    '7:00',
    '25/11/2026',
    '0h',
    "2h'; DROP",
  ])('%j is not a time', (text) => expect(iso(text)).toBeUndefined());

  it('is shown as the clock on the wall shows it', () => {
    expect(shownWall(wallTime(now, paris.timeZone))).toBe('2026-11-25 14:52:28');
    expect(shownWall(wallTime(now, 'Asia/Kathmandu'))).toBe('2026-11-25 19:37:28');
    expect(shownWall(wallTime(-1, 'UTC'))).toBe('1969-12-31 23:59:59');
  });
});
