/** Tests the files of the log: closed by time or by size, compressed beside the running guard, kept for a time, and one chain over all of them. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { keptSince } from '../../src/decision-log/rotation/cleanup.ts';
import { periodEnd } from '../../src/decision-log/rotation/schedule.ts';
import { type DecisionLog, type LogOptions, openLog } from '../../src/decision-log/writer/log.ts';
import { eventually } from '../proxy/support.ts';
import { allRecords, type WholeRecord } from '../support/decision-log.ts';

const root = mkdtempSync(join(tmpdir(), 'rowgate-rotation-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const DAY = 86_400_000;
let now = 0;
let folder = '';
let file = '';
let notices: string[] = [];
beforeEach(() => {
  now = Date.UTC(2026, 10, 25, 9);
  folder = mkdtempSync(join(root, 'log-'));
  file = join(folder, 'd.jsonl');
  notices = [];
});

function open(options: Partial<LogOptions> = {}): DecisionLog {
  return openLog({
    file,
    durability: 'batched',
    text: 'normalized',
    guard: 'g1',
    clock: () => now,
    timeZone: 'Europe/Paris',
    notice: (message) => notices.push(message),
    ...options,
  });
}

/** Closed files and the open one, in order. */
const names = (): string[] =>
  readdirSync(folder)
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort((a, b) => Number(a === 'd.jsonl') - Number(b === 'd.jsonl') || (a < b ? -1 : 1));

function textOf(name: string): string {
  const bytes = readFileSync(join(folder, name));
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

/** All records of all files; the chain is held over each file, and from file to file. */
function everything(): WholeRecord[] {
  let before: { seq: unknown; hash: string } | undefined;
  return names().flatMap((name) => {
    const text = textOf(name);
    const records = allRecords(text);
    expect(records[0]).toMatchObject({ kind: 'segment', ...(before && { previous: before }) });
    before = { seq: records.at(-1)?.seq, hash: JSON.parse(text.trimEnd().split('\n').at(-1) ?? '').hash };
    return records;
  });
}

function isWhole(records: readonly WholeRecord[]): void {
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1));
  const seals = records.filter(({ kind }) => kind === 'seal');
  expect(seals.map(({ seal }) => seal)).toEqual(seals.map((_, index) => index + 1));
  expect(new Set(records.flatMap(({ chain }) => chain ?? [])).size).toBe(1);
}

const compressed = () =>
  eventually(() => names().every((name) => name === 'd.jsonl' || name.endsWith('.gz')), 'all are compressed');

test.each([
  ['hourly', '2026-11-25T09:59:59.999Z', '2026-11-25T10:00:00.000Z'],
  ['daily', '2026-11-25T09:00:00.000Z', '2026-11-25T23:00:00.000Z'],
  ['daily', '2026-11-25T23:00:00.000Z', '2026-11-26T23:00:00.000Z'],
  ['daily', '2026-10-24T22:30:00.000Z', '2026-10-25T23:00:00.000Z'], // 25 hours
  ['hourly', '2026-10-25T00:30:00.000Z', '2026-10-25T02:00:00.000Z'],
  ['weekly', '2026-11-25T09:00:00.000Z', '2026-11-29T23:00:00.000Z'], // Wednesday to Monday
  ['weekly', '2026-11-30T09:00:00.000Z', '2026-12-06T23:00:00.000Z'], // Monday to Monday
  ['monthly', '2026-11-25T09:00:00.000Z', '2026-11-30T23:00:00.000Z'],
  ['monthly', '2027-01-31T09:00:00.000Z', '2027-01-31T23:00:00.000Z'],
] as const)('%s, a file begun at %s ends at %s in Paris', (every, opened, end) => {
  expect(new Date(periodEnd(every, Date.parse(opened), 'Europe/Paris')).toISOString()).toBe(end);
});

test('whatever the time zone and the moment, a period ends later than it began', () => {
  for (const zone of [
    'Europe/Paris',
    'Asia/Kathmandu',
    'America/Sao_Paulo',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'UTC',
  ]) {
    for (let at = Date.UTC(2018, 0, 1); at < Date.UTC(2019, 0, 1); at += 3_777_777) {
      for (const every of ['hourly', 'daily', 'weekly', 'monthly'] as const) {
        const end = periodEnd(every, at, zone);
        if (end <= at || end > at + 32 * DAY) expect({ zone, at, every, end }).toBe('later');
      }
    }
  }
});

describe('rotation', () => {
  test('by time: the next record goes to a new file, and a file in which nothing happened is not closed', async () => {
    const log = open({ rotate: { every: 'daily' } });
    for (let day = 0; day < 3; day++) {
      for (let i = 0; i < 5; i++) expect(log.append('login', { principal: `p${i}` })).toBe(true);
      now += DAY * (day + 1);
    }
    await log.close();
    expect(names().map((name) => name.replace('.gz', ''))).toEqual([
      'd.000000000001.jsonl',
      'd.000000000008.jsonl',
      'd.jsonl',
    ]);
    const records = everything();
    isWhole(records);
    expect(records.filter(({ kind }) => kind === 'login')).toHaveLength(15);
    // Each file ends in a seal of what is before it.
    for (const name of names()) expect(allRecords(textOf(name)).at(-1)?.kind).toBe('seal');
  });

  test('by size, under load: each file holds about so much, and nothing is lost', async () => {
    const log = open({ rotate: { bytes: 65_536 } });
    for (let i = 0; i < 2000; i++) expect(log.append('login', { principal: `p${i}` })).toBe(true);
    await compressed();
    await log.close();
    await compressed();
    const sizes = names()
      .slice(0, -1)
      .map((name) => textOf(name).length);
    expect(sizes.length).toBeGreaterThan(3);
    for (const size of sizes) expect(Math.abs(size - 65_536)).toBeLessThan(1500);
    const records = everything();
    isWhole(records);
    expect(records.flatMap(({ principal }) => principal ?? [])).toEqual(
      Array.from({ length: 2000 }, (_, i) => `p${i}`),
    );
    expect(statSync(join(folder, names()[0] ?? '')).mode & 0o777).toBe(0o600);
    expect(notices).toEqual([]);
  });

  test('a file of the name of the closed one is never written over', async () => {
    writeFileSync(join(folder, 'd.000000000001.jsonl'), 'evidence');
    chmodSync(join(folder, 'd.000000000001.jsonl'), 0o600);
    const log = open({ rotate: { every: 'daily' } });
    log.append('start', {});
    now += DAY;
    expect(log.append('login', {})).toBe(true);
    expect(log.append('login', {})).toBe(true);
    await log.close();
    expect(
      existsSync(join(folder, 'd.000000000001.jsonl'))
        ? textOf('d.000000000001.jsonl')
        : textOf('d.000000000001.jsonl.gz'),
    ).toBe('evidence');
    expect(allRecords(textOf('d.jsonl')).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(notices.filter((notice) => notice.includes('cannot be rotated'))).toHaveLength(1);
  });

  test('by another program and by itself at once', async () => {
    const log = open({ rotate: { every: 'daily' } });
    log.append('start', {});
    renameSync(file, `${file}.1`);
    now += DAY;
    log.append('login', {});
    now += DAY;
    log.append('stop', {});
    await log.close();
    expect(allRecords(readFileSync(`${file}.1`, 'utf8')).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(everything().map(({ seq }) => seq)).toEqual([4, 5, 6, 7, 8, 9]);
  });
});

describe('a guard that starts goes on', () => {
  /** Writes three files, and leaves how they were closed to the test. */
  async function threeFiles(): Promise<void> {
    const log = open({ rotate: { every: 'daily' } });
    for (let day = 0; day < 3; day++) {
      log.append('login', {});
      now += DAY;
    }
    await log.close();
  }

  async function goesOn(): Promise<void> {
    const log = open({ rotate: { every: 'monthly' } });
    log.append('start', {});
    await compressed();
    await log.close();
    isWhole(everything());
  }

  test('where the open file was closed and the next was not begun', async () => {
    await threeFiles();
    renameSync(file, join(folder, 'd.000000000007.jsonl'));
    await goesOn();
    expect(everything().at(-2)).toMatchObject({ kind: 'start', seq: 11 });
  });

  test('where the next was opened, and nothing was written', async () => {
    await threeFiles();
    renameSync(file, join(folder, 'd.000000000007.jsonl'));
    writeFileSync(file, '');
    await goesOn();
  });

  test('where its beginning was torn', async () => {
    await threeFiles();
    renameSync(file, join(folder, 'd.000000000007.jsonl'));
    writeFileSync(file, '{"time":"2026');
    const log = open();
    log.append('start', {});
    await log.close();
    const [segment] = textOf('d.jsonl').split('\n').slice(1);
    expect(JSON.parse(segment ?? '')).toMatchObject({ kind: 'segment', seq: 10, torn: 13, seals: 3 });
  });

  test('where all that was closed is compressed', async () => {
    await threeFiles();
    renameSync(file, join(folder, 'd.000000000007.jsonl'));
    for (const name of names()) if (!name.endsWith('.gz')) execFileSync('gzip', [join(folder, name)]);
    await goesOn();
  });

  test('where another program has moved and compressed the file', async () => {
    await threeFiles();
    renameSync(file, `${file}-20261128`);
    execFileSync('gzip', [`${file}-20261128`]);
    // Another guard's, of a later number.
    writeFileSync(
      `${file}.2`,
      '{"time":"2026-11-25T09:00:00.000Z","kind":"segment","guard":"g2","seq":900,"chain":"x"}\n',
    );
    const log = open();
    log.append('start', {});
    await log.close();
    expect(allRecords(textOf('d.jsonl'))[0]).toMatchObject({
      seq: 10,
      previous: { file: 'd.jsonl-20261128.gz', seq: 9 },
    });
  });

  test('where a compression was cut off: at each of its steps', async () => {
    await threeFiles();
    const [first = '', second = ''] = names();
    const plain = (name: string) => name.replace('.gz', '');
    const [one, two] = [textOf(first), textOf(second)];
    for (const name of [first, second]) rmSync(join(folder, name), { force: true });
    // Half of it written; and all of it, but the plain one still there.
    writeFileSync(join(folder, plain(first)), one);
    writeFileSync(join(folder, `${plain(first)}.gz.part`), 'half');
    writeFileSync(join(folder, plain(second)), two);
    execFileSync('gzip', ['-k', join(folder, plain(second))]);
    await goesOn();
    expect([textOf(`${plain(first)}.gz`), textOf(`${plain(second)}.gz`)]).toEqual([one, two]);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

describe('retention', () => {
  test.each([
    [{ amount: 30, unit: 'day' }, '2026-03-31T12:00:00.000Z', '2026-03-01T12:00:00.000Z'],
    [{ amount: 1, unit: 'month' }, '2026-03-31T12:00:00.000Z', '2026-02-28T12:00:00.000Z'],
    [{ amount: 12, unit: 'month' }, '2026-03-31T12:00:00.000Z', '2025-03-31T12:00:00.000Z'],
    [{ amount: 1, unit: 'year' }, '2028-02-29T12:00:00.000Z', '2027-02-28T12:00:00.000Z'],
  ] as const)('of %j at %s: since %s', (keep, at, since) => {
    expect(new Date(keptSince(keep, Date.parse(at))).toISOString()).toBe(since);
  });

  test('an older file is recorded, then deleted, and the chain is whole from there on', async () => {
    const log = open({ rotate: { every: 'daily' }, keep: { amount: 3, unit: 'day' } });
    for (let day = 0; day < 6; day++) {
      log.append('login', { principal: `p${day}` });
      now += DAY;
    }
    await compressed();
    log.append('login', {});
    await eventually(() => names()[0]?.startsWith('d.000000000007') ?? false, 'the oldest are deleted');
    await compressed();
    await log.close();
    const records = everything();
    const retention = records.filter(({ kind }) => kind === 'retention');
    expect(retention.map(({ file, first, last }) => [String(file).replace('.gz', ''), first, last])).toEqual([
      ['d.000000000001.jsonl', 1, 3],
      ['d.000000000004.jsonl', 4, 6],
    ]);
    expect(retention.at(-1)?.head).toBe((records[0] as { previous?: { hash: string } }).previous?.hash);
  });

  test('a file whose deletion cannot be recorded is not deleted', async () => {
    const full = join(folder, 'full');
    mkdirSync(full);
    file = join(full, 'd.jsonl');
    const log = open({ rotate: { every: 'daily' } });
    log.append('login', {});
    now += DAY;
    log.append('login', {});
    await log.close();
    folder = full;
    const before = names().filter((name) => name !== 'd.jsonl');
    now += 40 * DAY;
    // Its open file is one that nothing can be written to.
    rmSync(file);
    mkdirSync(file);
    expect(() => open({ keep: { amount: 1, unit: 'day' } })).toThrow(/EISDIR/);
    expect(names().filter((name) => name !== 'd.jsonl')).toEqual(before);
  });
});
