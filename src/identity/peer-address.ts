/** The address of a client: the socket's peer, or the address that a trusted proxy names. */
import { Buffer } from 'node:buffer';
import { BlockList, isIP, isIPv6, type Socket, SocketAddress } from 'node:net';
import type { SocketReader } from '../net/socket-reader.ts';
import {
  checkProxySignature,
  decodeProxyPrefix,
  decodeProxySource,
  PROXY_PREFIX_BYTES,
  type ProxySource,
} from '../protocol/proxy-protocol.ts';

const FIRST_LOOK_BYTES = 4;

/** The address of a client on a unix socket, also in a policy's `from`. */
export const LOCAL = 'local';

export interface PeerAddress {
  /** IP address without zone; IPv4 as such, also on a dual-stack socket; or `local`. */
  readonly address: string;
  /** For logs: `10.12.0.7:50412`, `[::1]:50412`, or `local`. */
  readonly shown: string;
}

/** The other end of the socket itself. */
export function socketPeer(socket: Socket, isUnix: boolean): PeerAddress {
  return isUnix ? { address: LOCAL, shown: LOCAL } : peerOf(socket.remoteAddress ?? '', socket.remotePort ?? 0);
}

/**
 * Reads the header that a proxy must send first. `proxy`: its own address, used if the header says that it speaks for itself. Throws ProtocolError or
 * ConnectionClosed.
 */
export async function proxiedPeer(reader: SocketReader, proxy: PeerAddress): Promise<PeerAddress> {
  // Reads no more than the shortest packet of a client: one that sends no header hears so at once, not after the time limit.
  const start = await reader.read(FIRST_LOOK_BYTES);
  checkProxySignature(start);
  const prefix = decodeProxyPrefix(Buffer.concat([start, await reader.read(PROXY_PREFIX_BYTES - start.length)]));
  const source: ProxySource = decodeProxySource(prefix, await reader.read(prefix.restBytes));
  return source ? peerOf(textOf(source.address), source.port) : proxy;
}

/** `::ffff:10.0.0.1` and `fe80::1%eth0` in the form that policies use. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9]+\.)/i, '').replace(/%.*$/, '');
}

/** Whether the address is in one of the blocks, such as `10.12.0.0/16`, `::1` or `local`. */
export function isInBlocks(blocks: readonly string[], address: string): boolean {
  if (address === LOCAL) return blocks.includes(LOCAL);
  if (isIP(address) === 0) return false;
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  return blocks.some((block) => {
    const [network = '', prefix] = block.split('/');
    const version = isIP(network);
    // A block that cannot be read matches no address.
    if (version === 0 || family !== `ipv${version}`) return false;
    const list = new BlockList();
    list.addSubnet(network, prefix === undefined ? (version === 6 ? 128 : 32) : Number(prefix), family);
    return list.check(address, family);
  });
}

function peerOf(remote: string, port: number): PeerAddress {
  const address = plainAddress(remote);
  return { address, shown: `${isIPv6(address) ? `[${address}]` : address}:${port}` };
}

/** In the same form in which the system writes socket addresses. */
function textOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    Buffer.from(bytes)
      .readUInt16BE(2 * i)
      .toString(16),
  );
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}
