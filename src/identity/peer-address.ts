/** Where a connection comes from: the socket's other end, or whom a trusted proxy in between names. */
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

/** What stands for the address of a client that came by a unix socket; a policy's `from` names it so. */
export const LOCAL = 'local';

export interface PeerAddress {
  /** IP address without zone, IPv4 also where the socket is a dual one; or `local`. */
  readonly address: string;
  /** For logs: `10.12.0.7:50412`, `[::1]:50412`, or `local`. */
  readonly shown: string;
}

/** The other end of the socket itself. */
export function socketPeer(socket: Socket, isUnix: boolean): PeerAddress {
  return isUnix ? { address: LOCAL, shown: LOCAL } : peerOf(socket.remoteAddress ?? '', socket.remotePort ?? 0);
}

/**
 * Reads the header that a proxy must send before anything else. `proxy`: its own address, which counts where it speaks for
 * itself. Throws ProtocolError or ConnectionClosed.
 */
export async function proxiedPeer(reader: SocketReader, proxy: PeerAddress): Promise<PeerAddress> {
  // The shortest packet of a client that sends no header is shorter than one: it is told at once, not when its time is over.
  const start = await reader.read(FIRST_LOOK_BYTES);
  checkProxySignature(start);
  const prefix = decodeProxyPrefix(Buffer.concat([start, await reader.read(PROXY_PREFIX_BYTES - start.length)]));
  const source: ProxySource = decodeProxySource(prefix, await reader.read(prefix.restBytes));
  return source ? peerOf(textOf(source.address), source.port) : proxy;
}

/** `::ffff:10.0.0.1` and `fe80::1%eth0` as they are written in a policy. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9]+\.)/i, '').replace(/%.*$/, '');
}

/** Is the address in one of the blocks: `10.12.0.0/16`, `::1`, `local`? */
export function isInBlocks(blocks: readonly string[], address: string): boolean {
  if (address === LOCAL) return blocks.includes(LOCAL);
  if (isIP(address) === 0) return false;
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  return blocks.some((block) => {
    const [network = '', prefix] = block.split('/');
    const version = isIP(network);
    // A block that cannot be read lets nobody in.
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

/** In the form in which the system writes addresses of sockets too. */
function textOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    Buffer.from(bytes)
      .readUInt16BE(2 * i)
      .toString(16),
  );
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}
