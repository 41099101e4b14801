/** Tests files made to harm the verifier: they are read in bounded memory, to an end, and found. */
import { execFileSync } from 'node:child_process';
import { renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refitted, withLines } from './lines.ts';
import { type Contents, TestLog } from './logs.ts';

const MB = 1024 * 1024;

let log: TestLog;
let whole: Contents;
let first: string;
beforeEach(() => {
  log = TestLog.build();
  whole = log.read();
  [first = ''] = whole.keys();
});
afterEach(() => log.remove());

/** The peak memory of a verification, in MB, above what was used before. */
async function memoryOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().rss;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - before);
  }, 20);
  await work();
  clearInterval(watch);
  return Math.round(most / MB);
}

describe('memory', () => {
  it.each<[string, Buffer]>([
    ['a line of 300 MB', Buffer.alloc(300 * MB, 'x')],
    ['300 MB of zeros', Buffer.alloc(300 * MB)],
    ['300 MB of line ends', Buffer.alloc(300 * MB, '\n')],
  ])('%s, in a compressed file', async (_what, bytes) => {
    writeFileSync(join(log.folder, `${first}.gz`), gzipSync(bytes));
    // A plain file goes before its compressed copy.
    expect((await log.verify()).findings).toEqual([]);
    execFileSync('rm', [join(log.folder, first)]);
    const took = await memoryOf(async () => expect((await log.verify()).findings).not.toEqual([]));
    expect(took).toBeLessThan(250);
  });

  it('a line without an end in the open file is not taken for one that is being written', async () => {
    writeFileSync(log.log, Buffer.alloc(20 * MB, 'x'), { flag: 'a' });
    expect((await log.verify()).findings).toEqual([
      expect.objectContaining({ kind: 'inserted', file: 'decisions.jsonl' }),
    ]);
  });

  it('a hundred thousand records that do not fit', async () => {
    const lines = Array.from({ length: 100_000 }, (_, i) => {
      const record = { time: '2026-11-25T09:00:00.000Z', kind: 'login', guard: 'g1', seq: i + 1 };
      return `${JSON.stringify(record).slice(0, -1)},"hash":"${'A'.repeat(43)}"}\n`;
    });
    writeFileSync(join(log.folder, first), lines.join(''));
    const { findings } = await log.verify();
    expect(findings).toContainEqual(expect.objectContaining({ kind: 'unreadable', file: first }));
  });
});

describe('other things than files', () => {
  it('a link in the place of a closed file', async () => {
    renameSync(join(log.folder, first), join(log.folder, 'elsewhere'));
    symlinkSync('elsewhere', join(log.folder, first));
    expect((await log.verify()).findings).toContainEqual(expect.objectContaining({ kind: 'unreadable', file: first }));
  });

  it('a pipe without a writer', async () => {
    execFileSync('rm', [join(log.folder, first)]);
    execFileSync('mkfifo', [join(log.folder, first)]);
    expect((await log.verify()).findings).toContainEqual(expect.objectContaining({ kind: 'unreadable', file: first }));
  });

  it('a folder', async () => {
    execFileSync('rm', [join(log.folder, first)]);
    execFileSync('mkdir', [join(log.folder, first)]);
    expect((await log.verify()).findings).toContainEqual(expect.objectContaining({ kind: 'unreadable', file: first }));
  });
});

describe('malformed seals and segments', () => {
  const head = `{"time":"2026-11-25T09:00:00.000Z","kind":"seal","guard":"g1","seq":3`;
  it.each([
    ['deep JSON', `${head},"beside":${'['.repeat(200_000)}${']'.repeat(200_000)}`],
    ['many beside', `${head},"beside":{${Array.from({ length: 50_000 }, (_, i) => `"g${i}":{}`).join(',')}}`],
    ['names of objects', `${head},"beside":{"__proto__":{"chain":"c","seq":1,"hash":"h"},"constructor":1}`],
    ['a number that is none', `${head},"seal":1e999,"of":{"seq":-1,"hash":null}`],
    ['JSON that is none', `${head},"seal":`],
  ])('%s', async (_what, body) => {
    const forged = withLines(whole, first, (lines) => {
      lines[2] = refitted(`${body}${' '.repeat(54)}`, lines[1] ?? '');
    });
    log.write(forged);
    const { findings } = await log.verify();
    expect(findings).toContainEqual(expect.objectContaining({ kind: 'edited', file: first, line: 4 }));
  });
});

it('malformed anchors are passed over, false ones are found', async () => {
  const [anchor] = log.anchors;
  if (!anchor) throw new Error('no anchor');
  const file = join(log.folder, 'anchors.log');
  const lines = ['', 'x', '{', `{"guard":"g1"${'['.repeat(100_000)}`, 'x'.repeat(2 * MB), JSON.stringify(anchor)];
  writeFileSync(file, lines.join('\n'));
  expect(await log.verify({ anchors: [file] })).toMatchObject({ findings: [], anchors: { used: 1, passedOver: 0 } });
  const lies = [
    { ...anchor, of: { ...anchor.of, seq: 1 } },
    { ...anchor, chain: 'another' },
    { ...anchor, key: 'x' },
    { ...anchor, guard: 'g2' },
  ];
  for (const lie of lies) {
    writeFileSync(file, `${JSON.stringify(anchor)}\n${JSON.stringify(lie)}\n`);
    const { findings } = await log.verify({ anchors: [file] });
    expect(findings).toEqual([expect.objectContaining({ kind: 'anchor-forged', file: 'anchors.log', line: 2 })]);
  }
  writeFileSync(file, JSON.stringify({ ...anchor, guard: 'g2', chain: 'another' }));
  const { findings } = await log.verify({ anchors: [file] });
  expect(findings).toEqual([expect.objectContaining({ kind: 'anchor-not-met', file: 'anchors.log' })]);
});
