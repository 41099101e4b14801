/** Tests `rowgate log report usage`: what it finds in a log of known amounts, and that its proposal is a valid policy. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { register } from '../../src/cli/log-report.ts';
import { limits } from '../../src/policy/schema/limits-schema.ts';
import { runCommand, type Said } from '../support/command.ts';

let folder: string;
let config: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-report-'));
  config = join(folder, 'rowgate.yaml');
  await writeFile(config, `time_zone: Europe/Paris\nlog: { file: ./log.jsonl }\nupstream: { url: "\${NOT_SET}" }\n`);
});
afterAll(() => rm(folder, { recursive: true }));

type Fields = Readonly<Record<string, unknown>>;
let id = 0;

/** The two records of a statement. */
function statement(time: string, principal: string, outcome: Fields, command = 'SELECT'): string {
  id += 1;
  const lines = [
    { time, kind: 'decision', id, principal, role: `${principal.replace(/\d+$/, '')}`, command },
    { time, kind: 'outcome', id, principal, rows: 0, bytes: 0, changed: 0, status: 'ok', ...outcome },
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

async function report(lines: string, ...args: string[]): Promise<Said> {
  await writeFile(join(folder, 'log.jsonl'), lines);
  return runCommand([register], ['log', 'report', 'usage', '--config', config, ...args]);
}

async function roles(lines: string, ...args: string[]) {
  return JSON.parse((await report(lines, '--json', ...args)).stdout).roles;
}

describe('percentiles', () => {
  it('of 1,000 hours with 1, 2 … 1,000 rows', async () => {
    let lines = '';
    for (let hour = 0; hour < 1_000; hour += 1) {
      // Two hours apart, so that no window holds two of them.
      const time = new Date(Date.parse('2026-09-01T00:30:00Z') + hour * 2 * 3_600_000).toISOString();
      lines += statement(time, 'teacher', { rows: hour + 1, bytes: (hour + 1) * 100 });
    }
    const [{ role, principals, usage, proposed }] = await roles(lines);
    expect([role, principals]).toEqual(['teacher', 1]);
    const rows = usage.find(({ measure, window }: Fields) => measure === 'rows' && window === 'per hour');
    expect(rows).toMatchObject({ samples: 1_000, median: 500, p99: 990, p999: 999, most: 1_000 });
    // 999 and 30 %, rounded up to two digits.
    expect(proposed).toContain('rows: [1300 per hour');
    expect((await roles(lines, '--margin', '0'))[0].proposed).toContain('rows: [1000 per hour');
  });

  it('an hour slides: what lies on both sides of a full hour counts together', async () => {
    const lines =
      statement('2026-09-01T09:50:00Z', 'teacher', { rows: 70 }) +
      statement('2026-09-01T10:20:00Z', 'teacher', { rows: 50 });
    const [{ usage }] = await roles(lines);
    expect(usage.find(({ window }: Fields) => window === 'per hour')).toMatchObject({
      samples: 2,
      median: 70,
      most: 120,
    });
  });

  it('a day ends at midnight of the time zone', async () => {
    const lines =
      statement('2026-09-01T21:50:00Z', 'teacher', { rows: 70 }) +
      statement('2026-09-01T22:10:00Z', 'teacher', { rows: 50 });
    const day = ({ measure, window }: Fields): boolean => measure === 'rows' && window === 'per day';
    expect((await roles(lines))[0].usage.find(day)).toMatchObject({ samples: 2, most: 70 });
    expect((await roles(lines, '--time-zone', 'UTC'))[0].usage.find(day)).toMatchObject({ samples: 1, most: 120 });
  });

  it('each principal has windows of its own', async () => {
    const lines =
      statement('2026-09-01T09:00:00Z', 'teacher1', { rows: 70 }) +
      statement('2026-09-01T09:01:00Z', 'teacher2', { rows: 50 });
    expect((await roles(lines))[0]).toMatchObject({
      principals: 2,
      usage: expect.arrayContaining([expect.objectContaining({ measure: 'rows', most: 70 })]),
    });
  });
});

describe('what is counted', () => {
  it('no refused statements, and no transaction control among statements', async () => {
    const time = '2026-09-01T09:00:00Z';
    const lines =
      statement(time, 'teacher', {}, 'BEGIN') +
      statement(time, 'teacher', { rows: 5 }) +
      statement(time, 'teacher', { changed: 3 }, 'UPDATE') +
      statement(time, 'teacher', { status: 'refused' }) +
      statement(time, 'teacher', {}, 'COMMIT');
    const [{ usage }] = await roles(lines);
    const most = Object.fromEntries(usage.map(({ measure, window, most: n }: Fields) => [`${measure} ${window}`, n]));
    expect(most).toMatchObject({ 'statements per hour': 2, 'rows per hour': 5, 'changed per day': 3 });
  });

  it('people by what the guard has noted: the highest of a day', async () => {
    const usage = (time: string, used: number): string =>
      `${JSON.stringify({ time, kind: 'usage', principal: 'teacher', role: 'teacher', limits: [{ name: 'subjects.student 300 per day', used, of: 300 }] })}\n`;
    const shown = { rows: 25, subjects: { student: { people: 25, questions: 0, values: 0 } } };
    const lines =
      statement('2026-09-01T09:00:00Z', 'teacher', shown).repeat(9) +
      usage('2026-09-01T10:00:00.080Z', 25) +
      // A record of the last hour before midnight.
      usage('2026-09-01T22:00:00.080Z', 31) +
      usage('2026-09-02T10:00:00.080Z', 12);
    const [{ usage: found, proposed }] = await roles(lines);
    expect(found.filter(({ measure }: Fields) => measure === 'subjects.student')).toEqual([
      { measure: 'subjects.student', window: 'per day', samples: 2, median: 12, p99: 31, p999: 31, most: 31 },
    ]);
    expect(proposed).toContain('student: [31 per day warn, 41 per day]');
    expect(proposed).not.toContain('answers:');
  });

  describe('people, questions and values apart', () => {
    const told = (people: number, questions: number, values: number) => ({
      rows: 1,
      subjects: { student: { people, questions, values } },
    });
    const noted = (time: string, ...limits: (readonly [string, number])[]): string =>
      `${JSON.stringify({ time, kind: 'usage', principal: 'teacher', role: 'teacher', limits: limits.map(([name, used]) => ({ name, used, of: 300 })) })}\n`;
    const most = (usage: Fields[], window: string) =>
      ['subjects', 'questions', 'values', 'answers'].map(
        (what) => usage.find((each) => each.measure === `${what}.student` && each.window === window)?.most,
      );
    const days =
      // Records of a window of days that goes on over midnight.
      statement('2026-09-01T09:00:00Z', 'teacher', told(20, 0, 30)) +
      statement('2026-09-02T09:00:00Z', 'teacher', told(20, 1, 0)).repeat(2) +
      statement('2026-09-02T09:30:00Z', 'teacher', told(5, 0, 7));

    it('where one limit counts all of them, answers are no people', async () => {
      const lines =
        days +
        noted(
          '2026-09-01T10:00:00.080Z',
          ['subjects.student 300 per day', 50],
          ['subjects.student 900 per 7 days', 50],
        ) +
        noted(
          '2026-09-02T10:00:00.080Z',
          ['subjects.student 300 per day', 34],
          ['subjects.student 900 per 7 days', 64],
        );
      const [{ usage, proposed }] = await roles(lines);
      expect(most(usage, 'per day')).toEqual([25, 2, 30, 30]);
      expect(most(usage, 'per 7 days')).toEqual([25, 2, 37, 39]);
      expect(limits.parse(parse(proposed).limits)).toMatchObject({
        subjects: new Map([['student', [25, 33, 25, 33].map((amount) => expect.objectContaining({ amount }))]]),
        answers: new Map([['student', [30, 39, 39, 51].map((amount) => expect.objectContaining({ amount }))]]),
      });
      expect((await report(lines)).stdout).toMatch(
        /questions\.student per day +0 +2 +2 +2 +2\n +values\.student per day/,
      );
    });

    it('where answers have a limit of their own, all in the other are people', async () => {
      const lines =
        days +
        noted('2026-09-02T10:00:00.080Z', ['subjects.student 300 per day', 25], ['answers.student 300 per day', 9]);
      const [{ usage, proposed }] = await roles(lines);
      expect(most(usage, 'per day')).toEqual([25, 2, 30, 30]);
      expect(proposed).toContain('  subjects:\n    student: [25 per day warn, 33 per day]');
      expect(proposed).toContain('  answers:\n    student: [30 per day warn, 39 per day]');
    });

    it('a role that has named no person is proposed the smallest limit on people', async () => {
      const lines =
        statement('2026-09-02T09:00:00Z', 'teacher', told(0, 1, 8)) +
        noted('2026-09-02T10:00:00.080Z', ['answers.student 300 per day', 9]);
      const [{ proposed }] = await roles(lines);
      expect(proposed).toContain('  subjects:\n    student: [1 per day warn, 1 per day]');
      expect(proposed).toContain('  answers:\n    student: [9 per day warn, 12 per day]');
    });
  });

  it('people without a limit that counts them: no more than the sum of what was shown', async () => {
    const lines = statement('2026-09-01T09:00:00Z', 'teacher', {
      rows: 25,
      subjects: { student: { people: 25, values: 2 } },
    }).repeat(3);
    const { stdout } = await report(lines);
    expect(stdout).toMatch(/subjects\.student per day \(at most\) +75/);
    expect(stdout).toMatch(/values\.student per day +6/);
    expect(stdout).toContain('# subjects: { student: [1000000 per day warn, 1000000 per 30 days warn] }');
  });

  it('days and principals that are asked for', async () => {
    const lines =
      statement('2026-09-01T09:00:00Z', 'teacher', { rows: 1 }) +
      statement('2026-09-02T09:00:00Z', 'teacher', { rows: 2 }) +
      statement('2026-09-02T09:00:00Z', 'vendor', { rows: 9_999 }) +
      `${JSON.stringify({ time: '2026-09-02T09:00:01Z', kind: 'lock', principal: 'vendor' })}\n`;
    expect((await report(lines)).stdout).toContain('Locked out in that time: vendor.');
    const left = JSON.parse((await report(lines, '--json', '--from', '2026-09-02', '--without', 'vendor')).stdout);
    expect(left.locked).toEqual([]);
    expect(left.roles.map(({ role }: Fields) => role)).toEqual(['teacher']);
    expect(left.roles[0].usage[0]).toMatchObject({ measure: 'rows_per_statement', most: 2 });
  });

  it('the files of workers, and no line that is no record', async () => {
    await writeFile(join(folder, 'log.2.jsonl'), `torn\n${statement('2026-09-01T09:00:00Z', 'teacher', { rows: 7 })}`);
    const { stdout, stderr } = await report(statement('2026-09-01T09:00:00Z', 'teacher', { rows: 5 }), '--json');
    await rm(join(folder, 'log.2.jsonl'));
    expect(JSON.parse(stdout).roles[0].usage.find(({ measure }: Fields) => measure === 'rows').most).toBe(12);
    expect(stderr).toContain('1 lines hold no record');
  });
});

it('the proposal is a valid policy', async () => {
  const lines =
    statement('2026-09-01T09:00:00Z', 'teacher', { rows: 250, bytes: 3_000_000, changed: 4 }) +
    `${JSON.stringify({ time: '2026-09-01T10:00:00Z', kind: 'usage', principal: 'teacher', role: 'teacher', limits: [{ name: 'subjects.student 300 per day', used: 120, of: 300 }] })}\n`;
  const [{ proposed }] = await roles(lines);
  const read = limits.safeParse(parse(proposed).limits);
  expect(read.success, proposed).toBe(true);
  expect(read.data).toMatchObject({
    rowsPerStatement: 330,
    bytesPerStatement: 4 * 1024 * 1024,
    rows: [
      { amount: 330, window: { unit: 'hour' } },
      { amount: 330, window: { unit: 'day' } },
    ],
    subjects: new Map([
      [
        'student',
        [
          { amount: 120, window: { count: 1, unit: 'day' }, effect: 'warn' },
          { amount: 160, window: { count: 1, unit: 'day' } },
        ],
      ],
    ]),
  });
});

describe('a wrong call', () => {
  it.each([
    [['--from', 'yesterday'], /expected a date/],
    [['--margin', 'much'], /expected a number of percent/],
  ])('%s', async (args, message) => {
    await expect(report('', ...args)).rejects.toThrow(message);
  });

  it('no log, and an empty one', async () => {
    expect(await report('', '--log', join(folder, 'absent.jsonl'))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no such file'),
    });
    expect(await report('')).toMatchObject({ status: 1, stderr: expect.stringContaining('nothing was used') });
  });
});
