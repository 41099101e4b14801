/** Indexes: made of closed files, readable by their maker alone, and believed only where they are of the very file. */
import { appendFile, chmod, chown, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { removeOrphans } from '../../src/decision-log/read/indexes.ts';
import { chainsOf } from '../../src/decision-log/read/log-files.ts';
import { openAhead, openSource } from '../../src/decision-log/read/source.ts';
import { refusalsOf } from '../../src/decision-log/reports/refusals.ts';
import { ClosedFileCleanup } from '../../src/decision-log/rotation/cleanup.ts';
import { ROOT, testWith } from '../support/tools.ts';

let folder: string;
let closed: string;
let index: string;

const ALL = { since: 0, until: Date.UTC(2100, 0), timeZone: 'UTC' };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-index-'));
  closed = join(folder, 'decisions.000000000001.jsonl');
  index = `${closed}.parquet`;
  await writeFile(closed, records('homework', 10));
  await writeFile(join(folder, 'decisions.jsonl'), records('office', 3, 11));
});
afterEach(() => rm(folder, { recursive: true }));

function records(principal: string, count: number, from = 1): string {
  return Array.from({ length: count }, (_, at) => {
    const record = {
      time: '2026-11-25T09:00:00.000Z',
      kind: 'decision',
      guard: 'g1',
      seq: from + at,
      id: `${from + at}`,
      principal,
      effect: 'refuse',
      reason: 'x',
    };
    return `${JSON.stringify(record)}\n`;
  }).join('');
}

async function refused(options: { indexed?: boolean } = {}): Promise<{ refused: number; said: string[] }> {
  const said: string[] = [];
  const source = await openSource({
    chains: chainsOf(join(folder, 'decisions.jsonl')),
    indexed: options.indexed ?? true,
    notice: (message) => said.push(message),
  });
  try {
    return { refused: (await refusalsOf(source, ALL)).statements, said };
  } finally {
    source.close();
  }
}

describe('an index', () => {
  it('is made of closed files alone, for its maker to read', async () => {
    expect(await refused()).toEqual({ refused: 13, said: [] });
    expect((await readdir(folder)).toSorted()).toEqual([
      'decisions.000000000001.jsonl',
      'decisions.000000000001.jsonl.parquet',
      'decisions.jsonl',
    ]);
    expect((await stat(index)).mode & 0o777).toBe(0o600);
  });

  it('is used, and not made again', async () => {
    await refused();
    const { mtimeMs, ino } = await stat(index);
    expect(await refused()).toEqual({ refused: 13, said: [] });
    expect(await stat(index)).toMatchObject({ mtimeMs, ino });
  });

  it('of a file that has changed is made again, whatever the time that the file bears', async () => {
    await refused();
    const { atime, mtime } = await stat(closed);
    await writeFile(closed, records('homework', 12));
    await utimes(closed, atime, mtime);
    expect((await refused()).refused).toBe(15);
  });

  it('of a file of the same length with another end is made again', async () => {
    await refused();
    const { atime, mtime } = await stat(closed);
    const text = await readFile(closed, 'utf8');
    const at = text.lastIndexOf('"refuse"');
    await writeFile(closed, `${text.slice(0, at)}"permit"${text.slice(at + 8)}`);
    await utimes(closed, atime, mtime);
    expect((await refused()).refused).toBe(12);
  });

  it.each([
    ['that others may write', () => chmod(index, 0o622)],
    ['that is no Parquet', () => writeFile(index, 'PAR1 nothing PAR1')],
    ['that is empty', () => writeFile(index, '')],
    ['of a form that is not known', async () => writeFile(index, (await readFile(index)).subarray(0, 100))],
  ])('%s is not believed, and made again', async (_, spoil) => {
    await refused();
    await spoil();
    expect(await refused()).toEqual({ refused: 13, said: [] });
    expect((await stat(index)).mode & 0o777).toBe(0o600);
  });

  testWith(ROOT)('of another user is not believed', async () => {
    await refused();
    await chown(index, 12345, 12345);
    await refused();
    expect((await stat(index)).uid).toBe(0);
  });

  it('is done without where it cannot be written, and that is said', async () => {
    await writeFile(`${index}.${process.pid}.tmp`, 'in the way');
    const { refused: found, said } = await refused();
    expect(found).toBe(13);
    expect(said).toEqual([expect.stringMatching(/decisions\.000000000001\.jsonl has no index: /)]);
  });

  it('is neither made nor read where none is wanted', async () => {
    await refused();
    await writeFile(closed, records('homework', 1));
    expect((await refused({ indexed: false })).refused).toBe(4);
  });

  it('and the rest of a log that was opened ahead are as the files are when it is asked about', async () => {
    const ahead = () =>
      openAhead({ chains: chainsOf(join(folder, 'decisions.jsonl')), indexed: true, notice: () => {} });
    ahead();
    // Nothing is made ahead.
    expect((await refused({ indexed: false })).refused).toBe(13);
    expect(await readdir(folder)).not.toContain('decisions.000000000001.jsonl.parquet');
    await refused();
    ahead();
    expect((await refused()).refused).toBe(13);
    ahead();
    await appendFile(join(folder, 'decisions.jsonl'), records('office', 2, 14));
    expect((await refused()).refused).toBe(15);
    ahead();
    await writeFile(closed, records('homework', 12));
    expect((await refused()).refused).toBe(17);
    ahead();
    await writeFile(join(folder, 'decisions.000000000013.jsonl'), records('home', 5, 20));
    expect((await refused()).refused).toBe(22);
  });

  it('goes with its file: compressed, or deleted', async () => {
    await refused();
    await writeFile(`${closed}.gz`, gzipSync(await readFile(closed)));
    await rm(closed);
    expect(removeOrphans(chainsOf(join(folder, 'decisions.jsonl')).flat(), undefined)).toBe(1);
    expect((await refused()).refused).toBe(13);
    expect(await readdir(folder)).toContain('decisions.000000000001.jsonl.gz.parquet');
  });
});

it('parts of an index that a killed process has left are removed, those of one that is being made are not', async () => {
  const [left, fresh] = [`${index}.4711.tmp.unsorted`, `${index}.4712.tmp.1`];
  for (const part of [left, `${index}.4711.tmp`, fresh]) await writeFile(part, 'PAR1');
  const before = new Date(Date.now() - 11 * 60_000);
  for (const part of [left, `${index}.4711.tmp`]) await utimes(part, before, before);
  expect(removeOrphans(chainsOf(join(folder, 'decisions.jsonl')).flat(), undefined)).toBe(2);
  expect((await readdir(folder)).filter((name) => name.includes('.tmp'))).toEqual([basename(fresh)]);
});

it('an index is deleted with its file, by the guard, when its time is over', async () => {
  await refused();
  await writeFile(`${index}.4711.tmp.2`, 'PAR1');
  const segment = {
    time: '2026-11-26T00:00:00.000Z',
    kind: 'segment',
    guard: 'g1',
    seq: 11,
    chain: 'c',
    format: 1,
    sealed_by: 'k',
    seals: 0,
    previous: { file: 'x', seq: 10, hash: 'h' },
  };
  await writeFile(join(folder, 'decisions.jsonl'), `${JSON.stringify(segment)}\n`);
  const tidying = new ClosedFileCleanup({
    file: join(folder, 'decisions.jsonl'),
    keep: { amount: 1, unit: 'day' },
    clock: () => Date.parse('2026-12-24T00:00:00Z'),
    record: () => 1,
    isSealed: async () => true,
    notice: (message) => expect.fail(message),
  });
  tidying.look();
  await vi.waitFor(async () => expect(await readdir(folder)).toEqual(['decisions.jsonl']), { timeout: 60_000 });
  tidying.stop();
});

it('a compressed file that breaks off is an error, and no shorter report', async () => {
  const whole = gzipSync(records('homework', 5_000));
  await rm(closed);
  await writeFile(`${closed}.gz`, whole.subarray(0, whole.length / 2));
  await expect(refused()).rejects.toThrow();
});
