/** Tests encrypted records: the holder of an auditor's key reads them, no one else does, not the guard itself; and none can be moved or changed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateHybridIdentity, generateIdentity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { isRecipient } from '../../src/core/age-key.ts';
import { BoxReader, BoxWriter, KEY_BYTES } from '../../src/decision-log/encryption/boxes.ts';
import { FileKeys } from '../../src/decision-log/encryption/file-keys.ts';
import { openerWith, readIdentities } from '../../src/decision-log/encryption/opening.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-encryption-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const first = () => new Uint8Array(KEY_BYTES).fill(7);
const at = (seq: number, guard = 'g1') => ({ guard, seq });

describe('boxes', () => {
  test('come back in any order, whatever was made between them and never written', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ text: fc.string({ unit: 'grapheme' }), written: fc.boolean() }), { maxLength: 40 }),
        fc.infiniteStream(fc.nat()),
        (records, random) => {
          const writer = new BoxWriter(first());
          // A record that was not written leaves its number to the next.
          let seq = 1;
          const written = records.flatMap(({ text, written }) => {
            const box = writer.box(text, at(seq));
            return written ? [{ text, box, seq: seq++ }] : [];
          });
          const reader = new BoxReader(first());
          const shuffled = written.map((one) => ({ one, by: random.next().value })).sort((a, b) => a.by - b.by);
          for (const { one } of shuffled) expect(reader.open(one.box, at(one.seq))).toBe(one.text);
        },
      ),
    );
  });

  test('far apart, and back again', () => {
    const writer = new BoxWriter(first());
    const boxes = Array.from({ length: 5000 }, (_, index) => writer.box(`record ${index}`, at(index)));
    const reader = new BoxReader(first());
    for (const index of [4999, 0, 1023, 1024, 1025, 4097, 2048, 4999]) {
      expect(reader.open(boxes[index]!, at(index))).toBe(`record ${index}`);
    }
  });

  test('of the same text in the same place are never the same: no key is used twice', () => {
    const writer = new BoxWriter(first());
    const made = Array.from({ length: 500 }, () => writer.box('the same', at(1)).split('.')[1]!);
    // With the same key and nonce the beginnings would be equal.
    expect(new Set(made.map((box) => box.slice(0, 8))).size).toBe(500);
  });

  test('cannot be opened by what the writer keeps', () => {
    const state = first();
    const writer = new BoxWriter(state);
    const past = ['one', 'two', 'three'].map((text, index) => writer.box(text, at(index)));
    expect(state).not.toEqual(first());
    for (const [index, box] of past.entries()) {
      for (const number of [0, 1, 2, 3]) {
        const moved = `${number}.${box.split('.')[1]}`;
        expect(new BoxReader(state).open(moved, at(index))).toBeUndefined();
      }
    }
    const following = new BoxReader(state.slice());
    expect(following.open(writer.box('four', at(3)).replace(/^3\./, '0.'), at(3))).toBe('four');
  });

  test('every change is found: each bit, another place, another guard, another file, another number', () => {
    const writer = new BoxWriter(first());
    const [box = '', other = ''] = [writer.box('{"a":1}', at(1)), writer.box('{"a":2}', at(2))];
    const reader = new BoxReader(first());
    expect(reader.open(box, at(1))).toBe('{"a":1}');
    expect(reader.open(box, at(2))).toBeUndefined();
    expect(reader.open(box, at(1, 'g2'))).toBeUndefined();
    expect(reader.open(other, at(1))).toBeUndefined();
    expect(new BoxReader(new Uint8Array(KEY_BYTES).fill(8)).open(box, at(1))).toBeUndefined();
    const bytes = Buffer.from(box.slice(2), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(reader.open(`0.${changed.toString('base64url')}`, at(1))).toBeUndefined();
    }
    const cut = bytes.toString('base64url').slice(0, 20);
    const strange = [
      '',
      '0',
      '0.',
      '.',
      `1${box}`,
      `-1.${box}`,
      `00.${box.slice(2)}`,
      `0.${cut}`,
      `0.${box.slice(2)}=`,
    ];
    for (const text of strange) expect(reader.open(text, at(1))).toBeUndefined();
  });

  test('a box that claims to be far away costs nothing', () => {
    const reader = new BoxReader(first());
    const box = new BoxWriter(first()).box('{}', at(1)).slice(2);
    const began = performance.now();
    for (let i = 0; i < 100; i++) expect(reader.open(`999999999999999.${box}`, at(1))).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('keys of files', () => {
  test('each recipient opens each file by itself, and no one else does', async () => {
    const [anna, ben, mallory] = [await generateIdentity(), await generateHybridIdentity(), await generateIdentity()];
    const keys = await FileKeys.to([await identityToRecipient(anna), await identityToRecipient(ben)]);
    const files = [keys.take()!, keys.take()!];
    expect(files[0]?.age).not.toBe(files[1]?.age);
    for (const { age, boxes } of files) {
      const record = { time: '2026-11-27T09:00:00.000Z', kind: 'login', guard: 'g1', seq: 2, principal: 'anna' };
      const { time, guard, seq } = record;
      const line = { time, guard, seq, box: boxes.box(JSON.stringify(record), record), hash: 'h' };
      for (const identity of [anna, ben]) {
        const open = await openerWith([mallory, identity])({ kind: 'segment', age });
        expect(open(line)).toEqual({ ...record, hash: 'h' });
        expect(open({ kind: 'seal', seq: 3 })).toEqual({ kind: 'seal', seq: 3 });
        for (const other of [{ time: '2026-11-28T09:00:00.000Z' }, { seq: 3 }, { guard: 'g2' }, { seq: undefined }]) {
          expect(open({ ...line, ...other })).toBeUndefined();
        }
      }
      await expect(openerWith([mallory])({ kind: 'segment', age })).rejects.toThrow();
      const damaged = `${age.slice(0, -8)}AAAAAAA=`;
      await expect(openerWith([anna])({ kind: 'segment', age: damaged })).rejects.toThrow();
    }
  });

  test('are made ahead; where the next is not there yet, there is none, and later there is', async () => {
    const keys = await FileKeys.to([await identityToRecipient(await generateIdentity())]);
    const ages = [keys.take(), keys.take()].map((key) => key!.age);
    expect(keys.take()).toBeUndefined();
    await expect.poll(() => keys.take()?.age).toBeDefined();
    expect(new Set(ages).size).toBe(2);
  });

  test('a malformed recipient is reported', async () => {
    const recipient = await identityToRecipient(await generateIdentity());
    expect(isRecipient(recipient)).toBe(true);
    expect(isRecipient(await identityToRecipient(await generateHybridIdentity()))).toBe(true);
    // One character of it mistaken.
    expect(isRecipient(recipient.replace(/.$/, (last) => (last === 'q' ? 'p' : 'q')))).toBe(false);
    for (const text of ['', 'age1', 'age1qqqq', await generateIdentity(), 'ssh-ed25519 AAAA']) {
      expect(isRecipient(text)).toBe(false);
    }
    await expect(FileKeys.to(['age1nobody'])).rejects.toThrow();
  });

  test('identities are read as age-keygen writes them, and no secret is quoted', async () => {
    const [one, two] = [await generateIdentity(), await generateIdentity()];
    const file = join(folder, 'identities.txt');
    writeFileSync(
      file,
      `# created: 2026-11-27T09:00:00Z\n# public key: ${await identityToRecipient(one)}\n${one}\n\n${two}\r\n`,
    );
    expect(readIdentities(file)).toEqual([one, two]);
    writeFileSync(file, `${one}\nAGE-SECRET-KEY-1NOTONE\n`);
    const wrong = readIdentities(file) as { problem: string };
    expect(wrong.problem).toContain('key 2');
    expect(wrong.problem).not.toContain('NOTONE');
    writeFileSync(file, '# nothing\n');
    expect(readIdentities(file)).toMatchObject({ problem: expect.stringContaining('holds no private key') });
    expect(readIdentities(join(folder, 'none'))).toMatchObject({ problem: expect.stringContaining('ENOENT') });
  });
});
