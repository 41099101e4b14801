/** Tests `rowgate log report breach --verify` over a real, sealed log: the proof in the report, and the same report in French. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { register as logReport } from '../../src/cli/log-report.ts';
import { CATALOGUES, LANGUAGES } from '../../src/decision-log/language/speech.ts';
import { runCommand, type Said } from '../support/command.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

const POLICIES = join(import.meta.dirname, '../../policies');
const folder = mkdtempSync(join(tmpdir(), 'rowgate-breach-'));
let database: FreshDatabase;
let guard: TestGuard;
let logFile: string;

beforeAll(async () => {
  const keyFile = join(folder, 'subjects.key');
  writeFileSync(keyFile, `k1 ${'x'.repeat(40)}\n`, { mode: 0o600 });
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await guardInFrontOf(database, {
    policies: POLICIES,
    configuration: `keys: { subjects: ${JSON.stringify(keyFile)} }`,
    logging: 'seal: { key: ./seal.pem, records: 1 }',
  });
  logFile = guard.configFile.replace('rowgate.yaml', 'decisions.jsonl');
  const office = await guard.connect('office');
  await office.query('SELECT id, first_name FROM students WHERE id IN (7, 9)');
  await office.query('SELECT count(*) FROM students');
  await office.query('SELECT student_id, reason FROM absences WHERE student_id = 1001');
  await expect(office.query('SELECT comment FROM grades')).rejects.toThrow('comment');
  const dba = await guard.connect('dba');
  await dba.query('DELETE FROM absences WHERE student_id = 1002');
  await dba.query('UPDATE students SET city = city WHERE id = 7');
  await guard.records();
});
afterAll(async () => {
  await guard?.stop();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const report = (kind: string, ...args: string[]): Promise<Said> =>
  runCommand([logReport], ['log', 'report', kind, '--config', guard.configFile, ...args]);
const breach = (...args: string[]) => report('breach', '--principal', 'office', '--since', 'today', ...args);
/** The value of a heading in the CSV table for the notification. */
const cell = (csv: string, name: string): string => new RegExp(`^"?${name}"?,(.*)\r?$`, 'm').exec(csv)?.[1] ?? '';

describe('with --verify', () => {
  it('the log is verified; the report has the hash of each file, its author and its number', async () => {
    const said = await breach('--verify', '--author', 'D. Aune', '--case', '2026-17');
    expect(said).toMatchObject({ status: 0, stderr: '' });
    expect(said.stdout).toContain('Is the log whole? Nothing was found.');
    expect(said.stdout).toMatch(/Case number +2026-17\nAuthor +D\. Aune\n/);
    const { evidence } = JSON.parse((await breach('--verify', '--json')).stdout);
    const bytes = (await readFile(logFile)).subarray(0, evidence.hashes[0].bytes);
    expect(evidence.hashes).toMatchObject([
      { file: 'decisions.jsonl', sha256: createHash('sha256').update(bytes).digest('hex') },
    ]);
    expect(evidence.verification.findings).toEqual([]);
  });

  it('an edited log is told of first', async () => {
    const whole = await readFile(logFile, 'utf8');
    await writeFile(logFile, whole.replace('"rows":2', '"rows":1'));
    try {
      const { stdout } = await breach('--verify');
      expect(stdout).toMatch(/Is the log whole\? \d+ findings?: what this report says may be wrong\./);
      expect(stdout.indexOf('Is the log whole?')).toBeLessThan(stdout.indexOf('Whose data'));
    } finally {
      await writeFile(logFile, whole);
    }
  });

  it('people who were named are separate from statements that only counted', async () => {
    const { people } = JSON.parse((await breach('--verify', '--json')).stdout);
    expect(people).toMatchObject([{ subject: 'student', namedIn: 2, countedIn: 1 }]);
  });

  it('confidentiality, integrity, availability, article 9, minors, and whom to tell', async () => {
    const { stdout } = await breach('--verify', '--csv');
    expect(cell(stdout, 'Confidentiality')).toMatch(/^\d+ rows left the guard in answers to 3 statements\.$/);
    expect(cell(stdout, 'Integrity')).toBe('No row was changed by a statement in these files.');
    expect(cell(stdout, 'Special categories \\(article 9\\)')).toBe('health: public.absences.reason.');
    expect(cell(stdout, 'Minors')).toContain('student');
    expect(stdout).toContain('Special categories were read. Minors are likely among them.');
    const ofDba = (await report('breach', '--principal', 'dba', '--since', 'today', '--verify', '--csv')).stdout;
    expect(cell(ofDba, 'Availability')).toContain('(DELETE): 1 row');
    expect(cell(ofDba, 'Integrity')).toContain('public.students');
  });

  it('an unknown principal has no report; the nearest name is offered', async () => {
    const said = await report('breach', '--principal', 'ofice', '--since', 'today');
    expect(said).toMatchObject({ status: 2, stdout: '' });
    expect(said.stderr).toBe('rowgate: no record of this log names principal "ofice", did you mean "office"?\n');
  });

  it('what belongs to it is a wrong call without it', async () => {
    await expect(breach('--author', 'me')).rejects.toThrow('belong to --verify');
  });
});

describe('--language', () => {
  const FORMS = [['--json'], ['--csv'], ['--html'], []];
  const REPORTS: [string, string[]][] = [
    [
      'breach',
      [
        '--principal',
        'office',
        '--since',
        'today',
        '--verify',
        '--subject',
        'student=7',
        '--subject-key',
        join(folder, 'subjects.key'),
      ],
    ],
    ['refusals', ['--since', 'today']],
    ['principals', ['--since', 'today']],
    ['person', ['--subject', 'student=7', '--subject-key', join(folder, 'subjects.key')]],
  ];

  it.each(REPORTS)('%s has no English left in French, and the same data', async (kind, args) => {
    const english = Object.entries(CATALOGUES.en).flatMap(([key, message]) => {
      const french = CATALOGUES.fr[key as keyof typeof CATALOGUES.fr];
      // Whole sentences without values: shorter words may be part of names.
      const isTold = typeof message === 'string' && message !== french && message.length > 24 && !message.includes('{');
      return isTold ? [message] : [];
    });
    for (const form of FORMS) {
      const [en, fr] = [await report(kind, ...args, ...form), await report(kind, ...args, ...form, '--language', 'fr')];
      expect(fr).toMatchObject({ status: 0, stderr: '' });
      if (form[0] === '--json') {
        expect(Object.keys(JSON.parse(fr.stdout))).toEqual(Object.keys(JSON.parse(en.stdout)));
        continue;
      }
      const text = fr.stdout.replaceAll(/\s+/g, ' ');
      expect(english.filter((sentence) => text.includes(sentence))).toEqual([]);
      expect(text).not.toBe(en.stdout.replaceAll(/\s+/g, ' '));
      if (form[0] === '--html') expect(text).toContain('<html lang="fr">');
    }
  });

  it('each report has it', () => {
    const program = new Command();
    logReport(program);
    const reports = program.commands
      .flatMap(({ commands }) => commands)
      .find((one) => one.name() === 'report')?.commands;
    const names = (reports ?? []).map((one) => one.name());
    expect(names.length).toBeGreaterThan(5);
    const speaking = (reports ?? []).filter(({ options }) => options.some(({ long }) => long === '--language'));
    expect(speaking.map((one) => one.name())).toEqual(names);
  });

  it('usage too; another language is a wrong call', async () => {
    const { stdout } = await report('usage', '--language', 'fr');
    expect(stdout).toMatch(/^Du \d\d\/\d\d\/\d{4} au /);
    expect(stdout).toContain('Rôle school_office, 1 compte :');
    await expect(report('usage', '--language', 'de')).rejects.toThrow(LANGUAGES.join(', '));
  });
});
