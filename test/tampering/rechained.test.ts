/** Tests logs with a chain computed again after a change: found by seals, and where the key was stolen as well, by anchors. */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealKeyIn } from '../../src/decision-log/seals/seal-key.ts';
import type { Verification } from '../../src/decision-log/verify/verify.ts';
import { openLog } from '../../src/decision-log/writer/log.ts';
import { type Forgery, lineAt, linesOf, otherKey, ownKey, rechained, seqOf, withLines, writersIn } from './lines.ts';
import { type Contents, TestLog } from './logs.ts';
import { always, SHAPES, Tampered } from './tampered.ts';

const isThief = ({ principal }: Record<string, unknown>): boolean => principal === 'thief';

/** The number and the line of the first record that would not have been there, and of the first seal behind it. */
function firstSeal(log: Tampered): { readonly file: string; readonly seal: number } {
  const [files = []] = writersIn(log.whole);
  let thief = false;
  for (const file of files) {
    for (const line of log.lines(file)) {
      thief ||= line.includes('"principal":"thief"');
      const [, seal] = /"kind":"seal".*"seal":(\d+)/.exec(line) ?? [];
      if (thief && seal !== undefined) return { file, seal: Number(seal) };
    }
  }
  throw new Error('no seal');
}

describe.each(SHAPES)('all records of one principal removed: %s', (_name, shape) => {
  let log: Tampered;
  beforeAll(() => {
    log = new Tampered(shape);
  });
  afterAll(() => log.log.remove());

  const kinds = ({ findings }: Verification) => findings.map(({ kind }) => kind);
  const forge = (forgery: Forgery) => log.log.write(rechained(log.whole, isThief, forgery));

  it('nothing removed, and all of it written again with the key of the log: as it was', async () => {
    const same = rechained(log.whole, () => false, { seals: 'signed', key: ownKey(log.log.folder) });
    // `beside` in seals are the heads of that time: the same, since the records are the same.
    log.log.write(same);
    expect((await log.log.verifyAnchored()).findings).toEqual([]);
  });

  it('seals as they were: the first behind it does not fit', async () => {
    forge({ seals: 'kept' });
    const { findings } = await log.log.verify();
    const { file, seal } = firstSeal(log);
    const [first] = findings.filter(({ file: name }) => name === file);
    expect(first).toMatchObject({ kind: 'rewritten' });
    expect(first?.message).toContain(`seal ${seal} is of another record`);
  });

  it('seals corrected and not signed', async () => {
    forge({ seals: 'corrected' });
    const { findings } = await log.log.verify();
    const { file, seal } = firstSeal(log);
    expect(findings).toContainEqual(expect.objectContaining({ kind: 'seal-forged', file }));
    expect(findings[0]?.message).toContain(`seal ${seal} does not bear`);
  });

  it('seals signed by another key', async () => {
    const key = otherKey();
    const [known = ''] = (await log.after(log.whole)).keys.map((each) => each.key);
    forge({ seals: 'signed', key });
    expect(kinds(await log.log.verify({ keys: [known] }))).toContain('key-changed');
    expect(kinds(await log.log.verifyAnchored())).toContain('anchor-forged');
  });

  it('seals dropped', async () => {
    forge({ seals: 'dropped' });
    expect(kinds(await log.log.verify({ longestUnsealedMs: 10_000 }))).toContain('seal-missing');
    expect(kinds(await log.log.verifyAnchored())).toContain('anchor-not-met');
  });

  it('seals signed with the stolen key: no seal can tell, the first anchor behind it does', async () => {
    forge({ seals: 'signed', key: ownKey(log.log.folder) });
    const { findings } = await log.log.verifyAnchored();
    const [, first] = [...log.whole.values()]
      .flatMap(linesOf)
      .filter((line) => line.includes('"principal":"thief"'))
      .map(seqOf);
    const found = findings.find(({ kind }) => kind === 'anchor-not-met');
    expect(found?.seq).toBeGreaterThanOrEqual(
      Math.min(first ?? 0, seqOf(lineAt(log.whole, { file: found?.file ?? '', index: 0 }))),
    );
    // And only the anchors of one process, where there is one.
    if (shape.workers === undefined) expect(kinds(await log.log.verify())).toEqual([]);
  });

  it('from some record on, with the seals that fit: found by the next seal', async () => {
    await always(log.amid(), async (at) => {
      const kind = /"kind":"([a-z]+)"/.exec(lineAt(log.whole, at))?.[1];
      fc.pre(kind !== 'seal' && kind !== 'segment');
      const seq = seqOf(lineAt(log.whole, at));
      const guard = /"guard":"([^"]*)"/.exec(lineAt(log.whole, at))?.[1];
      log.log.write(rechained(log.whole, (record) => record.seq === seq && record.guard === guard, { seals: 'kept' }));
      const { findings } = await log.log.verifyAnchored();
      expect(findings.some(({ kind }) => ['rewritten', 'anchor-not-met', 'cut'].includes(kind))).toBe(true);
    });
  });

  it('a seal with another one’s signature', async () => {
    await always(fc.tuple(log.seal(), log.seal()), async ([a, b]) => {
      const [from, to] = [lineAt(log.whole, a), lineAt(log.whole, b)];
      fc.pre(from !== to);
      const signature = /"signature":"[^"]*"/.exec(from)?.[0] ?? '';
      const forged = withLines(log.whole, b.file, (lines) => {
        lines[b.index] = to.replace(/"signature":"[^"]*"/, signature);
      });
      log.log.write(forged);
      expect(kinds(await log.log.verify())).toEqual(expect.arrayContaining(['edited', 'seal-forged']));
      log.log.write(rechained(forged, () => false, { seals: 'kept' }));
      expect(kinds(await log.log.verify())).toContain('seal-forged');
    });
  });
});

describe('several workers', () => {
  let log: Tampered;
  beforeAll(() => {
    log = new Tampered({ workers: 3, records: 190 });
  });
  afterAll(() => log.log.remove());

  it('one’s end cut off, with the seals in it: found by the others’ seals', async () => {
    for (const files of writersIn(log.whole)) {
      const open = files.at(-1) ?? '';
      log.log.write(withLines(log.whole, open, (lines) => lines.splice(2)));
      expect((await log.log.verify()).findings).toContainEqual(expect.objectContaining({ kind: 'cut', file: open }));
    }
  });

  it('one worker’s chain written again with the stolen key: found by the others’ seals', async () => {
    const [files = []] = writersIn(log.whole);
    const forged = rechained(log.whole, isThief, { seals: 'signed', key: ownKey(log.log.folder) });
    const ofOthers = [...log.whole].filter(([name]) => !files.includes(name));
    const ofOne = [...forged].filter(([name]) => name.startsWith('decisions.1.'));
    log.log.write(new Map([...ofOne, ...ofOthers]));
    const { findings } = await log.log.verify();
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'rewritten', file: expect.stringMatching(/^decisions\.1\./) }),
    );
  });
});

describe('nothing to verify is not whole, whatever key is given', () => {
  const bare = (text: string) => text.replaceAll(/,"hash":"[\w-]{43}"}$/gm, '}').replaceAll('thief', 'clerk');

  it.each<[string, (text: string) => string, string]>([
    ['hashes taken off', bare, 'inserted'],
    [
      'hashes and all of the chain taken off',
      (text) => bare(text).replaceAll(/^.*"kind":"(segment|seal)".*\n/gm, ''),
      'inserted',
    ],
    ['other line ends', (text) => text.replaceAll('\n', '\r\n'), 'inserted'],
    ['all files emptied', () => '', 'cut'],
  ])('%s', async (_what, change, kind) => {
    const log = TestLog.build();
    const whole = log.read();
    const keys = (await log.verify()).keys.map(({ key }) => key);
    log.write(new Map([...whole].map(([name, text]) => [name, change(text)])));
    expect((await log.verify({ keys })).findings).toContainEqual(expect.objectContaining({ kind }));
    log.remove();
  });

  it('nor is a file of another worker, or the whole log, that no seal vouches for', async () => {
    const log = TestLog.build();
    const keys = (await log.verify()).keys.map(({ key }) => key);
    const whole = log.read();
    const name = 'decisions.9.jsonl';
    const forger = openLog({
      file: join(log.folder, name),
      durability: 'batched',
      text: 'normalized',
      guard: 'g1/9',
      seal: { key: sealKeyIn(join(log.folder, 'forger.key')), everyMs: 3_600_000, records: 1000 },
      clock: () => Date.UTC(2026, 10, 25, 9),
    });
    forger.append('login', { principal: 'teacher_1' });
    await forger.close();
    const own =
      log
        .read()
        .get(name)
        ?.replace(/"sealed_by":"[^"]*"/, `"sealed_by":"${keys[0]}"`) ?? '';
    const forged = (file: string) =>
      rechained(new Map([[file, own]]), ({ kind }) => kind === 'seal', { seals: 'kept' });
    const found = async (contents: Contents) => {
      log.write(contents);
      return (await log.verify({ keys, longestUnsealedMs: 1000 })).findings;
    };
    const unsealed = (file: string) => [expect.objectContaining({ kind: 'seal-missing', file })];
    expect(await found(whole)).toEqual([]);
    expect(await found(new Map([...whole, ...forged(name)]))).toEqual(unsealed(name));
    expect(await found(forged('decisions.jsonl'))).toEqual(unsealed('decisions.jsonl'));
    log.remove();
  });

  it('and no guard goes on behind it', () => {
    const log = TestLog.build({ bytes: 1_000_000 });
    log.write(new Map([...log.read()].map(([name, text]) => [name, bare(text)])));
    expect(() =>
      openLog({
        file: log.log,
        durability: 'batched',
        text: 'normalized',
        guard: 'g1',
        seal: { key: sealKeyIn(join(log.folder, 'seal.key')), everyMs: 3_600_000, records: 7 },
        clock: () => Date.UTC(2026, 10, 25, 10),
      }),
    ).toThrow('holds no decision record');
    log.remove();
  });
});
