/** Tests what the report on principals calls unusual, and where it has too little to compare. */
import { describe, expect, it } from 'vitest';
import { ENGLISH } from '../../src/decision-log/language/speech.ts';
import type { PrincipalDone } from '../../src/decision-log/reports/principals.ts';
import { principalsReport } from '../../src/decision-log/reports/principals-report.ts';

const PERIOD = { since: 0, until: 1, timeZone: 'UTC' };
const QUIET = { statements: 50, rows: 400, people: 30, refused: 1 };

function said(fields: Partial<PrincipalDone>): string[] {
  const done: PrincipalDone = {
    ...{ principal: 'p', roles: ['r'], logins: 1, statements: 1, refused: 0, rows: 1, bytes: 1, changed: 0, people: 1 },
    ...{ busiest: QUIET, daysBefore: 20, busiestBefore: QUIET, newAddresses: [], newTables: [] },
    ...fields,
  };
  const report = principalsReport([done], PERIOD, { files: ['f'], strange: 0, at: 0, speech: ENGLISH });
  return (report.sections[0]?.table?.rows ?? []).map((row) => String(row[1]));
}

describe('unusual', () => {
  it.each<[string, Partial<PrincipalDone>, string[]]>([
    ['nothing', {}, []],
    ['twice as much is not', { busiest: { ...QUIET, rows: 800 } }, []],
    ['more than twice as much', { busiest: { ...QUIET, rows: 801 } }, ['801 rows in a day, at most 400 before']],
    [
      'people where there were none',
      { busiest: { ...QUIET, people: 300 }, busiestBefore: { ...QUIET, people: 0 } },
      ['300 people in a day, at most 0 before'],
    ],
    [
      'a little is not, whatever was before',
      { busiest: { ...QUIET, refused: 4 }, busiestBefore: { ...QUIET, refused: 0 } },
      [],
    ],
    [
      'an address and tables',
      { newAddresses: ['203.0.113.9'], newTables: ['a', 'b', 'c', 'd', 'e'] },
      ['new address 203.0.113.9; new table a, b, c and 2 more'],
    ],
    ['nothing is said of who is new', { daysBefore: 4, busiest: { ...QUIET, rows: 9_999 }, newAddresses: ['x'] }, []],
  ])('%s', (_, fields, expected) => expect(said(fields)).toEqual(expected));
});
