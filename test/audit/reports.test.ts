/** Tests that totals of reports are exact: over random logs, DuckDB gives what a plain computation over whole records gives. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGLISH } from '../../src/decision-log/language/speech.ts';
import { chainsOf } from '../../src/decision-log/read/log-files.ts';
import { openSource, type RecordTable } from '../../src/decision-log/read/source.ts';
import { breachOf } from '../../src/decision-log/reports/breach.ts';
import { peopleText } from '../../src/decision-log/reports/people.ts';
import { principalsOf } from '../../src/decision-log/reports/principals.ts';
import { refusalsOf } from '../../src/decision-log/reports/refusals.ts';
import { refusalsReport } from '../../src/decision-log/reports/refusals-report.ts';
import { findSubject } from '../../src/decision-log/reports/subject.ts';
import { subjectId } from '../../src/decision-log/subject-ids.ts';
import { wallTime } from '../../src/policy/source/calendar.ts';
import { randomLog, recordsOf, type Whole, writeLog } from './random-log.ts';
import * as plain from './totals.ts';

const RUNS = process.env.ROWGATE_LONG ? 400 : 10;
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
  ask: (source: RecordTable, records: readonly Whole[]) => Promise<void>,
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

/** Names that were counted at least once. */
function byName<Count extends string>(
  rows: readonly ({ readonly name: string } & Readonly<Record<Count, number>>)[],
  count: Count,
): Map<string, number> {
  return new Map(rows.filter((row) => row[count] > 0).map((row) => [row.name, row[count]]));
}

describe('equal to a plain computation', () => {
  it('the rows and people of one principal', async () => {
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
            const refused = found.events.filter(({ kind }) => kind === 'login-refused');
            const own = records.filter((record) => record.principal === principal);
            expect(refused.reduce((sum, { times }) => sum + times, 0)).toBe(
              plain.refusalsOf(own, time.since, time.until).logins,
            );
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
          const { coverage } = await breachOf(source, asked);
          const statements = plain.statementsOf(records, asked);
          // Ids are made with keys, so no random id is ever found: the comparison is of the statements that cannot be excluded.
          const key = { name: 'k3', secret: 'x'.repeat(32) };
          const { answer, doubts } = await findSubject(
            source,
            { subject: 'student', key: '4711', keys: [key] },
            coverage,
          );
          const told = statements.map(({ outcome, people }) => ({ ...plain.toldBy(outcome), ids: people.size }));
          const expected = {
            unnamed: told.filter(({ questions, values }) => questions + values > 0).length,
            counted: told.filter(({ people, ids }) => people > ids).length,
            unended: statements.filter(plain.isUnended).length,
            gaps: [],
            keysMissing: statements.some(({ people }) => [...people].some((id) => id.startsWith('k4:'))) ? ['k4'] : [],
          };
          expect(doubts).toEqual({ ...expected, coverage });
          const open = expected.unnamed + expected.counted + expected.unended + expected.keysMissing.length > 0;
          expect(answer).toBe(open ? 'cannot be excluded' : 'no');
        });
      }),
      { numRuns: RUNS },
    );
  }, 240_000);

  it('the refused statements', async () => {
    await fc.assert(
      fc.asyncProperty(randomLog, period, async (log, time) => {
        await over(log, async (source, records) => {
          const found = await refusalsOf(source, time);
          const { by, ...sums } = plain.refusalsOf(records, time.since, time.until);
          expect(found).toMatchObject(sums);
          for (const [at, which] of (['times', 'observed'] as const).entries()) {
            expect(byName(found.byReason, which)).toEqual(by[at]?.reason);
            expect(byName(found.byPrincipal, which)).toEqual(by[at]?.principal);
            expect(byName(found.byTable, which)).toEqual(by[at]?.table);
          }
          expect(found.timeline.reduce((sum, { times, observed, logins }) => sum + times + observed + logins, 0)).toBe(
            sums.statements + sums.observed + sums.logins,
          );
        });
      }),
      { numRuns: RUNS },
    );
  }, 240_000);

  it('the work of each principal, and its busiest day before', async () => {
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

describe('one person', () => {
  const KEYS = [
    { name: 'k3', secret: 'a'.repeat(32) },
    { name: 'k4', secret: 'b'.repeat(32) },
  ];
  const idOf = (key: number, pupil: number): string => subjectId(KEYS[key]!, 'student', String(pupil));

  function log(...records: Whole[]): string {
    return records
      .map((record, index) => ({
        time: `2026-11-25T09:00:${String(index).padStart(2, '0')}.000Z`,
        guard: 'g1',
        seq: index + 1,
        principal: 'p',
        ...record,
      }))
      .map((record) => `${JSON.stringify(record)}\n`)
      .join('');
  }
  const decision = (id: string, more: Whole = {}): Whole => ({
    kind: 'decision',
    id,
    role: 'r',
    command: 'SELECT',
    fingerprint: 'f',
    effect: 'allow',
    tables: ['t'],
    columns: ['t.c'],
    ...more,
  });
  const outcome = (id: string, student: Whole = {}): Whole => ({
    kind: 'outcome',
    id,
    rows: 1,
    status: 'ok',
    subjects: { student: { people: 1, ids: [], ...student } },
  });

  async function opened<T>(text: string, ask: (source: RecordTable) => Promise<T>): Promise<T> {
    const at = join(folder, String(number++));
    await mkdir(at);
    const file = join(at, 'decisions.jsonl');
    await writeFile(file, text);
    const source = await openSource({
      chains: chainsOf(file),
      indexed: true,
      notice: (message) => expect.fail(message),
    });
    try {
      return await ask(source);
    } finally {
      source.close();
    }
  }

  const ASKED = { principal: 'p', since: 0, until: Date.UTC(2100, 0), timeZone: 'UTC' };

  const answer = (text: string, { keys = KEYS, user }: { keys?: typeof KEYS; user?: string } = {}) =>
    opened(text, async (source) => {
      const { coverage } = await breachOf(source, { ...ASKED, ...(user !== undefined && { user }) });
      const found = await findSubject(source, { subject: 'student', key: '4711', keys }, coverage);
      return `${found.answer}, ${found.statements}`;
    });

  it('questions and values are counted beside people', async () => {
    const told = (id: string, student: object) => [
      decision(id),
      { kind: 'outcome', id, rows: 1, status: 'ok', subjects: { student } },
    ];
    const ids = [idOf(0, 1), idOf(0, 2)];
    const text = log(
      ...told('1', { people: 2, ids }),
      ...told('2', { people: 0, questions: 1 }),
      ...told('3', { people: 0, questions: 0, values: 7 }),
      ...told('4', { people: 1, values: 4, ids: [idOf(0, 3)] }),
    );
    const { people } = await opened(text, (source) => breachOf(source, ASKED));
    expect(people).toEqual([
      {
        ...{ subject: 'student', named: [{ key: 'k3', people: 3 }], counted: 0, questions: 1, values: 11 },
        ...{ namedIn: 2, countedIn: 2 },
      },
    ]);
    expect(peopleText(people[0]!)).toBe('3 to 15');
  });

  it.each<[string, string, string, Parameters<typeof answer>[1]?]>([
    ['in an outcome', log(decision('1'), outcome('1', { ids: [idOf(0, 4711)] })), 'yes, 1'],
    ['under an older key', log(decision('1'), outcome('1', { ids: [idOf(1, 4711)] })), 'yes, 1'],
    [
      'in what was recorded while it ran',
      log(decision('1'), { kind: 'seen', id: '1', subjects: { student: { ids: [idOf(0, 4711)] } } }, outcome('1')),
      'yes, 1',
    ],
    [
      'before the guard was killed',
      log(decision('1'), { kind: 'seen', id: '1', subjects: { student: { ids: [idOf(0, 4711)] } } }),
      'yes, 1',
    ],
    ['another one', log(decision('1'), outcome('1', { ids: [idOf(0, 4712)] })), 'no, 0'],
    [
      'another subject with the same id',
      log(decision('1'), {
        kind: 'outcome',
        id: '1',
        rows: 1,
        subjects: { parent: { people: 1, ids: [idOf(0, 4711)] } },
      }),
      'no, 0',
    ],
    [
      'by another principal',
      log(decision('1'), outcome('1', { ids: [idOf(0, 4711)] })).replaceAll('"p"', '"q"'),
      'no, 0',
    ],
    [
      'with a key that did not show',
      log(decision('1'), outcome('1', { people: 0, values: 1 })),
      'cannot be excluded, 0',
    ],
    [
      'where the log only counts',
      log(decision('1'), { kind: 'outcome', id: '1', rows: 1, subjects: { student: { people: 1 } } }),
      'cannot be excluded, 0',
    ],
    ['where its end is not known', log(decision('1')), 'cannot be excluded, 0'],
    ['where it was refused', log(decision('1', { effect: 'refuse' })), 'no, 0'],
    ['where it can show nothing', log(decision('1', { command: 'BEGIN' })), 'no, 0'],
    [
      'with a key missing',
      log(decision('1'), outcome('1', { ids: [idOf(1, 4711)] })),
      'cannot be excluded, 0',
      { keys: KEYS.slice(0, 1) },
    ],
    [
      'with a record missing',
      log(decision('1'), outcome('1', { ids: [idOf(0, 1)] }), decision('2'), outcome('2', { ids: [idOf(0, 2)] }))
        .replace(/.*"seq":2.*\n/, '')
        .replace(/.*"seq":1,.*\n/, ''),
      'cannot be excluded, 0',
    ],
    [
      'with the earlier files missing',
      log(decision('1'), outcome('1', { ids: [idOf(0, 1)] }))
        .replace('"seq":2', '"seq":8')
        .replace('"seq":1,', '"seq":7,'),
      'cannot be excluded, 0',
    ],
    [
      'of a user, in an outcome whose decision is missing',
      log(outcome('1', { ids: [idOf(0, 4711)] })),
      'yes, 1',
      { user: '7731' },
    ],
  ])('%s', async (_, text, expected, options) => expect(await answer(text, options)).toBe(expected));
});

it('statements that observe mode would have refused are listed by reason, by principal and by table', async () => {
  const at = join(folder, String(number++));
  await mkdir(at);
  const record = (seq: number, more: object) =>
    JSON.stringify({
      time: '2026-11-25T09:00:00.000Z',
      kind: 'decision',
      guard: 'g1',
      seq,
      id: `${seq}`,
      principal: 'homework',
      tables: ['public.students'],
      effect: 'allow',
      ...more,
    });
  const would = { would: 'refuse', reason: 'column-withheld' };
  const refused = { effect: 'refuse', reason: 'table-withheld', principal: 'office' };
  await writeFile(
    join(at, 'decisions.jsonl'),
    [record(1, would), record(2, would), record(3, {}), record(4, refused)].join('\n'),
  );
  const notice = (message: string) => expect.fail(message);
  const source = await openSource({ chains: chainsOf(join(at, 'decisions.jsonl')), indexed: false, notice });
  const time = { since: 0, until: Date.UTC(2100, 0), timeZone: 'UTC' };
  const made = { files: ['decisions.jsonl'], strange: 0, at: 0, speech: ENGLISH };
  const { figures, sections } = refusalsReport(await refusalsOf(source, time), time, made);
  source.close();
  expect(figures.map(({ name, value }) => [name, value])).toEqual([
    ['statements refused', '1'],
    ['of them stopped as they ran', '0'],
    ['logins refused', '0'],
    ['would have been refused', '2'],
  ]);
  const cells = (heading: string) =>
    sections.find((section) => section.heading === heading)?.table?.rows.map((row) => row.slice(0, 3));
  expect(cells('Why')).toEqual([
    ['table-withheld', 1, 0],
    ['column-withheld', 0, 2],
  ]);
  // A word that is no reason has no meaning here.
  expect(cells('What the reasons mean')).toEqual([['column-withheld', 'a column that the role was not granted']]);
  expect(cells('Whose statements')).toEqual([
    ['office', 1, 0],
    ['homework', 0, 2],
  ]);
  expect(cells('On which tables')).toEqual([['public.students', 1, 2]]);
  expect(cells('When')).toEqual([[expect.any(String), 1, 2]]);
});
