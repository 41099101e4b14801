/**
 * The header of the PROXY protocol, version 2 (haproxy.org, doc/proxy-protocol.txt, section 2.2), with which a load balancer tells the client's
 * address.
 */
import { Buffer } from 'node:buffer';
import { ProtocolError } from './protocol-error.ts';

/** Signature, version and command, family, and the length of the rest. */
export const PROXY_PREFIX_BYTES = 16;

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** Addresses of a unix socket take 216 bytes; further details are ignored. */
const MAX_REST = 4_096;

/** TCP: bytes of the two addresses, then of the two ports. */
const FAMILIES: ReadonlyMap<number, { readonly addressBytes: number }> = new Map([
  [0x11, { addressBytes: 4 }],
  [0x21, { addressBytes: 16 }],
]);
const UNSPECIFIED = 0x00;
const UNIX_STREAM = 0x31;
const UNIX_BYTES = 216;

/** The first 16 bytes. */
export interface ProxyPrefix {
  /** False: the proxy connects for itself, as in a health check. */
  readonly proxied: boolean;
  readonly family: number;
  /** How many bytes follow before the client's first. */
  readonly restBytes: number;
}

/** The client's address, 4 or 16 bytes; undefined if the proxy connects for itself or does not tell. */
export type ProxySource = { readonly address: Uint8Array; readonly port: number } | undefined;

/** @throws ProtocolError unless these bytes are the beginning of the signature, or all of it. */
export function checkProxySignature(start: Buffer): void {
  // A proxy that must send a header and does not is not accepted as a client.
  if (!start.equals(SIGNATURE.subarray(0, start.length))) {
    throw new ProtocolError('expected a header of the PROXY protocol, version 2, from this address');
  }
}

/** Takes PROXY_PREFIX_BYTES. @throws ProtocolError if they are not a header, or one of another version, or of a header that is too long. */
export function decodeProxyPrefix(bytes: Buffer): ProxyPrefix {
  checkProxySignature(bytes.subarray(0, SIGNATURE.length));
  const versionAndCommand = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const restBytes = bytes.readUInt16BE(14);
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21) {
    throw new ProtocolError('unknown version or command of the PROXY protocol');
  }
  if (restBytes > MAX_REST) throw new ProtocolError('header of the PROXY protocol is too long');
  return { proxied: versionAndCommand === 0x21, family, restBytes };
}

/** @throws ProtocolError if the addresses are incomplete, or not of TCP. */
export function decodeProxySource({ proxied, family }: ProxyPrefix, rest: Buffer): ProxySource {
  if (!proxied || family === UNSPECIFIED) return undefined;
  // A process on the proxy's own machine: the proxy's address is used.
  if (family === UNIX_STREAM && rest.length >= UNIX_BYTES) return undefined;
  const layout = FAMILIES.get(family);
  if (!layout || rest.length < 2 * layout.addressBytes + 4) {
    throw new ProtocolError('invalid address in the header of the PROXY protocol');
  }
  return { address: rest.subarray(0, layout.addressBytes), port: rest.readUInt16BE(2 * layout.addressBytes) };
}
