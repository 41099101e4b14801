/** Totals of the reports are exact: over random logs, DuckDB says what a plain computation over whole records says. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chainsOf } from '../../src/audit/log-files.ts';
import { breachOf } from '../../src/audit/reports/breach.ts';
import { principalsOf } from '../../src/audit/reports/principals.ts';
import { refusalsOf } from '../../src/audit/reports/refusals.ts';
import { findSubject } from '../../src/audit/reports/subject.ts';
import { openSource, type Source } from '../../src/audit/source.ts';
import { wallTime } from '../../src/audit/times.ts';
import { randomLog, recordsOf, type Whole, writeLog } from './random-log.ts';
import * as plain from './totals.ts';

const RUNS = process.env.ROWGATE_LONG ? 400 : 25;
const DAY = 86_400_000;
const START = Date.UTC(2026, 9, 24, 20);
const period = fc
  .tuple(fc.integer({ min: -60, max: 4000 }), fc.integer({ min: 1, max: 4500 }))
  .map(([from, length]) => ({
    since: START + from * 60_000,
    until: START + (from + length) * 60_000,
    timeZone: 'Europe/Paris',
  }));

let folder: string;
let number = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-audit-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Written, opened, asked, and asked once more by its indexes. */
async function over(
  log: Parameters<typeof writeLog>[1],
  ask: (source: Source, records: readonly Whole[]) => Promise<void>,
): Promise<void> {
  const file = writeLog(join(folder, String(number++)), log);
  const records = recordsOf(log).flat();
  for (const indexed of [false, true, true]) {
    const source = await openSource({ chains: chainsOf(file), indexed, notice: (message) => expect.fail(message) });
    try {
      await ask(source, records);
    } finally {
      source.close();
    }
  }
}

function byName(rows: readonly { readonly name: string; readonly times: number }[]): Map<string, number> {
  return new Map(rows.map(({ name, times }) => [name, times]));
}

describe('as a plain computation has it', () => {
  it('what one principal took', async () => {
    const user = fc.constantFrom(undefined, undefined, '12');
    await fc.assert(
      fc.asyncProperty(
        randomLog,
        period,
        fc.constantFrom('homework', "o'brien; DROP"),
        user,
        async (log, time, principal, user) => {
          await over(log, async (source, records) => {
            const asked = { ...time, principal, ...(user !== undefined && { user }) };
            const found = await breachOf(source, asked);
            const statements = plain.statementsOf(records, asked);
            expect(found.totals).toEqual(plain.totalsOf(statements));
            expect(found.people).toEqual(plain.peopleOf(statements));
            const sorted = <T extends { name: string }>(rows: readonly T[]): T[] =>
              rows.toSorted((a, b) => (a.name < b.name ? -1 : 1));
            expect(sorted(found.tables)).toEqual(plain.readsOf(statements, 'tables'));
            expect(sorted(found.columns)).toEqual(plain.readsOf(statements, 'columns'));
            const clients = found.clients.map(
              ({ address, application, statements, rows }) =>
                [`${address} ${application}`, { statements, rows }] as const,
            );
            expect(new Map(clients)).toEqual(plain.clientsOf(statements));
            const shapes = found.statements.map(
              ({ fingerprint, statements, refused, rows, people }) =>
                [fingerprint ?? '', { statements, refused, rows, people }] as const,
            );
            expect(new Map(shapes)).toEqual(plain.shapesOf(statements));
            expect(found.shapes).toBe(shapes.length);
            const steps = new Map<number, number>();
            for (const { ended, outcome } of statements) {
              const at = Math.floor(wallTime(ended, time.timeZone) / found.step) * found.step;
              steps.set(at, (steps.get(at) ?? 0) + Number(outcome?.rows ?? 0));
            }
            expect(new Map(found.timeline.map(({ at, rows }) => [at, rows]))).toEqual(steps);
            expect(found.unended.reduce((sum, each) => sum + each.statements, 0)).toBe(
              statements.filter(plain.isUnended).length,
            );
          });
        },
      ),
      { numRuns: RUNS },
    );
  }, 240_000);

  it('whether a person was shown', async () => {
    await fc.assert(
      fc.asyncProperty(randomLog, period, async (log, time) => {
        await over(log, async (source, records) => {
          const asked = { ...time, principal: 'homework' };
          await breachOf(source, asked);
          const statements = plain.statementsOf(records, asked);
          // As ids are made of keys, nobody random is ever found: what is compared is what is left open.
          const key = { name: 'k3', secret: 'x'.repeat(32) };
          const { answer, doubts } = await findSubject(source, { subject: 'student', key: '4711', keys: [key] });
          const shownOf = (outcome: Whole | undefined) =>
            (outcome?.subjects as { student?: { n: number; unnamed: number } } | undefined)?.student;
          const expected = {
            unnamed: statements.filter(({ outcome }) => (shownOf(outcome)?.unnamed ?? 0) > 0).length,
            counted: statements.filter(({ outcome, people }) => (shownOf(outcome)?.n ?? 0) > people.size).length,
            unended: statements.filter(plain.isUnended).length,
            keysMissing: statements.some(({ people }) => [...people].some((id) => id.startsWith('k4:'))) ? ['k4'] : [],
          };
          expect(doubts).toEqual(expected);
          const open = expected.unnamed + expected.counted + expected.unended + expected.keysMissing.length > 0;
          expect(answer).toBe(open ? 'cannot be excluded' : 'no');
        });
      }),
      { numRuns: RUNS },
    );
  }, 240_000);

  it('what was refused', async () => {
    await fc.assert(
      fc.asyncProperty(randomLog, period, async (log, time) => {
        await over(log, async (source, records) => {
          const found = await refusalsOf(source, time);
          const { byReason, byPrincipal, byTable, ...sums } = plain.refusalsOf(records, time.since, time.until);
          expect(found).toMatchObject(sums);
          expect(byName(found.byReason)).toEqual(byReason);
          expect(byName(found.byPrincipal)).toEqual(byPrincipal);
          expect(byName(found.byTable)).toEqual(byTable);
          expect(found.timeline.reduce((sum, { times, logins }) => sum + times + logins, 0)).toBe(
            sums.statements + sums.logins,
          );
        });
      }),
      { numRuns: RUNS },
    );
  }, 240_000);

  it('what each principal did, and its busiest day before', async () => {
    await fc.assert(
      fc.asyncProperty(randomLog, period, async (log, time) => {
        await over(log, async (source, records) => {
          const found = await principalsOf(source, time);
          const sums = found.map(
            ({ principal, logins, lastLogin, statements, refused, rows, bytes, changed, people }) =>
              [principal, { logins, lastLogin, statements, refused, rows, bytes, changed, people }] as const,
          );
          expect(new Map(sums)).toEqual(plain.principalsOf(records, time.since, time.until));
          for (const { principal, busiestBefore } of found) {
            const before = records
              .filter((record) => record.principal === principal && record.kind === 'outcome')
              .filter(({ time: at }) => {
                const instant = Date.parse(String(at));
                return instant >= time.since - 28 * DAY && instant < time.since;
              });
            const days = new Map<number, number>();
            for (const record of before) {
              const day = Math.floor(wallTime(Date.parse(String(record.time)), time.timeZone) / DAY);
              days.set(day, (days.get(day) ?? 0) + Number(record.rows));
            }
            expect(busiestBefore.rows).toBe(Math.max(0, ...days.values()));
          }
        });
      }),
      { numRuns: RUNS },
    );
  }, 240_000);
});
