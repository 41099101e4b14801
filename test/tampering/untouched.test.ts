/** Tests that untouched logs verify. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sealKeyIn } from '../../src/decision-log/seals/seal-key.ts';
import { openLog } from '../../src/decision-log/writer/log.ts';
import { linesOf } from './lines.ts';
import { TestLog } from './logs.ts';

const SHAPES = [
  {},
  { records: 3 },
  { compressed: true },
  { restarts: 3 },
  { workers: 3, records: 200 },
  { workers: 2, records: 120, restarts: 2, compressed: true },
  { bytes: 1_000_000, records: 500, sealed: 100 },
];

describe('an untouched log verifies', () => {
  it.each(SHAPES)('%o', async (shape) => {
    const log = TestLog.build(shape);
    const { findings, notes } = await log.verifyAnchored();
    expect({ findings, notes }).toEqual({ findings: [], notes: [] });
    log.remove();
  });
});

it('verifies where a guard has ended in the midst of a seal, also behind a hash in it: as it lies there, and when it goes on', async () => {
  const log = TestLog.build({ workers: 2 });
  const whole = log.read();
  const name = 'decisions.2.jsonl';
  const file = join(log.folder, name);
  const text = whole.get(name) ?? '';
  const seal = linesOf(text).at(-1) ?? '';
  expect(seal).toMatch(/"kind":"seal".*"of":{[^}]*"hash":"[^"]*"}.*"beside":{.*"hash":"[^"]*"}}/);
  const behindHashes = [...seal.matchAll(/"hash":"[^"]*"}/g)].map(({ index, 0: hash }) => index + hash.length);
  const ends = [0, 1, 100, ...behindHashes.flatMap((end) => [end - 1, end, end + 1])];
  for (const end of ends.filter((end) => end <= seal.length)) {
    const left = seal.length + 1 - end;
    log.write(new Map([...whole, [name, text.slice(0, text.length - left)]]));
    expect((await log.verify()).findings, `without ${left} bytes`).toEqual([]);
    const guard = openLog({
      file,
      durability: 'batched',
      text: 'normalized',
      guard: 'g1/2',
      seal: { key: sealKeyIn(join(log.folder, 'seal.key')), everyMs: 3_600_000, records: 100 },
      clock: () => Date.UTC(2026, 10, 25, 10),
    });
    expect(guard.append('start', { version: '0', configuration: 'sha256:0' })).toBe(true);
    await guard.close();
    expect((await log.verify()).findings, `behind ${left} bytes that were torn off`).toEqual([]);
  }
  log.remove();
});
