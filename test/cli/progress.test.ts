/** Tests the progress that a command shows while it works, and tables that a terminal does not break. */
import { expect, it } from 'vitest';
import { table } from '../../src/cli/ask-guard.ts';
import { Progress } from '../../src/cli/progress.ts';

function drawing(isTTY: boolean, columns = 40) {
  const written: string[] = [];
  let now = 0;
  const terminal = { isTTY, columns, write: (text: string) => written.push(text) };
  const progress = new Progress('reading', terminal, () => now);
  const at = (ms: number, share: number): void => {
    now = ms;
    progress.step(() => share);
  };
  return { written, progress, at };
}

it('a bar is drawn after a second, ten times a second at most, and taken away', () => {
  const { written, progress, at } = drawing(true);
  at(500, 0.1);
  expect(written).toEqual([]);
  at(1_000, 0.5);
  at(1_050, 0.6);
  at(1_100, 1.2);
  expect(written).toEqual([
    `\rreading ${'█'.repeat(13)}${'·'.repeat(12)}  50 %\u001b[K`,
    `\rreading ${'█'.repeat(25)} 100 %\u001b[K`,
  ]);
  progress.end();
  progress.end();
  expect(written.slice(2)).toEqual(['\r\u001b[K']);
});

it('a command that ends within a second, or has no terminal, shows none', () => {
  const quick = drawing(true);
  quick.at(900, 0.9);
  quick.progress.end();
  const piped = drawing(false);
  piped.at(5_000, 0.9);
  piped.progress.end();
  expect([...quick.written, ...piped.written]).toEqual([]);
});

it.each([5, 12, 20])('of a terminal of %i columns no line is longer', (columns) => {
  const { written, at } = drawing(true, columns);
  at(2_000, 0.5);
  expect((written[0] ?? '').replace(/^\r|\u001b.*$/g, '').length).toBeLessThan(columns);
  const rows = [
    ['id', 'reason'],
    ['01', 'a reason that is longer than the terminal is wide'],
  ];
  for (const line of table(rows, { isTTY: true, columns }).split('\n'))
    expect(line.length).toBeLessThanOrEqual(columns);
  expect(table(rows, { isTTY: false, columns })).toContain('than the terminal is wide\n');
});
