/** Tests the packets of startup: what is read, what is refused, and how much memory is held meanwhile. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MalformedMessage, ProtocolError } from '../../src/protocol/protocol-error.ts';
import { cancelRequest, StartupReader, sslRequest, startupMessage } from '../../src/protocol/startup.ts';

function read(...chunks: Uint8Array[]) {
  const reader = new StartupReader();
  for (const chunk of chunks) reader.push(chunk);
  return { packet: reader.next(), rest: reader.rest() };
}

const packet = (...bytes: number[]) => {
  const buffer = Buffer.from([0, 0, 0, 0, ...bytes]);
  buffer.writeInt32BE(buffer.length);
  return buffer;
};

test('a startup message, with its parameters in order', () => {
  const parameters: [string, string][] = [
    ['user', 'élève'],
    ['database', 'ent'],
    ['user', 'twice'],
  ];
  expect(read(startupMessage(3, 2, parameters)).packet).toEqual({ kind: 'startup', major: 3, minor: 2, parameters });
});

test('SSLRequest, GSSENCRequest, CancelRequest', () => {
  expect(read(sslRequest()).packet).toEqual({ kind: 'ssl-request' });
  expect(read(packet(0x04, 0xd2, 0x16, 0x30)).packet).toEqual({ kind: 'gssenc-request' });
  const key = new Uint8Array(32).fill(7);
  expect(read(cancelRequest(42, key)).packet).toMatchObject({ kind: 'cancel-request', processId: 42 });
});

test('another major version is told by its number alone', () => {
  expect(read(packet(0, 2, 0, 0, 1, 2, 3)).packet).toEqual({ kind: 'startup', major: 2, minor: 0, parameters: [] });
});

test('bytes after a packet are left', () => {
  expect(read(Buffer.concat([sslRequest(), Buffer.from('behind')])).rest.toString()).toBe('behind');
});

test('cut anywhere, the same', () => {
  const bytes = startupMessage(3, 0, [
    ['user', 'a'],
    ['application_name', 'psql'],
  ]);
  fc.assert(
    fc.property(fc.nat(bytes.length), fc.nat(bytes.length), (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      expect(read(bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)).packet).toMatchObject({
        kind: 'startup',
      });
    }),
  );
});

describe('refused', () => {
  test.each([
    ['a length of 2 GB', Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    ['a length below that of a version', Buffer.from([0, 0, 0, 7])],
    ['one over 10,000 bytes behind its length', Buffer.from([0, 0, 0x27, 0x15])],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['an SSLRequest with something in it', packet(0x04, 0xd2, 0x16, 0x2f, 1)],
    ['no terminator', packet(0, 3, 0, 0, 0x75, 0, 0x61, 0)],
    ['something behind the terminator', packet(0, 3, 0, 0, 0x75, 0, 0x61, 0, 0, 1)],
    ['a cancel key of 300 bytes', cancelRequest(1, new Uint8Array(300))],
    ['a cancel key of 3 bytes', cancelRequest(1, new Uint8Array(3))],
  ])('%s', (_what, bytes) => {
    expect(() => read(bytes)).toThrow(ProtocolError);
  });

  test('text that is not UTF-8', () => {
    expect(() => read(packet(0, 3, 0, 0, 0xc3, 0x28, 0, 0x61, 0, 0))).toThrow(MalformedMessage);
  });
});
