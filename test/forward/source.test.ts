/** Tests the reader of a log: to its last record, once and in order, whatever happens to its files meanwhile; and on from any place. */
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Position } from '../../src/decision-log/forward/position.ts';
import { type ForwardedRecord, RecordStream } from '../../src/decision-log/forward/source.ts';
import { LogFolder } from './log-folder.ts';

let folder: LogFolder;
let lost: [number, number][];
let said: string[];
const open: RecordStream[] = [];

beforeEach(() => {
  folder = new LogFolder();
  lost = [];
  said = [];
});
afterEach(async () => {
  for (const source of open.splice(0)) await source.close();
  folder.remove();
});

function source(from?: Position): RecordStream {
  const notices = {
    lost: (a: number, b: number) => void lost.push([a, b]),
    said: (text: string) => void said.push(text),
  };
  const made = new RecordStream(folder.log, from, notices);
  open.push(made);
  return made;
}

async function all(from: RecordStream, most = Number.POSITIVE_INFINITY): Promise<ForwardedRecord[]> {
  const entries: ForwardedRecord[] = [];
  while (entries.length < most) {
    const entry = await from.next(async () => {});
    if (!entry) break;
    entries.push(entry);
  }
  return entries;
}

const numbers = (entries: readonly ForwardedRecord[]) => entries.map(({ record }) => record.seq);
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, n) => first + n);

describe('a log', () => {
  it('is read as it grows, a line when it is whole', async () => {
    const reader = source();
    folder.record();
    expect(numbers(await all(reader))).toEqual([1, 2]);
    const finish = folder.begin();
    expect(await all(reader)).toEqual([]);
    finish();
    expect(numbers(await all(reader))).toEqual([3]);
  });

  it('that is closed meanwhile is read to its end, also compressed, and then the next', async () => {
    const reader = source();
    folder.record();
    await all(reader);
    folder.record();
    const closed = folder.rotate();
    folder.record();
    folder.compress(closed);
    folder.compress(folder.rotate());
    folder.record();
    expect(numbers(await all(reader))).toEqual(upTo(folder.last, 3));
    expect(lost).toEqual([]);
  });

  it('that another program rotates is read to its end', async () => {
    const reader = source();
    await all(reader);
    folder.record();
    folder.moveAway('.1');
    folder.record();
    expect(numbers(await all(reader))).toEqual(upTo(folder.last, 2));
    // Also by a reader that opens after the rotation.
    expect(numbers(await all(source()))).toEqual(upTo(folder.last));
  });

  it('torn by a crash goes on behind it', async () => {
    folder.record();
    folder.tear();
    folder.record();
    expect(numbers(await all(source()))).toEqual(upTo(folder.last));
  });

  it('with missing files goes on after them, and reports the records that were not sent', async () => {
    const reader = source();
    await all(reader, 1);
    for (let n = 0; n < 3; n++) folder.record();
    folder.delete(folder.rotate());
    for (let n = 0; n < 3; n++) folder.record();
    const gone = folder.rotate();
    const { position } = (await all(reader)).at(-1) as ForwardedRecord;
    await reader.close();
    folder.record();
    folder.delete(folder.rotate());
    folder.delete(gone);
    folder.record();
    lost = [];
    expect(numbers(await all(source(position)))).toEqual(upTo(folder.last, folder.last - 1));
    expect(lost).toEqual([[position.seq + 1, folder.last - 2]]);
  });

  it('that another one has replaced is read from its beginning', async () => {
    for (let n = 0; n < 5; n++) folder.record();
    const { position } = (await all(source())).at(-1) as ForwardedRecord;
    folder.replaceLog('chain-2');
    folder.rotate();
    folder.record();
    expect(numbers(await all(source(position)))).toEqual(upTo(folder.last));
    expect(lost).toEqual([]);
  });

  it('that was cut is read again from its beginning: what it holds now is unknown', async () => {
    for (let n = 0; n < 5; n++) folder.record();
    const reader = source();
    await all(reader);
    truncateSync(folder.log, 250);
    expect(numbers(await all(reader))).toEqual([1]);
    expect(said).toEqual([expect.stringContaining('is shorter than it was')]);
  });

  it('with a damaged compressed file goes on with the next', async () => {
    for (let n = 0; n < 5000; n++) folder.record();
    const closed = folder.rotate();
    folder.compress(closed);
    truncateSync(`${closed}.gz`, 9_000);
    folder.record();
    expect(numbers(await all(source())).at(-1)).toBe(folder.last);
    expect(said).toEqual([expect.stringContaining('cannot be unpacked to its end')]);
    expect(lost).toHaveLength(1);
  });

  it('may hold lines that are no records, and one that is longer than any', async () => {
    appendFileSync(folder.log, `[]\n"x"\n{"seq":1}\nnull\n${'y'.repeat(20 * 1024 * 1024)}\n`);
    folder.record();
    expect(numbers(await all(source()))).toEqual(upTo(folder.last));
  });

  it('that is not there yet is waited for', async () => {
    folder.delete(folder.log);
    const reader = source();
    expect(await all(reader)).toEqual([]);
    writeFileSync(folder.log, '');
    expect(await all(reader)).toEqual([]);
    folder.replaceLog('chain-1');
    expect(numbers(await all(reader))).toEqual([1]);
  });
});

describe('an outcome has its decision, also where reading begins between', () => {
  it.each([0, 20_000])('also if the decision is %i records above', async (between) => {
    folder.decision('a');
    folder.decision('b');
    for (let n = 0; n < between; n++) folder.record();
    const { position } = (await all(source())).at(-1) as ForwardedRecord;
    folder.outcome('b');
    folder.decision('c');
    const [outcome, decision, ...more] = await all(source(position));
    expect(more).toEqual([]);
    expect(outcome?.record).toMatchObject({ kind: 'outcome', id: 'b', rows: 3, changed: 0 });
    expect(outcome?.decision).toMatchObject({ id: 'b', command: 'SELECT', client: '10.0.0.7:5' });
    expect(decision?.record).toMatchObject({ id: 'c', role: 'teacher', statement: 'SELECT 1' });
  });

  it('except for one that is more than 100,000 above, which is not read again', async () => {
    folder.decision('far');
    const statements = Array.from({ length: 100_000 }, (_, n) => `${n}`);
    for (const id of statements) folder.decision(id);
    for (const id of statements.slice(10)) folder.outcome(id);
    folder.decision('near');
    const { position } = (await all(source())).at(-1) as ForwardedRecord;
    folder.outcome('far');
    folder.outcome('near');
    const [far, near] = await all(source(position));
    expect(far).toMatchObject({ record: { id: 'far', principal: 'p' }, decision: undefined });
    expect(near?.decision).toMatchObject({ id: 'near', command: 'SELECT' });
  });
});

it('whatever happens to the files and the reader, each record comes once, in order', async () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 40 }).map((count) => ({ do: 'write' as const, count })) },
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 50 }).map((count) => ({ do: 'read' as const, count })) },
      { weight: 2, arbitrary: fc.constant({ do: 'rotate' as const, count: 0 }) },
      { weight: 2, arbitrary: fc.constant({ do: 'compress' as const, count: 0 }) },
      { weight: 1, arbitrary: fc.constant({ do: 'tear' as const, count: 0 }) },
      { weight: 2, arbitrary: fc.constant({ do: 'restart' as const, count: 0 }) },
    ),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (all_) => {
      const files = new LogFolder();
      const gaps: number[] = [];
      const plain: string[] = [];
      const seen: unknown[] = [];
      let position: Position | undefined;
      const start = () => new RecordStream(files.log, position, { lost: (from) => gaps.push(from), said: () => {} });
      let reader = start();
      const read = async (count: number) => {
        for (let n = 0; n < count; n++) {
          const entry = await reader.next(async () => {});
          if (!entry) return;
          seen.push(entry.record.seq);
          position = entry.position;
        }
      };
      for (const step of all_) {
        if (step.do === 'write') for (let n = 0; n < step.count; n++) files.record({ pad: 'x'.repeat(n * 97) });
        if (step.do === 'read') await read(step.count);
        if (step.do === 'rotate') plain.push(files.rotate());
        if (step.do === 'compress') for (const path of plain.splice(0)) files.compress(path);
        if (step.do === 'tear') files.tear();
        if (step.do === 'restart') {
          await reader.close();
          reader = start();
        }
      }
      await read(Number.POSITIVE_INFINITY);
      await reader.close();
      files.remove();
      expect(seen).toEqual(upTo(files.last));
      expect(gaps).toEqual([]);
    }),
    { numRuns: 150 },
  );
});
