/** Tests the lines of a file, plain and compressed: the same as splitting all of it, wherever its pieces end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { LONGEST_LINE, NoRegularFile, readLines } from '../../src/decision-log/read/lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-test-lines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(path: string, most = Number.POSITIVE_INFINITY) {
  const lines: (readonly [number, string])[] = [];
  const { rest, damaged } = await readLines(path, {
    line: (bytes, start, end, offset) => {
      lines.push([offset, bytes.toString('latin1', start, end)]);
      return lines.length >= most;
    },
    overlong: (length, offset) => {
      lines.push([offset, `${length} bytes`]);
      return false;
    },
  });
  return { lines, rest: rest.toString('latin1'), damaged };
}

const MB = 1024 * 1024;
/** About the length of what is read at once, and far from it. */
const length = fc.oneof(
  fc.nat(200),
  fc.integer({ min: MB - 2, max: MB + 2 }),
  fc.integer({ min: 2 * MB - 2, max: 2 * MB + 2 }),
);

it.each(['', '.gz'])('lines%s', async (ext) => {
  const path = join(folder, `lines${ext}`);
  await fc.assert(
    fc.asyncProperty(fc.array(length, { maxLength: 6 }), fc.boolean(), async (lengths, ends) => {
      const texts = lengths.map((n, i) => String.fromCharCode(0x61 + i).repeat(n));
      const bytes = Buffer.from(texts.map((text) => `${text}\n`).join('') + (ends ? '' : 'rest'));
      writeFileSync(path, ext === '' ? bytes : gzipSync(bytes, { level: 1 }));
      const { lines, rest } = await read(path);
      let offset = 0;
      const expected = texts.map((text) => {
        offset += text.length + 1;
        return [offset - text.length - 1, text];
      });
      // Not as one comparison of megabytes: what differs would be printed.
      expect(lines.length).toBe(expected.length);
      for (const [i, [at, text]] of lines.entries())
        expect(at === expected[i]?.[0] && text === expected[i]?.[1]).toBe(true);
      expect(rest).toBe(ends ? '' : 'rest');
    }),
    { numRuns: 20 },
  );
});

it('one that is longer than any record is skipped, and the next one is read', async () => {
  const path = join(folder, 'long');
  writeFileSync(path, `a\n${'x'.repeat(LONGEST_LINE + 1)}\nb\n`);
  expect((await read(path)).lines).toEqual([
    [0, 'a'],
    [2, `${LONGEST_LINE + 1} bytes`],
    [LONGEST_LINE + 4, 'b'],
  ]);
});

it('reads no more than was asked for, and the readable part of a damaged file', async () => {
  const path = join(folder, 'some.gz');
  const packed = gzipSync('a\nb\nc\n'.repeat(100_000));
  writeFileSync(path, packed);
  expect((await read(path, 2)).lines).toHaveLength(2);
  writeFileSync(path, packed.subarray(0, packed.length - 9));
  const { lines, damaged } = await read(path);
  expect(lines.length).toBeGreaterThan(100_000);
  expect(damaged).toBe('unexpected end of file');
});

it('a folder is no file', async () => {
  await expect(read(folder)).rejects.toThrow(NoRegularFile);
});
