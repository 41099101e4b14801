/** Tests a guard that was given another name: it goes on with its chain, and reports, queries and anchors read one log. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ChainReader } from '../../src/decision-log/read/chain-reader.ts';
import { chainsOf } from '../../src/decision-log/read/log-files.ts';
import { merged } from '../../src/decision-log/read/merged.ts';
import { openSource, type RecordTable } from '../../src/decision-log/read/source.ts';
import { coverageOf } from '../../src/decision-log/reports/coverage.ts';
import { sealKeyIn } from '../../src/decision-log/seals/seal-key.ts';
import { openLog } from '../../src/decision-log/writer/log.ts';
import { type Shape, TestLog } from '../tampering/logs.ts';

let log: TestLog;
afterEach(() => log.remove());

const RENAMED = { renamed: true, restarts: 3, records: 120 } as const;

/** As it is, with new indexes, and by these indexes. */
async function inEachWay(ask: (source: RecordTable) => Promise<void>): Promise<void> {
  for (const indexed of [false, true, true]) {
    const notice = (message: string) => expect.fail(message);
    const source = await openSource({ chains: chainsOf(log.log), indexed, notice });
    await ask(source).finally(() => source.close());
  }
}

const SHAPES: [string, Partial<Shape>][] = [
  ['in one file', { ...RENAMED, bytes: 1_000_000 }],
  ['over several files', { ...RENAMED, bytes: 5_000 }],
  ['over compressed files', { ...RENAMED, bytes: 5_000, compressed: true }],
  ['with workers', { ...RENAMED, bytes: 5_000, workers: 3 }],
];

describe.each(SHAPES)('%s', (_name, shape) => {
  it('no record is missing, and each bears the name that its guard had then, in queries and in reports', async () => {
    log = TestLog.build(shape);
    const read: string[] = [];
    const life = new Map<string, string>();
    for await (const { kind, guard, seq, id } of merged(chainsOf(log.log).map((chain) => new ChainReader(chain)))) {
      read.push(`${guard} ${seq}`);
      if (kind === 'decision') life.set(String(id).charAt(0), String(guard).split('/')[0] ?? '');
    }
    expect([...life].sort()).toEqual([
      ['0', 'g1'],
      ['1', 'g2'],
      ['2', 'g3'],
      ['3', 'g4'],
    ]);
    await inEachWay(async (source) => {
      expect(await coverageOf(source, 0)).toMatchObject({ missing: 0, beginLate: [] });
      const rows = await source.db.rows<{ guard: string; seq: number }>('SELECT guard, seq FROM records');
      expect(rows.map(({ guard, seq }) => `${guard} ${seq}`).sort()).toEqual(read.sort());
    });
  });

  it('anchors under each name are of this log, and find an end that was cut off', async () => {
    log = TestLog.build(shape);
    const { findings, anchors, chains } = await log.verifyAnchored();
    expect(findings).toEqual([]);
    expect(anchors).toEqual({ used: log.anchors.length, passedOver: 0 });
    expect(chains.map(({ guard }) => guard?.split('/')[0])).toEqual(chains.map(() => 'g4'));
    const last = log.anchors.at(-1);
    if (!last) throw new Error('no anchor');
    const others = log.anchors.filter(({ guard }) => guard.startsWith('g4'));
    const open = [...log.read()].find(([name, text]) => !/\d{12}/.test(name) && text.includes(last.of.hash));
    if (!open) throw new Error('the last seal is not in an open file');
    const [name, text] = open;
    const lines = text.split('\n');
    const cut = lines.findIndex((line) => line.includes(last.of.hash));
    writeFileSync(join(log.folder, name), `${lines.slice(0, cut).join('\n')}\n`, 'latin1');
    const after = await log.verifyAnchored(others);
    expect(after.findings.map(({ kind }) => kind)).toContain('cut');
  });
});

describe('missing records are still noticed', () => {
  const closed = () => chainsOf(log.log)[0]?.filter((file) => /\d{12}/.test(file)) ?? [];
  const numbers = (file: string) => Number(/(\d{12})/.exec(file)?.[1]);

  it('between', async () => {
    log = TestLog.build({ ...RENAMED, bytes: 5_000 });
    const [, second = '', third = ''] = closed();
    rmSync(second);
    await inEachWay(async (source) => {
      const missing = numbers(third) - numbers(second);
      expect(await coverageOf(source, 0)).toMatchObject({ missing, beginLate: [] });
    });
  });

  it('at the beginning, told by the newest name', async () => {
    log = TestLog.build({ ...RENAMED, bytes: 5_000 });
    rmSync(closed()[0] ?? '');
    await inEachWay(async (source) => {
      expect(await coverageOf(source, 0)).toMatchObject({ missing: 0, beginLate: ['g4'] });
    });
  });

  it('of each of two guards that have one name', async () => {
    log = TestLog.build({ restarts: 0 });
    const other = TestLog.build({ restarts: 0, bytes: 3_000 });
    try {
      const [, second = '', third = ''] = chainsOf(other.log)[0] ?? [];
      rmSync(second);
      const chains = [...chainsOf(log.log), ...chainsOf(other.log)];
      const source = await openSource({ chains, indexed: false, notice: (message) => expect.fail(message) });
      const missing = numbers(third) - numbers(second);
      expect(await coverageOf(source, 0)).toMatchObject({ missing, beginLate: [] });
      source.close();
    } finally {
      other.remove();
    }
  });
});

it('a guard that is renamed where the open file is gone goes on behind the closed one', async () => {
  log = TestLog.build({ bytes: 5_000 });
  rmSync(log.log);
  const { chain, last } = (await log.verify()).chains[0] ?? {};
  const next = openLog({
    file: log.log,
    durability: 'batched',
    text: 'normalized',
    guard: 'g2',
    rotate: {},
    seal: { key: sealKeyIn(join(log.folder, 'seal.key')), everyMs: 3_600_000, records: 7 },
    clock: Date.now,
  });
  next.append('start', { version: '0', configuration: 'sha256:0' });
  await next.close();
  const { chains, findings } = await log.verify();
  expect(findings).toEqual([]);
  expect(chains).toMatchObject([{ chain, guard: 'g2' }]);
  expect(chains[0]?.last).toBeGreaterThan(last ?? 0);
});
