/** Changes to well-formed bytes: nearly right input finds more than noise. */
import type { Random } from '../support/random.ts';

const EDGES = [0, 1, 2, 4, 0x7f, 0x80, 0xff];

/** The bytes with a few changes; now and then as they are, or noise. */
export function mutated(bytes: Uint8Array, random: Random): Buffer {
  if (random.once(20)) return random.bytes(random.int(80));
  let result: Buffer = Buffer.from(bytes);
  for (let changes = random.int(4); changes > 0; changes -= 1) result = changed(result, random);
  return result;
}

function changed(bytes: Buffer, random: Random): Buffer {
  const at = random.int(bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + random.int(12));
  switch (random.int(8)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 1:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.int(5)), bytes.subarray(at)]);
    case 3:
      return bytes.subarray(0, at);
    case 4: {
      const result = Buffer.from(bytes);
      if (at + 4 <= result.length)
        result.writeInt32BE(random.pick([-2, -1, 0, 3, 4, 5, 8, 0x3fffffff, 0x7fffffff]), at);
      return result;
    }
    case 5: {
      const result = Buffer.from(bytes);
      if (at + 2 <= result.length) result.writeUInt16BE(random.pick([0, 1, 2, 255, 256, 0x7fff, 0x8000, 0xffff]), at);
      return result;
    }
    default: {
      const result = Buffer.from(bytes);
      if (at < result.length) result[at] = random.once(2) ? random.pick(EDGES) : result[at]! ^ (1 << random.int(8));
      return result;
    }
  }
}

/** The bytes in pieces, as a network may cut them. */
export function cut(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const most = random.pick([1, 3, 7, 40, 1000, Math.max(1, bytes.length)]);
  for (let at = 0; at < bytes.length; ) {
    const to = Math.min(bytes.length, at + 1 + random.int(most));
    pieces.push(bytes.subarray(at, to));
    at = to;
  }
  return pieces;
}
