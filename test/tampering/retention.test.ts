/** Tests missing files: a sealed record names those that were deleted at the end of their time, and nothing else excuses one. */
import { appendFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { chained } from '../../src/decision-log/chain/chain.ts';
import { sealKeyIn } from '../../src/decision-log/seals/seal-key.ts';
import { openLog } from '../../src/decision-log/writer/log.ts';
import { linesOf, seqOf } from './lines.ts';
import { TestLog } from './logs.ts';

let log: TestLog;
let closed: string[];
beforeEach(() => {
  log = TestLog.build({ records: 120 });
  closed = readdirSync(log.folder)
    .filter((name) => /\.\d{12}\./.test(name))
    .sort();
});
afterEach(() => log.remove());

/** Another life of the guard: one record, and the end. */
function live(keep?: { amount: number; unit: 'day' }): Promise<void> {
  const guard = openLog({
    file: log.log,
    durability: 'batched',
    text: 'normalized',
    guard: 'g1',
    rotate: { bytes: 1_000_000 },
    keep,
    seal: { key: sealKeyIn(join(log.folder, 'seal.key')), everyMs: 3_600_000, records: 1_000 },
    clock: () => Date.UTC(2026, 11, 25),
  });
  guard.append('start', { version: '0' });
  return new Promise((done) => setTimeout(() => void guard.close().then(done), 300));
}

/** Writes what a guard writes when it deletes the file, as a forger would while no guard runs. */
function forgeRetention(file: string): void {
  const last = linesOf(readFileSync(log.log, 'utf8')).at(-1) ?? '';
  const lines = linesOf(readFileSync(join(log.folder, file), 'utf8'));
  const head = (line: string) => line.slice(-45, -2);
  const fields = {
    file,
    first: seqOf(lines[0] ?? ''),
    last: seqOf(lines.at(-1) ?? ''),
    head: head(lines.at(-1) ?? ''),
  };
  const record = { time: '2026-12-01T00:00:00.000Z', kind: 'retention', guard: 'g1', seq: seqOf(last) + 1, ...fields };
  appendFileSync(log.log, `${chained(head(last), JSON.stringify(record).slice(0, -1)).line}\n`);
}

it('the guard deletes what is too old: a note of the last one, and what follows verifies', async () => {
  await live({ amount: 1, unit: 'day' });
  const left = readdirSync(log.folder).filter((name) => /\.\d{12}\./.test(name));
  expect(left.length).toBeLessThan(closed.length);
  const { findings, notes } = await log.verify({ longestUnsealedMs: Number.POSITIVE_INFINITY });
  expect(findings).toEqual([]);
  expect(notes).toEqual([expect.objectContaining({ kind: 'retention' })]);
});

it('a record that was forged while no guard ran excuses nothing, also when a guard has gone on behind it', async () => {
  const [first = ''] = closed;
  forgeRetention(first);
  rmSync(join(log.folder, first));
  await live();
  const { findings, notes } = await log.verify({ longestUnsealedMs: Number.POSITIVE_INFINITY });
  expect(findings).toContainEqual(expect.objectContaining({ kind: 'file-missing', file: first }));
  expect(notes).toContainEqual(expect.objectContaining({ kind: 'unsealed' }));
});

it('a forged record excuses nothing before a guard has gone on either', async () => {
  const [first = ''] = closed;
  forgeRetention(first);
  rmSync(join(log.folder, first));
  const { findings } = await log.verify({ longestUnsealedMs: Number.POSITIVE_INFINITY });
  expect(findings).toContainEqual(expect.objectContaining({ kind: 'file-missing', file: first }));
});

it('a file from the middle is not deleted by a guard', async () => {
  const [, second = ''] = closed;
  forgeRetention(second);
  rmSync(join(log.folder, second));
  const { findings } = await log.verify({ longestUnsealedMs: Number.POSITIVE_INFINITY });
  expect(findings).toContainEqual(expect.objectContaining({ kind: 'file-missing', file: second }));
});
