/** Tests that a torn line in a log, wherever it was torn, costs no other line. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { chainsOf } from '../../src/decision-log/read/log-files.ts';
import { openSource } from '../../src/decision-log/read/source.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-torn-lines-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TIME = '2026-11-28T09:00:00.000Z';
const SEGMENT = JSON.stringify({ time: TIME, kind: 'segment', guard: 'g1', seq: 1, chain: 'x', format: 1 });
const outcome = (seq: number): string =>
  JSON.stringify({
    ...{ time: TIME, kind: 'outcome', guard: 'g1', seq, id: `o${seq}`, principal: 'p', rows: 1 },
    ...{ subjects: { student: { people: 1, ids: ['k3:a'] } }, hash: 'h' },
  });

it.each([
  ['in the open file', 'open.jsonl', 'open.jsonl', false],
  ['in a closed one, as it is', 'closed.jsonl', 'closed.000000000001.jsonl', false],
  ['in a closed one, by its index', 'indexed.jsonl', 'indexed.000000000001.jsonl', true],
])('%s', async (_, log, file, indexed) => {
  mkdirSync(join(folder, log), { recursive: true });
  const whole = outcome(1000);
  const lines = Array.from({ length: whole.length - 1 }, (_, n) => [whole.slice(0, n + 1), outcome(n + 2)]).flat();
  writeFileSync(join(folder, log, file), `${[SEGMENT, ...lines].join('\n')}\n`);
  if (file !== log) writeFileSync(join(folder, log, log), '');
  const chains = chainsOf(join(folder, log, log));
  const source = await openSource({ chains, indexed, notice: (message) => expect.fail(message) });
  try {
    const [row] = await source.db.rows<{ rows: number }>('SELECT sum("rows")::INTEGER AS "rows" FROM records');
    expect(row?.rows).toBe(whole.length - 1);
    expect(source.strange).toBe(whole.length - 1);
  } finally {
    source.close();
  }
});
