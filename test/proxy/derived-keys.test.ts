/** Tests the cache of derived SCRAM keys: it gives what a derivation gives, and derives nothing twice while it is remembered. */
import { expect, test } from 'vitest';
import { deriveKeys } from '../../src/protocol/scram.ts';
import { DerivedKeys } from '../../src/upstream/connect.ts';

const passwords = ['secret', 'secret ', '1 c2FsdA== secret', 'ſecret', 'p\u00adass'];
const salts = ['salt', 'salt2', 's'].map((text) => Buffer.from(text));
const counts = [1, 2, 11];
const all = passwords.flatMap((password) =>
  salts.flatMap((salt) => counts.map((count) => [password, salt, count] as const)),
);

test('a remembered key equals a derived one, whatever was asked for before', async () => {
  const { derive } = new DerivedKeys();
  for (let round = 0; round < 3; round += 1) {
    const remembered = await Promise.all(all.map((from) => derive(...from)));
    expect(remembered).toEqual(await Promise.all(all.map((from) => deriveKeys(...from))));
  }
});

test('nothing is derived twice, also where many ask at once; and what was crowded out is derived again', async () => {
  const { derive } = new DerivedKeys();
  const first = derive('secret', salts[0]!, 1);
  expect(derive('secret', Buffer.from('salt'), 1)).toBe(first);
  const others = Array.from({ length: 1_000 }, (_, i) => derive('secret', Buffer.from(`other ${i}`), 1));
  const again = derive('secret', salts[0]!, 1);
  expect(again).not.toBe(first);
  expect(await again).toEqual(await first);
  await Promise.all(others);
});
