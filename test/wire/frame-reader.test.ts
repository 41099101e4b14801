/** Frames come out alike, wherever the stream was cut; a length out of bounds, and noise, end the reading and take no memory. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CLIENT_LIMITS,
  type Frame,
  type FrameLimits,
  FrameReader,
  SERVER_LIMITS,
} from '../../src/wire/frame-reader.ts';
import { ProtocolError } from '../../src/wire/protocol-error.ts';

const LIMITS: FrameLimits = { maxFrame: 1000, streamed: new Set([0x44]), streamAbove: 50 };

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
      fc.constantFrom(0x44, 0x51, 0x5a),
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

test('what was not read can be taken over', () => {
  fc.assert(
    fc.property(frames, fc.nat(12), fc.array(fc.nat(3000), { maxLength: 8 }), (sent, taken, cuts) => {
      const reader = new FrameReader({ ...LIMITS, streamed: new Set() });
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

  test('of 10 MB from a client is read whole: it is the guard that refuses it', () => {
    expect(read(new FrameReader(CLIENT_LIMITS), [frameOf(0x51, Buffer.alloc(10_000_000))])).toHaveLength(1);
  });

  test('a promise of much takes no memory before it is kept', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 200 }, () => {
      const reader = new FrameReader(CLIENT_LIMITS);
      reader.push(Buffer.from([0x51, 0, 0xff, 0xff, 0xff, 1, 2, 3]));
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
