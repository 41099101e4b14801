/** Tests the comparison of the two logs: it finds each way in which they can differ. */
import { describe, expect, it } from 'vitest';
import { type Decided, decidedBy, runBy, undecided } from './matching.ts';
import { loggedFor } from './server-log.ts';

const [A, B, C] = ['700000001', '700000002', '700000003'];
const REFUSAL = '01M8F5T85TSR1HMVE755V84HNM';

/** In the first millisecond, where nothing else is said. */
const decision = (text: string, extra: Partial<Decided> = {}): Decided => ({
  id: 'x',
  time: 1,
  text,
  refused: false,
  ...extra,
});
/** In the second. */
const ran = (...texts: string[]) => texts.flatMap((text) => runBy({ text, time: 2 }));
const decided = (...texts: string[]) => decidedBy(texts.map((text) => decision(text)));

describe('nothing is found', () => {
  const several = `SELECT ${A}; SELECT ${B}`;
  it.each([
    ['each was decided', ran(A, B, C), decided(A, B, C)],
    ['it runs twice, and was decided twice', ran(A, A, B), decided(A, A, B)],
    ['what was decided did not run', ran(A, C), decided(A, B, C)],
    ['several statements in a message, sent as one', ran(several), decided(several, several)],
    ['several statements in a message, sent one by one', ran(`SELECT ${A}`, `SELECT ${B}`), decided(several, several)],
    [
      'a number twice in a statement',
      ran(`DECLARE c${A} CURSOR FOR SELECT ${A}`),
      decided(`DECLARE c${A} CURSOR FOR SELECT ${A}`),
    ],
    ['a refusal', ran(`SELECT "rowgate_${REFUSAL}"`), decidedBy([decision(A, { id: REFUSAL, refused: true })])],
    ['in the same millisecond', runBy({ text: A, time: 1 }), decided(A)],
  ])('%s', (_, run, before) => expect(undecided(run, before)).toEqual([]));
});

describe('found', () => {
  const missing = (key: string) => `${key} ran and has no decision left in its place`;
  it.each([
    ['none was decided', ran(A), [], missing(A)],
    ['one is missing', ran(A, B, C), decided(A, C), missing(B)],
    ['it runs once more than was decided', ran(A, A, A), decided(A, A), missing(A)],
    ['in another order', ran(A, B), decided(B, A), missing(B)],
    [
      'the second of several was not decided',
      ran(`SELECT ${A}; SELECT ${B}`),
      decided(`SELECT ${A}; SELECT ${B}`),
      missing(B),
    ],
    ['what was refused', ran(A), decidedBy([decision(A, { refused: true })]), missing(A)],
    [
      'decided afterwards',
      runBy({ text: A, time: 1 }),
      decidedBy([decision(A, { time: 4 })]),
      `${A} ran 3 ms before its decision`,
    ],
  ])('%s', (_, run, before, problem) => expect(undecided(run, before)).toEqual([problem]));
});

it("reads the server's log", () => {
  const at = '2026-11-27 18:55:49.480 UTC [18957] ';
  const log = [
    `${at}guard|a|LOG:  statement: SELECT 1`,
    `${at}other|a|LOG:  statement: SELECT 2`,
    `${at}guard|a|ERROR:  no such thing`,
    `${at}guard|a|STATEMENT:  SELECT 3`,
    `${at}guard|a|LOG:  execute <unnamed>: SELECT 4,`,
    '\t 5',
    `${at}guard|a|DETAIL:  Parameters: $1 = '6'`,
    `${at}guard|b|LOG:  execute fetch from p/c: SELECT 7`,
    `${at}guard|b|LOG:  unexpected EOF on client connection with an open transaction`,
    '',
  ];
  const time = Date.UTC(2026, 10, 27, 18, 55, 49, 480);
  expect(loggedFor('guard', log.join('\n'))).toEqual([
    { time, pid: 18957, application: 'a', text: 'SELECT 1' },
    { time, pid: 18957, application: 'a', text: 'SELECT 4,\n 5' },
    { time, pid: 18957, application: 'b', text: 'SELECT 7' },
  ]);
});
