/** Tests how Terminate is recognised: by the last five bytes, however they are cut. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TerminateWatch } from '../../src/server/terminate-message.ts';

const TERMINATE = [0x58, 0, 0, 0, 4];

test('as the last five bytes say, in whatever pieces they come', () => {
  let goodbyes = 0;
  const bytes = fc
    .array(
      fc.oneof(
        fc.constantFrom(...TERMINATE).map((byte) => [byte]),
        fc.constant(TERMINATE),
      ),
      { maxLength: 12 },
    )
    .map((parts) => Buffer.from(parts.flat()));
  fc.assert(
    fc.property(bytes, fc.array(fc.nat({ max: 60 })), (whole, cuts) => {
      const ends = [...new Set(cuts)].filter((cut) => cut < whole.length).sort((a, b) => a - b);
      const goodbye = new TerminateWatch();
      let from = 0;
      for (const end of [...ends, whole.length]) {
        goodbye.see(whole.subarray(from, end));
        from = end;
        expect(goodbye.said).toBe(whole.subarray(Math.max(0, end - 5), end).equals(Buffer.from(TERMINATE)));
        if (goodbye.said) goodbyes += 1;
      }
    }),
    { numRuns: 5_000 },
  );
  expect(goodbyes).toBeGreaterThan(500);
});
