/** Tests records that were removed, moved, copied, or brought in from elsewhere: `verify` finds each at its place and by its kind. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { condition, testWith } from '../support/tools.ts';
import { lineAt, linesOf, sameWriter, seqOf, withLines } from './lines.ts';
import { TestLog } from './logs.ts';
import { always, expectFound, ofRecords, SHAPES, Tampered } from './tampered.ts';

let foreign: string[];
beforeAll(() => {
  const log = TestLog.build({ records: 70 });
  foreign = [...log.read().values()].flatMap(linesOf);
  log.remove();
});

describe.each(SHAPES)('%s', (_name, shape) => {
  let log: Tampered;
  beforeAll(() => {
    log = new Tampered(shape);
  });
  afterAll(() => log.log.remove());

  it('records taken out', async () => {
    await always(fc.tuple(log.amid(), fc.integer({ min: 1, max: 5 })), async ([at, n]) => {
      const lines = log.lines(at.file);
      const count = Math.min(n, lines.length - 1 - at.index);
      const verification = await log.after(withLines(log.whole, at.file, (all) => all.splice(at.index, count)));
      const seq = seqOf(lines[at.index] ?? '');
      const expected = { kind: 'removed', file: at.file, line: at.index + 1, seq, until: seq + count - 1 };
      expect(ofRecords(verification)).toEqual([expect.objectContaining(expected)]);
    });
  });

  it('a seal taken out is missed by its number as well', async () => {
    await always(log.seal(), async (at) => {
      fc.pre(at.index < log.lines(at.file).length - 1);
      const { findings } = await log.after(withLines(log.whole, at.file, (all) => all.splice(at.index, 1)));
      expect(findings.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['removed', 'seal-missing']));
    });
  });

  it('two records swapped', async () => {
    await always(fc.tuple(log.amid(), log.amid()), async ([a, b]) => {
      fc.pre(a.file === b.file && a.index !== b.index);
      const swapped = withLines(log.whole, a.file, (lines) => {
        [lines[a.index], lines[b.index]] = [lines[b.index] ?? '', lines[a.index] ?? ''];
      });
      const { findings } = await log.after(swapped);
      expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['reordered']));
      const [from, to] = [Math.min(a.index, b.index) + 1, Math.max(a.index, b.index) + 1];
      for (const { line = 0 } of findings) expect(line >= from && line <= to).toBe(true);
    });
  });

  it('a file the other way round, and shuffled', async () => {
    const file = [...log.whole.keys()][0] ?? '';
    const { length } = log.lines(file);
    await always(
      fc.shuffledSubarray([...Array(length).keys()], { minLength: length, maxLength: length }),
      async (order) => {
        fc.pre(order.some((index, i) => index !== i));
        const lines = log.lines(file);
        const shuffled = withLines(log.whole, file, (all) =>
          all.splice(0, length, ...order.map((i) => lines[i] ?? '')),
        );
        const { findings } = await log.after(shuffled);
        expect(findings.map(({ kind }) => kind)).toContain('reordered');
        expect(findings.map(({ kind }) => kind)).not.toContain('edited');
      },
    );
  });

  it('a record moved to another file', async () => {
    await always(fc.tuple(log.amid(), log.amid()), async ([a, b]) => {
      fc.pre(a.file !== b.file && sameWriter(log.whole, a.file, b.file));
      const line = lineAt(log.whole, a);
      const without = withLines(log.whole, a.file, (lines) => lines.splice(a.index, 1));
      const verification = await log.after(withLines(without, b.file, (lines) => lines.splice(b.index, 0, line)));
      const expected = { kind: 'reordered', file: b.file, line: b.index + 1, seq: seqOf(line) };
      expect(ofRecords(verification)).toEqual([expect.objectContaining(expected)]);
    });
  });

  it('records copied', async () => {
    await always(fc.tuple(log.amid(), log.amid(), fc.integer({ min: 1, max: 4 })), async ([a, b, n]) => {
      fc.pre(sameWriter(log.whole, a.file, b.file));
      const copied = log.lines(a.file).slice(a.index, a.index + n);
      const { findings } = await log.after(
        withLines(log.whole, b.file, (lines) => lines.splice(b.index, 0, ...copied)),
      );
      expect(findings).not.toEqual([]);
      for (const { kind, file } of findings) expect({ kind, file }).toEqual({ kind: 'duplicated', file: b.file });
    });
  });

  testWith(condition(shape.workers !== undefined, 'several workers'))('records of another worker put in', async () => {
    await always(fc.tuple(log.amid(), log.amid()), async ([a, b]) => {
      fc.pre(!sameWriter(log.whole, a.file, b.file));
      const line = lineAt(log.whole, a);
      const { findings } = await log.after(withLines(log.whole, b.file, (lines) => lines.splice(b.index, 0, line)));
      expect(findings.some(({ file, line = 0 }) => file === b.file && Math.abs(line - b.index - 1) <= 1)).toBe(true);
    });
  });

  it('records of another log put in', async () => {
    await always(fc.tuple(log.amid(), fc.nat(), fc.integer({ min: 1, max: 4 })), async ([at, from, n]) => {
      const start = from % foreign.length;
      const put = foreign.slice(start, start + n);
      const { findings } = await log.after(withLines(log.whole, at.file, (all) => all.splice(at.index, 0, ...put)));
      const [first, last] = [at.index + 1, at.index + 1 + put.length];
      const isThere = findings.some(({ file, line = 0 }) => file === at.file && line >= first && line <= last);
      expect(isThere, JSON.stringify(findings)).toBe(true);
    });
  });

  it('a record replaced by one of another log', async () => {
    await always(fc.tuple(log.amid(), fc.nat()), async ([at, from]) => {
      const line = foreign[from % foreign.length] ?? '';
      const replaced = withLines(log.whole, at.file, (all) => all.splice(at.index, 1, line));
      const kinds = ['edited', 'inserted', 'removed', 'duplicated', 'key-changed', 'seal-forged', 'rewritten'] as const;
      expectFound(await log.after(replaced), log, at, kinds);
    });
  });
});
