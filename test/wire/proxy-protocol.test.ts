/** Tests the reader of PROXY protocol headers: addresses, health checks, and what is refused. */
import { describe, expect, test } from 'vitest';
import { decodeProxyPrefix, decodeProxySource } from '../../src/protocol/proxy-protocol.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';

/** Signature, version and command, family, then the rest with its length. */
function header(versionAndCommand: number, family: number, rest: Buffer, length = rest.length): Buffer {
  const fixed = Buffer.from([versionAndCommand, family, length >> 8, length & 0xff]);
  return Buffer.concat([Buffer.from(SIGNATURE, 'hex'), fixed, rest]);
}

function decode(bytes: Buffer) {
  const prefix = decodeProxyPrefix(bytes);
  return decodeProxySource(prefix, bytes.subarray(16, 16 + prefix.restBytes));
}

const ipv4 = Buffer.from(`0a000007${'0a000001'}c4f01920`, 'hex');
const ipv6 = Buffer.from(`20010db8${'00'.repeat(11)}07${'00'.repeat(15)}01c4f01920`, 'hex');

test('the client of TCP over IPv4 and IPv6', () => {
  expect(decode(header(0x21, 0x11, ipv4))).toEqual({ address: Buffer.from([10, 0, 0, 7]), port: 50416 });
  expect(decode(header(0x21, 0x21, ipv6))).toMatchObject({ port: 50416 });
});

test('bytes after the addresses are skipped', () => {
  expect(decode(header(0x21, 0x11, Buffer.concat([ipv4, Buffer.alloc(4000, 0xff)])))).toMatchObject({ port: 50416 });
});

test.each<[string, Buffer]>([
  ['LOCAL, as a health check sends it', header(0x20, 0x00, Buffer.alloc(0))],
  ['LOCAL with an address, which counts for nothing', header(0x20, 0x11, ipv4)],
  ['UNSPEC', header(0x21, 0x00, Buffer.alloc(0))],
  ['UNSPEC with bytes', header(0x21, 0x00, ipv4)],
  ["a unix socket on the proxy's machine", header(0x21, 0x31, Buffer.alloc(216))],
])('%s is the proxy itself', (_what, bytes) => {
  expect(decode(bytes)).toBeUndefined();
});

describe('refused', () => {
  test.each<[string, Buffer]>([
    ['version 1', Buffer.from('PROXY TCP4 10.0.0.7 10.0.0.1 50416 6432\r\n')],
    ['no header at all', Buffer.from('\0\0\0\x08\x04\xd2\x16/\0\0\0\0\0\0\0\0', 'latin1')],
    ['a signature with one bit changed', header(0x21, 0x11, ipv4).fill(0x0b, 11, 12)],
    ['version 3', header(0x31, 0x11, ipv4)],
    ['an unknown command', header(0x22, 0x11, ipv4)],
    ['datagrams', header(0x21, 0x12, ipv4)],
    ['an unknown family', header(0x21, 0x41, ipv4)],
    ['IPv4 cut short', header(0x21, 0x11, ipv4.subarray(0, 11))],
    ['IPv6 cut short', header(0x21, 0x21, ipv4)],
    ['a unix socket cut short', header(0x21, 0x31, Buffer.alloc(100))],
    ['longer than is held', header(0x21, 0x11, ipv4, 4097)],
    ['the longest that there can be', header(0x21, 0x11, ipv4, 65535)],
  ])('%s', (_what, bytes) => {
    expect(() => decode(bytes)).toThrow(/PROXY protocol/);
  });
});
