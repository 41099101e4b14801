/** Checks the marks `INVARIANT 12:` on lines that carry a promise of the threat model: its page explains each number, and each number has its line. */
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** `| P1 | … | 1–14, 94 |`: the last cell of each promise's row. */
function promisedIn(page: string): number[] {
  const rows = [...page.matchAll(/^\| P\d+ \|.*\| ([\d–, ]+) \|$/gm)];
  return rows.flatMap(([, cell]) =>
    cell!.split(', ').flatMap((range) => {
      const [from = 0, to = from] = range.split('–').map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    }),
  );
}

it('each number of a promise marks a line, and each numbered line has a promise', async () => {
  const page = readFileSync(join(root, 'docs/threat-model.md'), 'utf8');
  const promised = promisedIn(page);
  expect(page.match(/^\| P\d+ \|/gm)?.length).toBe(10);
  expect(new Set(promised).size).toBe(promised.length);
  const files = (await readdir(join(root, 'src'), { recursive: true })).filter((path) => path.endsWith('.ts'));
  const texts = new Map(files.map((path) => [path, readFileSync(join(root, 'src', path), 'utf8')]));
  expect(
    files.filter((path) => /INVARIANT(?! \d+:)/.test(texts.get(path)!)),
    'a mark without a number',
  ).toEqual([]);
  const marked = [...texts.values()].flatMap((text) =>
    [...text.matchAll(/INVARIANT (\d+):/g)].map(([, number]) => Number(number)),
  );
  expect([...new Set(marked)].sort((a, b) => a - b)).toEqual(promised.toSorted((a, b) => a - b));
});

it('reads ranges and single numbers', () => {
  expect(promisedIn('| P1 | a | b | 1–3, 9 |\n| P2 | c | d | 4 |')).toEqual([1, 2, 3, 9, 4]);
});
