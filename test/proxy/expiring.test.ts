/** Tests the notices before a certificate or list runs out: when they are due, and their words. */
import { describe, expect, test } from 'vitest';
import { type Dated, ExpiryNotices, expiryText } from '../../src/server/certificates.ts';

const DAY = 86_400_000;
const dated = (what: string, days: number): Dated => ({ what, from: 0, until: days * DAY, consequence: 'it is late' });

describe('an expiry is reported', () => {
  test.each([
    ['in the last quarter of a week', 7, [0, 5.2, 5.3, 6, 7, 7.1, 8], [5.3, 7.1]],
    ['14 days before, of a year', 365, [0, 300, 350.9, 351, 360, 366], [351, 366]],
    ['when it has run out already', 1, [2, 3], [2]],
  ])('%s, once, and once more when it has', (_what, days, looks, told) => {
    const notices = new ExpiryNotices();
    const said = looks.filter((at) => notices.due([dated('a list', days)], at * DAY).length > 0);
    expect(said).toEqual(told);
  });

  test('each by itself, and again when it is replaced by one with another date', () => {
    const notices = new ExpiryNotices();
    expect(notices.due([dated('one', 4), dated('two', 40)], 3.5 * DAY).map(({ what }) => what)).toEqual(['one']);
    expect(notices.due([dated('one', 40), dated('two', 40)], 3.6 * DAY)).toEqual([]);
    expect(notices.due([dated('one', 40), dated('two', 40)], 39 * DAY)).toHaveLength(2);
    expect(notices.due([dated('one', 40), dated('two', 41)], 39 * DAY)).toHaveLength(1);
  });

  test('in words', () => {
    expect(expiryText({ ...dated('the list', 1), over: false }, 'Europe/Paris')).toBe(
      'the list runs out at 1970-01-02 01:00:00 Europe/Paris; then it is late',
    );
    expect(expiryText({ ...dated('the list', 1), over: true }, 'Europe/Paris')).toBe(
      'the list has run out at 1970-01-02 01:00:00 Europe/Paris: it is late',
    );
  });
});
