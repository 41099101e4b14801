/** Counts failed logins by principal and by address, and says how long the next answer waits. Guessing gets slow; nobody is locked out. */
import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';

/** A failure is forgotten after this time without another. */
const FORGET_MS = 15 * 60_000;
const STEP_MS = 200;

/** How many failures are free (a typing error, a pool with an old password), and where the delay ends. */
const BY_PAIR = { free: 2, maxMs: 5_000 };
const BY_ADDRESS = { free: 10, maxMs: 5_000 };
const BY_PRINCIPAL = { free: 20, maxMs: 2_000 };

export class FailedLogins {
  private readonly counts = new LRUCache<string, number>({ max: 20_000, ttl: FORGET_MS });

  /**
   * Milliseconds that the answer to a password waits. INVARIANT: it depends on earlier failures only, never on whether this
   * password is right, so that hanging up early tells nothing.
   */
  delay(principal: string, address: string): number {
    return Math.max(
      delayOf(this.count(pairKey(principal, address)), BY_PAIR),
      delayOf(this.count(addressKey(address)), BY_ADDRESS),
      delayOf(this.count(principalKey(principal)), BY_PRINCIPAL),
    );
  }

  failed(principal: string, address: string): void {
    for (const key of [pairKey(principal, address), addressKey(address), principalKey(principal)]) {
      this.counts.set(key, this.count(key) + 1);
    }
  }

  /** The pair starts anew. Its address and its principal do not: a guesser may own one account. */
  succeeded(principal: string, address: string): void {
    this.counts.delete(pairKey(principal, address));
  }

  private count(key: string): number {
    return this.counts.get(key) ?? 0;
  }
}

function delayOf(count: number, { free, maxMs }: { free: number; maxMs: number }): number {
  return count <= free ? 0 : Math.min(maxMs, STEP_MS * 2 ** Math.min(count - free - 1, 10));
}

/** A host owns a whole /64 of IPv6. */
function network(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = ''] = address.split('::');
  return `${head.split(':').slice(0, 4).join(':')}::/64`;
}

/** Names are as long as the client likes; keys are not. */
const short = (principal: string) => principal.slice(0, 64);

const pairKey = (principal: string, address: string) => `both\0${network(address)}\0${short(principal)}`;
const addressKey = (address: string) => `address\0${network(address)}`;
const principalKey = (principal: string) => `principal\0${short(principal)}`;
