/** The page of benchmarks: a section is replaced alone, and a new one stands in its order. */
import { expect, test } from 'vitest';
import { put } from './page.ts';
import { median, spread } from './table.ts';

const PAGE = `# Benchmarks

Made by \`npm run bench\`.

## Beside other proxies

old

### inside

## What the server reads

| a |

## What reports cost

slow
`;

test('a section is replaced with all below its heading, and the others stay', () => {
  const changed = put('proxies', 'new', PAGE);
  expect(changed).toBe(PAGE.replace('old\n\n### inside', 'new'));
  expect(put('proxies', 'new', changed)).toBe(changed);
});

test('the last section is replaced', () => {
  expect(put('reports', 'fast', PAGE)).toBe(PAGE.replace('slow', 'fast'));
});

test.each([
  ['targets', '## Beside other proxies'],
  ['latency', '## What the server reads'],
  ['growth', '## What the server reads'],
] as const)('%s is put before what follows it', (name, next) => {
  const changed = put(name, 'TEXT', PAGE);
  expect(changed).toMatch(new RegExp(`\n\nTEXT\n\n${next}\n`));
  expect(changed.replace(/## [^\n]+\n\nTEXT\n\n/, '')).toBe(PAGE);
});

test('a page without sections gets the first', () => {
  expect(put('latency', 'TEXT', '# Benchmarks\n')).toBe('# Benchmarks\n\n## Waiting, at half load\n\nTEXT\n');
});

test('medians, and how they are written', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(() => median([])).toThrow('nothing was measured');
  expect(spread([0.9, 1.1, 1])).toBe('1.00 (0.90–1.10)');
  expect(spread([12.34])).toBe('12.3');
  expect(spread([27_471.4, 27_000, 28_000])).toBe('27471 (27000–28000)');
});
