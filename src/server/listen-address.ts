/** The addresses that the listener is given, and those it listens on: their shape, and how they are shown. */

import type { AddressInfo } from 'node:net';
import { basename, dirname } from 'node:path';
import type { ListenAddress } from '../config/listen-address.ts';

/** `127.0.0.1:6432`, `[::1]:6432`, `unix:/run/rowgate:6432` */
export function shownListening(address: ListenAddress | AddressInfo): string {
  if ('path' in address && address.path !== undefined) {
    return `unix:${dirname(address.path)}:${basename(address.path).replace('.s.PGSQL.', '')}`;
  }
  const host = 'address' in address ? address.address : (address.host ?? '');
  return shownAddress(host, address.port ?? 0);
}

/** `127.0.0.1:6432`, `[::1]:6432` */
export function shownAddress(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
