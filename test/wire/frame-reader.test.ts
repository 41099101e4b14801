/** Tests that frames come out alike wherever the stream was cut; a length out of bounds, and noise, end the reading and take no memory. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CLIENT_LIMITS,
  type Frame,
  type FrameLimits,
  FrameReader,
  SERVER_LIMITS,
} from '../../src/protocol/frame-reader.ts';
import { ProtocolError } from '../../src/protocol/protocol-error.ts';

const LIMITS: FrameLimits = {
  maxFrame: 1000,
  maxStreamed: 0x3fffffff,
  streamed: new Map([
    [0x44, { above: 50, head: 5 }],
    [0x42, { above: 90, head: 60 }],
  ]),
};

const frameOf = (type: number, body: Uint8Array): Buffer => {
  const frame = Buffer.alloc(5 + body.length);
  frame[0] = type;
  frame.writeUInt32BE(body.length + 4, 1);
  frame.set(body, 5);
  return frame;
};

const frames = fc.array(
  fc
    .tuple(
      fc.constantFrom(0x42, 0x44, 0x51, 0x5a),
      fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 300 })),
    )
    .map(([type, body]) => frameOf(type, body)),
  { maxLength: 12 },
);

function read(reader: FrameReader, chunks: readonly Uint8Array[]): Frame[] {
  const seen: Frame[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.next(); frame; frame = reader.next())
      seen.push({ ...frame, bytes: Uint8Array.from(frame.bytes) });
  }
  return seen;
}

/** Pieces put together again. */
function joined(pieces: readonly Frame[]): Buffer[] {
  const whole: Buffer[] = [];
  let parts: Uint8Array[] = [];
  for (const piece of pieces) {
    expect(piece.first).toBe(parts.length === 0);
    const streaming = LIMITS.streamed.get(piece.type);
    if (piece.first && !piece.last) expect(piece.length).toBeGreaterThan(streaming?.above ?? Infinity);
    if (piece.first && !piece.last) expect(piece.bytes.length).toBeGreaterThanOrEqual(streaming?.head ?? Infinity);
    parts.push(piece.bytes);
    if (!piece.last) continue;
    whole.push(Buffer.concat(parts));
    expect(whole.at(-1)).toHaveLength(piece.length);
    parts = [];
  }
  expect(parts).toEqual([]);
  return whole;
}

const cutAt = (bytes: Buffer, cuts: readonly number[]) => {
  const at = [0, ...cuts.filter((cut) => cut < bytes.length)].sort((a, b) => a - b);
  return at.map((start, index) => bytes.subarray(start, at[index + 1] ?? bytes.length));
};

test('cut anywhere, the same frames', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(3000), { maxLength: 30 }), (sent, cuts) => {
      const seen = read(new FrameReader(LIMITS), cutAt(Buffer.concat(sent), cuts));
      expect(joined(seen)).toEqual(sent);
    }),
    { numRuns: 500 },
  );
});

test('one byte at a time, too', () => {
  fc.assert(
    fc.property(frames, (sent) => {
      const bytes = Buffer.concat(sent);
      const seen = read(
        new FrameReader(LIMITS),
        Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
      );
      expect(joined(seen)).toEqual(sent);
    }),
    { numRuns: 100 },
  );
});

test('only large frames of the named types are streamed', () => {
  const [small, large, other] = [
    frameOf(0x44, Buffer.alloc(45)),
    frameOf(0x44, Buffer.alloc(46)),
    frameOf(0x51, Buffer.alloc(900)),
  ];
  const chunks = (bytes: Buffer) => [bytes.subarray(0, 20), bytes.subarray(20)];
  expect(read(new FrameReader(LIMITS), chunks(small))).toHaveLength(1);
  expect(read(new FrameReader(LIMITS), chunks(other))).toHaveLength(1);
  expect(read(new FrameReader(LIMITS), chunks(large)).map(({ first, last }) => [first, last])).toEqual([
    [true, false],
    [false, true],
  ]);
});

test('unread bytes can be taken over', () => {
  fc.assert(
    fc.property(frames, fc.nat(12), fc.array(fc.nat(3000), { maxLength: 8 }), (sent, taken, cuts) => {
      const reader = new FrameReader({ ...LIMITS, streamed: new Map() });
      const bytes = Buffer.concat(sent);
      for (const chunk of cutAt(bytes, cuts)) reader.push(chunk);
      let read = 0;
      for (let i = 0; i < taken; i += 1) read += reader.next()?.length ?? 0;
      expect(Buffer.concat([bytes.subarray(0, read), reader.rest()])).toEqual(bytes);
      expect(reader.next()).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

describe('lengths', () => {
  test.each([
    ['0', [0x51, 0, 0, 0, 0]],
    ['3', [0x51, 0, 0, 0, 3]],
    ['2 GB', [0x51, 0x7f, 0xff, 0xff, 0xff]],
    ['4 GB', [0x51, 0xff, 0xff, 0xff, 0xff]],
    ['one byte over the limit', [0x51, 0, 0, 0x03, 0xe8]],
    ['2 GB, streamed', [0x44, 0x7f, 0xff, 0xff, 0xff]],
  ])('%s is broken protocol', (_what, header) => {
    const reader = new FrameReader(LIMITS);
    reader.push(Buffer.from(header));
    expect(() => reader.next()).toThrow(ProtocolError);
  });

  test('at the limit passes', () => {
    expect(read(new FrameReader(LIMITS), [frameOf(0x51, Buffer.alloc(995))])).toHaveLength(1);
  });

  test('a text that the guard reads comes whole, one that it does not in pieces', () => {
    const chunksOf = (bytes: Buffer) =>
      Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, at) =>
        bytes.subarray(at * 65_536, (at + 1) * 65_536),
      );
    const pieces = (length: number) =>
      read(new FrameReader(CLIENT_LIMITS), chunksOf(frameOf(0x51, Buffer.alloc(length)))).length;
    expect(pieces(1024 * 1024 + 1)).toBe(1);
    expect(pieces(10_000_000)).toBeGreaterThan(100);
  });

  test.each([
    ['a client', CLIENT_LIMITS, 0x42, 0x3fffffff],
    ['a client', CLIENT_LIMITS, 0x64, 0x3fffffff],
    ['the server', SERVER_LIMITS, 0x44, 0x40000003],
  ] as const)('of 1 GB less one from %s passes, and no more', (_who, limits, type, most) => {
    const header = (length: number) => {
      const bytes = Buffer.alloc(300_000);
      bytes[0] = type;
      bytes.writeUInt32BE(length - 1, 1);
      return bytes;
    };
    expect(read(new FrameReader(limits), [header(most)])).toMatchObject([{ length: most, first: true, last: false }]);
    expect(() => read(new FrameReader(limits), [header(most + 1)])).toThrow(ProtocolError);
  });

  test('a promise of much takes no memory before it is kept', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 200 }, () => {
      const reader = new FrameReader(CLIENT_LIMITS);
      reader.push(Buffer.from([0x51, 0, 0x1f, 0xff, 0xff, 1, 2, 3]));
      expect(reader.next()).toBeUndefined();
      return reader;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
    expect(readers).toHaveLength(200);
  });
});

test('a row of 100 MB passes in pieces as large as the chunks that it came in', () => {
  const reader = new FrameReader(SERVER_LIMITS);
  const header = Buffer.from([0x44, 0, 0, 0, 0]);
  header.writeUInt32BE(100_000_004, 1);
  const chunk = Buffer.alloc(65_536);
  reader.push(header);
  let passed = 0;
  let last = false;
  while (!last) {
    const frame = reader.next();
    if (!frame) reader.push(chunk.subarray(0, Math.min(chunk.length, 100_000_005 - passed)));
    else {
      expect(frame.bytes.length).toBeLessThanOrEqual(chunk.length);
      passed += frame.bytes.length;
      last = frame.last;
    }
  }
  expect(passed).toBe(100_000_005);
});

test('noise: frames or a ProtocolError, never anything else', () => {
  const runs = process.env.ROWGATE_LONG ? 1_000_000 : 3_000;
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (chunks) => {
      try {
        read(new FrameReader(LIMITS), chunks);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
    { numRuns: runs },
  );
}, 3_600_000);
