/** Tests the outbox: every byte goes out in its order, and bytes that are adjacent in memory are not copied. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Outbox } from '../../src/session/state/outbox.ts';

const chunks = [Buffer.from('abcdefghij'), Buffer.from('0123456789')].map((bytes) => Uint8Array.from(bytes));

/** A view of one of the chunks. */
const view = fc
  .tuple(fc.nat(1), fc.nat(10), fc.nat(10))
  .map(([chunk, a, b]) => chunks[chunk]!.subarray(Math.min(a, b), Math.max(a, b)));

test('views of any chunks, in any order: all bytes, in their order, and once', () => {
  fc.assert(
    fc.property(fc.array(fc.array(view, { maxLength: 6 }), { maxLength: 4 }), (turns) => {
      const outbox = new Outbox();
      for (const views of turns) {
        for (const bytes of views) outbox.add(bytes);
        expect(Buffer.from(outbox.take() ?? [])).toEqual(Buffer.concat(views));
        expect(outbox.take()).toBeUndefined();
      }
    }),
    { numRuns: 2_000 },
  );
});

test('messages of one chunk leave as a view of it', () => {
  const outbox = new Outbox();
  for (const [from, to] of [
    [2, 3],
    [3, 3],
    [3, 7],
    [7, 9],
  ]) {
    outbox.add(chunks[0]!.subarray(from, to));
  }
  const taken = outbox.take()!;
  expect(Buffer.from(taken).toString()).toBe('cdefghi');
  expect(taken.buffer).toBe(chunks[0]!.buffer);
});
