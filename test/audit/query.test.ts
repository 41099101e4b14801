/** Tests `rowgate log query`: which records it finds, whole, over rotations and workers, and while they are written. */
import { appendFileSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Command } from 'commander';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { register } from '../../src/cli/log-query.ts';
import { closedName } from '../../src/decision-log/chain/files.ts';
import type { LogRecord } from '../../src/decision-log/fields.ts';
import { ChainReader } from '../../src/decision-log/read/chain-reader.ts';
import { chainsOf, openNameOf } from '../../src/decision-log/read/log-files.ts';
import { merged } from '../../src/decision-log/read/merged.ts';
import { subjectId } from '../../src/decision-log/subject-ids.ts';
import { randomLog, recordsOf, writeLog } from './random-log.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-query-'));
  file = join(folder, 'decisions.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

async function query(...args: string[]): Promise<{ stdout: string; stderr: string; status: number }> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += String(text);
      return true;
    }),
  );
  process.exitCode = undefined;
  try {
    const program = new Command('rowgate').exitOverride();
    register(program);
    await program.parseAsync(['node', 'rowgate', 'log', 'query', ...args]);
    return { ...said, status: Number(process.exitCode ?? 0) };
  } finally {
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}

async function found(...args: string[]): Promise<string[]> {
  const { stdout } = await query(file, '--json', ...args);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { kind, id } = JSON.parse(line);
      return `${kind} ${id}`;
    });
}

const KEY = { name: 'k3', secret: 's'.repeat(40) };
const LINES = [
  { kind: 'segment', chain: 'x', format: 1 },
  { kind: 'login', id: 'l', principal: 'office', role: 'school_office' },
  {
    kind: 'decision',
    id: '1',
    session: 'a',
    principal: 'office',
    role: 'school_office',
    command: 'SELECT',
    fingerprint: 'f',
    statement: 'SELECT ine FROM students',
    tables: ['public.students'],
    columns: ['public.students.ine'],
    effect: 'refuse',
    reason: 'column-withheld',
    rule: 'roles/x.yaml:1',
  },
  { kind: 'outcome', id: '1', principal: 'office', rows: 0, ms: 0, status: 'refused' },
  {
    kind: 'decision',
    id: '2',
    session: 'b',
    principal: 'homework',
    user: '7731',
    role: 'homework_app',
    command: 'SELECT',
    fingerprint: 'g',
    statement: 'SELECT a.reason FROM absences AS a',
    tables: ['public.absences'],
    columns: ['public.absences.reason'],
    effect: 'rewrite',
  },
  { kind: 'seen', id: '2', principal: 'homework', subjects: { student: { ids: [subjectId(KEY, 'student', '4711')] } } },
  {
    kind: 'decision',
    id: '3',
    session: 'b',
    principal: 'homework',
    user: '7731',
    role: 'homework_app',
    command: 'SELECT',
    fingerprint: 'f',
    statement: 'SELECT ine FROM students',
    tables: ['public.students'],
    columns: ['public.students.ine'],
    effect: 'allow',
    would: 'refuse',
  },
  {
    kind: 'outcome',
    id: '2',
    principal: 'homework',
    rows: 3,
    status: 'ok',
    subjects: { student: { people: 1, ids: [] } },
  },
  {
    kind: 'outcome',
    id: '3',
    principal: 'homework',
    rows: 1,
    bytes: 0,
    changed: 0,
    ms: 0,
    status: 'error',
    reason: 'row-check',
  },
  { kind: 'lock', id: 'k', principal: 'homework', by: 'guard', reason: 'overruns', message: 'Too much' },
].map((record, index) =>
  JSON.stringify({ time: `2026-11-25T09:00:0${index}.000Z`, guard: 'g1', seq: index + 1, ...record }),
);

describe('the records that it finds', () => {
  beforeEach(() => writeFile(file, LINES.map((line) => `${line}\n`).join('')));

  it.each<[string[], string[]]>([
    [
      ['--principal', 'office'],
      ['login l', 'decision 1', 'outcome 1'],
    ],
    [
      ['--user', '7731'],
      ['decision 2', 'seen 2', 'decision 3', 'outcome 2', 'outcome 3'],
    ],
    [
      ['--role', 'school_office'],
      ['login l', 'decision 1', 'outcome 1'],
    ],
    [
      ['--table', 'students'],
      ['decision 1', 'outcome 1', 'decision 3', 'outcome 3'],
    ],
    [
      ['--table', 'public.absences'],
      ['decision 2', 'seen 2', 'outcome 2'],
    ],
    [['--table', 'dents'], []],
    [
      ['--column', 'ine'],
      ['decision 1', 'outcome 1', 'decision 3', 'outcome 3'],
    ],
    [
      ['--column', 'absences.reason'],
      ['decision 2', 'seen 2', 'outcome 2'],
    ],
    [
      ['--effect', 'refuse'],
      ['decision 1', 'outcome 1', 'decision 3', 'outcome 3'],
    ],
    [
      ['--effect', 'allow'],
      ['decision 3', 'outcome 3'],
    ],
    [
      ['--reason', 'column-withheld'],
      ['decision 1', 'outcome 1'],
    ],
    [['--reason', 'row-check'], ['outcome 3']],
    [['--reason', 'overruns'], ['lock k']],
    [
      ['--kind', 'outcome', '--table', 'students'],
      ['outcome 1', 'outcome 3'],
    ],
    [
      ['--text', 'from STUDENTS'],
      ['decision 1', 'outcome 1', 'decision 3', 'outcome 3'],
    ],
    [['--text', 'too much'], ['lock k']],
    [
      ['--id', '2'],
      ['decision 2', 'seen 2', 'outcome 2'],
    ],
    [
      ['--principal', 'homework', '--limit', '2'],
      ['decision 3', 'outcome 3', 'lock k'],
    ],
    [
      ['--user', '7731', '--limit', '1'],
      ['decision 3', 'outcome 3'],
    ],
    [['--since', '2026-11-25T09:00:06Z', '--table', 'absences'], ['outcome 2']],
    [
      ['--until', '2026-11-25T09:00:03Z'],
      ['segment undefined', 'login l', 'decision 1'],
    ],
  ])('%j', async (args, expected) => expect(await found(...args)).toEqual(expected));

  it('each record whole', async () => {
    const { stdout } = await query(file, '--json', '--id', '3');
    const [decision, outcome] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(decision).toMatchObject({
      user: '7731',
      role: 'homework_app',
      command: 'SELECT',
      statement: 'SELECT ine FROM students',
      columns: ['public.students.ine'],
    });
    expect(outcome).toMatchObject({ rows: 1, bytes: 0, changed: 0, ms: 0 });
  });

  it('results that showed one person, by the key of the ids', async () => {
    const key = join(folder, 'subjects.key');
    await writeFile(key, `k2 ${'r'.repeat(40)}\n${KEY.name} ${KEY.secret}\n`, { mode: 0o600 });
    expect(await found('--subject', 'student=4711', '--subject-key', key)).toEqual(['seen 2']);
    expect(await found('--subject', 'student=4712', '--subject-key', key)).toEqual([]);
  });

  it('in words, a line for each', async () => {
    const { stdout } = await query(file, '--id', '1', '--time-zone', 'Europe/Paris');
    expect(stdout).toBe(
      'time (Europe/Paris)     principal    kind          effect\n' +
        '2026-11-25 10:00:02.000 office       decision      refuse    column-withheld, roles/x.yaml:1, SELECT ine FROM students\n' +
        '2026-11-25 10:00:03.000 office       outcome       refused   0 rows, 0 ms\n',
    );
  });

  it('says by its exit code that there is nothing, and that it was called wrongly', async () => {
    expect((await query(file, '--principal', 'office', '--text', 'never')).status).toBe(1);
    const missing = join(folder, 'missing.jsonl');
    expect(await query(missing)).toEqual({
      stdout: '',
      stderr: `rowgate: ${missing} cannot be read (ENOENT)\n`,
      status: 2,
    });
    await expect(query(file, '--since', 'soon')).rejects.toThrow('expected a time');
    await expect(query(file, '--limit', 'few')).rejects.toThrow('expected a number');
  });
});

it.each([
  [['--principal', 'ofice'], 'principal "ofice", did you mean "office"?'],
  [['--user', '1'], 'user "1"'],
  [['--role', 'homework'], 'role "homework"'],
  [['--table', 'student'], 'table "student", did you mean "students"?'],
  [['--column', 'inee'], 'column "inee", did you mean "ine"?'],
])('%j: a name that is not in the log is reported, and is no answer', async (args, name) => {
  await writeFile(file, LINES.map((line) => `${line}\n`).join(''));
  expect(await query(file, ...args)).toEqual({
    stdout: '',
    stderr: `rowgate: no record of this log names ${name}\n`,
    status: 2,
  });
});

it.each([
  [['--effect', 'deny'], '--effect: expected allow, rewrite, refuse, throttle, lock, found "deny"'],
  [['--effect', 'refused'], 'did you mean "refuse"?'],
  [['--kind', 'decisions'], 'did you mean "decision"?'],
])('%j: a value outside of a closed list ends the call', async (args, why) => {
  await writeFile(file, LINES.map((line) => `${line}\n`).join(''));
  await expect(query(file, ...args)).rejects.toThrow(why);
});

it('a record of many refused logins says how many, since when and from where', async () => {
  const counted = { reason: 'protocol', count: 812, since: '2026-11-25T08:59:00.000Z', client: '10.12.0.7' };
  const record = { time: '2026-11-25T09:00:00.000Z', kind: 'login-refused', guard: 'g1', seq: 1, ...counted };
  await writeFile(file, `${JSON.stringify(record)}\n`);
  const { stdout } = await query(file, '--kind', 'login-refused');
  expect(stdout).toContain('protocol, count 812, since 2026-11-25 08:59:00 UTC, client 10.12.0.7');
});

it('control characters are written out, in words and in JSON', async () => {
  const evil = {
    time: '2026-11-25T09:00:00.000Z',
    kind: 'login-refused',
    guard: 'g1',
    seq: 1,
    principal: 'a\u001b[2Jb\u202e',
    message: 'x\u009b31m',
  };
  await writeFile(file, `${JSON.stringify(evil)}\n`);
  for (const args of [[], ['--json']]) {
    const { stdout } = await query(file, ...args);
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(stdout).toContain('\\u001b');
  }
});

it('a compressed file that breaks off is said to be damaged', async () => {
  const closed = `${closedName(file, 1)}.gz`;
  const whole = gzipSync(LINES.join('\n').repeat(500));
  await writeFile(closed, whole.subarray(0, whole.length - 9));
  const { status, stderr } = await query(closed);
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(/^rowgate: .*\.gz is damaged: /) });
});

it('over random logs: all records, whole, each chain in its order and all in the order of time', async () => {
  let number = 0;
  await fc.assert(
    fc.asyncProperty(randomLog, async (log) => {
      const readers = chainsOf(writeLog(join(folder, String(number++)), log)).map((chain) => new ChainReader(chain));
      const read: LogRecord[] = [];
      for await (const record of merged(readers)) if (record.kind !== 'segment') read.push(record);
      const expected = recordsOf(log);
      for (const records of expected) expect(read.filter(({ guard }) => guard === records[0]?.guard)).toEqual(records);
      expect(read.length).toBe(expected.flat().length);
      const times = read.map(({ time }) => String(time));
      expect(times).toEqual(times.toSorted());
    }),
    { numRuns: 60 },
  );
});

describe('a log that is being written', () => {
  function line(seq: number, guard = 'g1'): string {
    return `${JSON.stringify({ time: '2026-11-25T09:00:00.000Z', kind: 'decision', guard, seq, id: String(seq), principal: 'p', effect: 'allow' })}\n`;
  }

  /** Reads until told to stop; what has come is in `seqs`. */
  function follow() {
    const stop = new AbortController();
    const seqs: string[] = [];
    const known = new Set(chainsOf(file).map(([first = '']) => openNameOf(first)));
    const more = () => {
      const fresh = chainsOf(file).filter(([first = '']) => !known.has(openNameOf(first)));
      for (const [first = ''] of fresh) known.add(openNameOf(first));
      return fresh.map((chain) => new ChainReader(chain, undefined, true));
    };
    const done = (async () => {
      const readers = chainsOf(file).map((chain) => new ChainReader(chain, undefined, true));
      for await (const { guard, seq } of merged(readers, { signal: stop.signal, more })) seqs.push(`${guard} ${seq}`);
    })();
    const end = (): Promise<void> => {
      stop.abort();
      return done;
    };
    return { seqs, end };
  }

  it('comes, over rotations, compressed ones too, and from a worker that begins later', async () => {
    await writeFile(file, line(1));
    const { seqs, end } = follow();
    await vi.waitFor(() => expect(seqs).toEqual(['g1 1']), { timeout: 60_000 });
    const second = line(2);
    appendFileSync(file, second.slice(0, 20));
    appendFileSync(file, second.slice(20));
    await vi.waitFor(() => expect(seqs).toHaveLength(2), { timeout: 60_000 });
    // Two rotations between two looks, the second file compressed at once.
    appendFileSync(file, line(3));
    await rename(file, closedName(file, 1));
    await writeFile(`${closedName(file, 4)}.gz`, gzipSync(line(4) + line(5)));
    await writeFile(file, line(6));
    await vi.waitFor(() => expect(seqs).toHaveLength(6), { timeout: 120_000 });
    await writeFile(join(folder, 'decisions.2.jsonl'), line(1, 'g1/2'));
    await vi.waitFor(() => expect(seqs).toHaveLength(7), { timeout: 120_000 });
    appendFileSync(file, line(7).trimEnd());
    await end();
    expect(seqs).toEqual(['g1 1', 'g1 2', 'g1 3', 'g1 4', 'g1 5', 'g1 6', 'g1/2 1', 'g1 7']);
    expect(await readFile(file, 'utf8')).toBe(line(6) + line(7).trimEnd());
  });

  it('waits where the file was moved away and no new one is there', async () => {
    await writeFile(file, line(1));
    const { seqs, end } = follow();
    await vi.waitFor(() => expect(seqs).toHaveLength(1), { timeout: 60_000 });
    await rename(file, closedName(file, 1));
    appendFileSync(closedName(file, 1), line(2));
    await vi.waitFor(() => expect(seqs).toHaveLength(2), { timeout: 60_000 });
    await writeFile(file, line(3));
    await vi.waitFor(() => expect(seqs).toHaveLength(3), { timeout: 60_000 });
    await end();
    expect(seqs).toEqual(['g1 1', 'g1 2', 'g1 3']);
  });

  it('waits for the file that comes behind a closed one', async () => {
    await writeFile(`${closedName(file, 1)}.gz`, gzipSync(line(1)));
    const { seqs, end } = follow();
    await vi.waitFor(() => expect(seqs).toHaveLength(1), { timeout: 60_000 });
    await writeFile(file, line(2));
    await vi.waitFor(() => expect(seqs).toHaveLength(2), { timeout: 60_000 });
    await end();
    expect(seqs).toEqual(['g1 1', 'g1 2']);
  });
});
