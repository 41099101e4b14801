/** The header of the PROXY protocol, version 2 (haproxy.org, doc/proxy-protocol.txt, section 2.2), in which a load balancer says whom it speaks for. */
import { Buffer } from 'node:buffer';
import { ProtocolError } from './protocol-error.ts';

/** Signature, version and command, family, and the length of the rest. */
export const PROXY_PREFIX_BYTES = 16;

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** Addresses of a unix socket take 216; what follows are details that nobody here reads. */
const MAX_REST = 4_096;

/** Of TCP: bytes of the two addresses and the two ports. */
const FAMILIES: ReadonlyMap<number, { readonly addressBytes: number }> = new Map([
  [0x11, { addressBytes: 4 }],
  [0x21, { addressBytes: 16 }],
]);
const UNSPECIFIED = 0x00;
const UNIX_STREAM = 0x31;
const UNIX_BYTES = 216;

/** What the first 16 bytes say. */
export interface ProxyPrefix {
  /** False: the proxy speaks for itself, as in a health check. */
  readonly proxied: boolean;
  readonly family: number;
  /** Bytes that follow, before the client's first. */
  readonly restBytes: number;
}

/** Whom the proxy speaks for: 4 or 16 bytes of address; undefined where it is the proxy itself, or it does not say. */
export type ProxySource = { readonly address: Uint8Array; readonly port: number } | undefined;

/** @throws ProtocolError where these bytes, the first or all of the signature, begin no header. */
export function checkProxySignature(start: Buffer): void {
  // Who must say whom it speaks for and does not is not taken for the client itself.
  if (!start.equals(SIGNATURE.subarray(0, start.length))) {
    throw new ProtocolError('expected a header of the PROXY protocol, version 2, from this address');
  }
}

/** Takes PROXY_PREFIX_BYTES. @throws ProtocolError where they begin no header, one of another version, or one longer than is held for a stranger. */
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

/** @throws ProtocolError where the addresses are cut short, or of a kind that no client of TCP has. */
export function decodeProxySource({ proxied, family }: ProxyPrefix, rest: Buffer): ProxySource {
  if (!proxied || family === UNSPECIFIED) return undefined;
  // A process on the proxy's own machine: it comes from the proxy's address.
  if (family === UNIX_STREAM && rest.length >= UNIX_BYTES) return undefined;
  const layout = FAMILIES.get(family);
  if (!layout || rest.length < 2 * layout.addressBytes + 4) {
    throw new ProtocolError('invalid address in the header of the PROXY protocol');
  }
  return { address: rest.subarray(0, layout.addressBytes), port: rest.readUInt16BE(2 * layout.addressBytes) };
}
