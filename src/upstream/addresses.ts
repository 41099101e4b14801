/** The addresses of the database server: the hosts in order, each with every address that its name resolves to. */

import { randomInt } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { UpstreamHost } from '../config/upstream-url.ts';

/** One address to connect to. */
export interface UpstreamAddress extends UpstreamHost {
  /** What the socket connects to: the IP address, or the path of the unix socket. */
  readonly address: string;
  readonly isUnix: boolean;
}

/** The addresses of a host, or the host and why its name does not resolve. */
export type ResolvedHosts = UpstreamAddress | { readonly host: string; readonly port: number; readonly error: unknown };

/** An address that did not answer in time is tried last for this long. */
const AVOIDED_MS = 30_000;

export class UpstreamAddresses {
  private readonly silentUntil = new Map<string, number>();

  constructor(
    private readonly hosts: readonly UpstreamHost[],
    private readonly loadBalance: boolean,
  ) {}

  /**
   * In the order to try them. A name is resolved each time, as a failover may change what it points to. An address that did not answer a moment ago
   * comes last, so that sessions need not wait for it.
   */
  async *inOrder(): AsyncGenerator<ResolvedHosts> {
    const late: UpstreamAddress[] = [];
    for (const host of this.loadBalance ? shuffled(this.hosts) : this.hosts) {
      for (const resolved of await resolve(host)) {
        if ('address' in resolved && this.isSilent(resolved)) late.push(resolved);
        else yield resolved;
      }
    }
    yield* late;
  }

  /** Whether the address answered in time. */
  heard(address: UpstreamAddress, inTime: boolean): void {
    if (inTime) this.silentUntil.delete(keyOf(address));
    else this.silentUntil.set(keyOf(address), performance.now() + AVOIDED_MS);
  }

  private isSilent(address: UpstreamAddress): boolean {
    return (this.silentUntil.get(keyOf(address)) ?? 0) > performance.now();
  }
}

/** `10.0.0.7:5432`, `[::1]:5432`, `/var/run/postgresql/.s.PGSQL.5432` */
export function shownUpstream({ address, port, isUnix }: UpstreamAddress): string {
  if (isUnix) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

async function resolve({ host, port }: UpstreamHost): Promise<ResolvedHosts[]> {
  if (host.startsWith('/')) return [{ host, port, address: join(host, `.s.PGSQL.${port}`), isUnix: true }];
  if (isIP(host) !== 0) return [{ host, port, address: host, isUnix: false }];
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => ({ host, port, address, isUnix: false }));
  } catch (error) {
    return [{ host, port, error }];
  }
}

function keyOf({ address, port }: UpstreamAddress): string {
  return `${address} ${port}`;
}

function shuffled<T>(items: readonly T[]): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
