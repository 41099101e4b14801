/** Tests log files that were cut, removed, exchanged or damaged: `verify` finds each. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOf, seqOf, withLines, withoutGz, writersIn } from './lines.ts';
import { TestLog } from './logs.ts';
import { always, SHAPES, Tampered } from './tampered.ts';

const isClosed = (file: string): boolean => /\.\d{12}\./.test(file);
/** Not a part of one that ends behind a hash in its midst. */
const isRecord = (line: string): boolean => /,"hash":"[\w-]{43}"}$/.test(line) && isJson(line);

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

let foreign: TestLog;
beforeAll(() => {
  foreign = TestLog.build({ records: 70 });
});
afterAll(() => foreign.remove());

describe.each(SHAPES)('%s', (_name, shape) => {
  let log: Tampered;
  beforeAll(() => {
    log = new Tampered(shape);
  });
  afterAll(() => log.log.remove());

  it('the beginning of a file', async () => {
    await always(log.amid(), async (at) => {
      const { findings } = await log.after(withLines(log.whole, at.file, (lines) => lines.splice(0, at.index)));
      const [first = ''] = log.lines(at.file);
      const seq = seqOf(first);
      expect(findings[0]).toMatchObject({ kind: 'cut', file: at.file, line: 1, seq, until: seq + at.index - 1 });
    });
  });

  it('the end of a closed file, at any byte', async () => {
    await always(fc.tuple(log.place(), fc.nat()), async ([at, offset]) => {
      fc.pre(isClosed(at.file));
      const text = log.whole.get(at.file) ?? '';
      const cut = text.slice(0, offset % text.length);
      const kept = cut.split('\n').filter(isRecord).length;
      const { findings } = await log.after(new Map([...log.whole, [at.file, cut]]));
      if (kept === linesOf(text).length) {
        expect(findings).toEqual([]);
        return;
      }
      const found = findings.find(({ kind }) => kind === 'cut' || kind === 'file-missing');
      expect(found && withoutGz(found.file), JSON.stringify(findings)).toBe(withoutGz(at.file));
    });
  });

  it('the end of the log, at any byte: found by anchors', async () => {
    await always(fc.tuple(fc.nat(), fc.nat()), async ([which, offset]) => {
      const writers = writersIn(log.whole);
      const open = writers[which % writers.length]?.at(-1) ?? '';
      const text = log.whole.get(open) ?? '';
      const guard = /"guard":"([^"]*)"/.exec(text)?.[1];
      const known = log.log.anchors.map(({ guard: own, of, beside }) => (own === guard ? of : beside?.[guard ?? '']));
      const anchored = Math.max(...known.map((head) => head?.seq ?? 0));
      const cut = text.slice(0, offset % text.length);
      const last = seqOf(cut.split('\n').findLast(isRecord) ?? '');
      log.log.write(new Map([...log.whole, [open, cut]]));
      const { findings } = await log.log.verifyAnchored();
      const until = Math.max(0, ...findings.map((found) => (found.kind === 'cut' ? (found.until ?? 0) : 0)));
      expect(until, JSON.stringify(findings)).toBe(last >= anchored ? 0 : anchored);
    });
  });

  it('a file taken away', async () => {
    for (const file of log.whole.keys()) {
      log.log.write(new Map([...log.whole].filter(([name]) => name !== file)));
      const { findings } = await log.log.verifyAnchored();
      const expected = isClosed(file) ? { kind: 'file-missing', file: withoutGz(file) } : { kind: 'cut' };
      expect(findings).toContainEqual(expect.objectContaining(expected));
    }
  });

  it('all files of one writer taken away: found by the others’ seals, or by anchors', async () => {
    for (const files of writersIn(log.whole)) {
      const left = new Map([...log.whole].filter(([name]) => !files.includes(name)));
      log.log.write(left);
      if (left.size === 0) {
        await expect(log.log.verify()).rejects.toThrow();
        continue;
      }
      const { findings } = await log.log.verify();
      expect(findings).toEqual([expect.objectContaining({ kind: 'file-missing', file: files.at(-1) })]);
    }
  });

  it('a file of another log under the name of one of this', async () => {
    const [other = ''] = foreign.read().values();
    for (const file of [...log.whole.keys()].filter(isClosed)) {
      const { findings } = await log.after(new Map([...log.whole, [file, other]]));
      expect(findings).toContainEqual(expect.objectContaining({ kind: 'foreign-file', file }));
    }
  });

  it('two closed files under each other’s names', async () => {
    for (const [a = '', b = ''] of writersIn(log.whole)) {
      const exchanged = new Map([...log.whole, [a, log.whole.get(b) ?? ''], [b, log.whole.get(a) ?? '']]);
      const { findings } = await log.after(exchanged);
      expect(findings.map(({ kind, file }) => ({ kind, file }))).toContainEqual({
        kind: 'reordered',
        file: expect.stringMatching(withoutGz(`^(${a}|${b})`)),
      });
    }
  });

  it('a whole log of another guard: found by anchors, or by the key', async () => {
    const writers = writersIn(log.whole);
    if (writers.length > 1) return;
    const [key = ''] = (await log.after(log.whole)).keys.map(({ key }) => key);
    log.log.write(foreign.read());
    expect((await log.log.verify()).findings).toEqual([]);
    expect((await log.log.verify({ keys: [key] })).findings.map(({ kind }) => kind)).toContain('key-changed');
    expect((await log.log.verifyAnchored()).findings.map(({ kind }) => kind)).toContain('anchor-forged');
  });
});

describe('compressed files', () => {
  let log: TestLog;
  beforeAll(() => {
    log = TestLog.build({ compressed: true });
  });
  afterAll(() => log.remove());

  it('a byte in one, or its end cut off', async () => {
    const whole = log.read();
    const files = [...whole.keys()].filter((name) => name.endsWith('.gz'));
    const change = fc.tuple(fc.nat(files.length - 1), fc.nat(), fc.integer({ min: 0, max: 255 }));
    await always(change, async ([which, offset, by]) => {
      log.write(whole);
      const file = files[which] ?? '';
      const path = join(log.folder, file);
      const bytes = readFileSync(path);
      const at = offset % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ by;
      writeFileSync(path, by === 0 ? bytes.subarray(0, at) : bytes);
      // A file that unpacks to the same content is the same.
      if (unpacks(log) && log.read().get(file) === whole.get(file)) return;
      const { findings } = await log.verify();
      expect(findings.map((finding) => withoutGz(finding.file))).toContain(withoutGz(file));
    });
    log.write(whole);
  });
});

function unpacks(log: TestLog): boolean {
  try {
    return log.read().size > 0;
  } catch {
    return false;
  }
}
