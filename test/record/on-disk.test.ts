/** Tests waiting for the disk: many sessions share a sync, and none is told of a record that is not there. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { LineFile } from '../../src/decision-log/writer/file.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-on-disk-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function open(notices: string[] = []): LineFile {
  const file = new LineFile(join(folder, `${files++}.jsonl`), 'batched', (message) => notices.push(message));
  file.ready();
  return file;
}

test('a session that waits for a line is told when a sync has brought it to the disk, together with all others of that sync', async () => {
  const file = open();
  const told: { readonly position: number; readonly onDisk: number }[] = [];
  const waiting = Array.from({ length: 500 }, async (_, index) => {
    expect(file.write(`${index}\n`)).toEqual({ lines: 1, written: 'written' });
    const { position } = file;
    expect(position).toBe(index + 1);
    expect(await file.reachesDisk(position)).toBe(true);
    told.push({ position, onDisk: file.onDisk });
  });
  // The first sync has begun with the first line.
  expect(file.onDisk).toBe(0);
  await Promise.all(waiting);
  for (const { position, onDisk } of told) expect(onDisk).toBeGreaterThanOrEqual(position);
  expect(new Set(told.map(({ onDisk }) => onDisk)).size).toBeLessThanOrEqual(3);
  expect(await file.reachesDisk(1)).toBe(true);
  file.close();
});

test('a written line is on the disk a moment later also where no session waits', async () => {
  const file = open();
  file.write('a\n');
  for (let tries = 0; file.onDisk === 0 && tries < 500; tries++) await new Promise((done) => setTimeout(done, 20));
  expect(file.onDisk).toBe(1);
  file.close();
});

test('where the file is given up before, the answer is no', async () => {
  const notices: string[] = [];
  const file = open(notices);
  file.write('a\n');
  const waiting = file.reachesDisk(file.position);
  file.fail(new Error('a test'));
  expect(await waiting).toBe(false);
  expect(notices).toHaveLength(1);
  file.close();
});

test('closing brings all to the disk', async () => {
  const file = open();
  file.write('a\n');
  const waiting = file.reachesDisk(1);
  file.close();
  expect(await waiting).toBe(true);
  expect(file.write('b\n')).toEqual({ lines: 0, written: 'absent' });
  expect(readFileSync(file.path, 'utf8')).toBe('a\n');
});
