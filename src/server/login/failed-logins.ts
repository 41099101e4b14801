/**
 * Counts failed logins by principal and by address, and says how long the next answer waits. Guessing gets slow; nobody is locked
 * out, least of all the owner of an account at whom others guess from elsewhere.
 */
import { LRUCache } from 'lru-cache';
import { networkOf } from '../slots/network-of.ts';

/** A failure is forgotten after this time without another. */
const FORGET_MS = 15 * 60_000;
/** Where a principal has logged in from within this time, what is guessed at it elsewhere does not count. */
const KNOWN_MS = 30 * 24 * 60 * 60_000;
const STEP_MS = 200;

/** How many failures are free (a typing error, a pool with an old password), and where the delay ends. */
const BY_PAIR = { free: 2, maxMs: 5_000 };
/** Those before a success count as well: who shares the address of a principal must not guess anew each time that it logs in. */
const BY_PAIR_IN_ALL = { free: 20, maxMs: 5_000 };
const BY_ADDRESS = { free: 10, maxMs: 5_000 };
/** So many failures of one pair count for its address: one application with an old password, however often it tries, does not slow the others there. */
const PAIR_FOR_ADDRESS = 3;
const BY_PRINCIPAL = { free: 20, maxMs: 2_000 };

export class FailedLogins {
  private readonly counts = new LRUCache<string, number>({ max: 20_000, ttl: FORGET_MS });
  /** Pairs that have logged in. Only who knows a password can make an entry, so nobody can crowd out the others'. */
  private readonly known = new LRUCache<string, true>({ max: 20_000, ttl: KNOWN_MS });

  /**
   * Counts an attempt, and returns the milliseconds that the answer to it waits. Counted before the wait: many guesses at a time
   * slow each other.
   */
  attempted(principal: string, address: string, accepted: boolean): number {
    // The wait follows from earlier attempts only, never from whether this password is right, so that hanging up
    // early tells nothing.
    const wait = this.delay(principal, address);
    if (accepted) this.succeeded(principal, address);
    else this.failed(principal, address);
    return wait;
  }

  private delay(principal: string, address: string): number {
    const pair = pairKey(principal, address);
    const byPair = Math.max(
      delayOf(this.count(pair), BY_PAIR),
      delayOf(this.count(pairInAllKey(principal, address)), BY_PAIR_IN_ALL),
    );
    // Of a pair that has logged in only its own failures tell; what is guessed at other names from its address slows those names.
    if (this.known.has(pair)) return byPair;
    return Math.max(
      byPair,
      delayOf(this.count(addressKey(address)), BY_ADDRESS),
      delayOf(this.count(principalKey(principal)), BY_PRINCIPAL),
    );
  }

  private failed(principal: string, address: string): void {
    const inAll = pairInAllKey(principal, address);
    if (this.count(inAll) < PAIR_FOR_ADDRESS) this.add(addressKey(address));
    for (const key of [pairKey(principal, address), inAll, principalKey(principal)]) this.add(key);
  }

  private add(key: string): void {
    this.counts.set(key, this.count(key) + 1);
  }

  /** The pair's latest failures are forgiven. Its address and its principal do not start anew: a guesser may own one account. */
  private succeeded(principal: string, address: string): void {
    this.counts.delete(pairKey(principal, address));
    this.known.set(pairKey(principal, address), true);
  }

  private count(key: string): number {
    return this.counts.get(key) ?? 0;
  }
}

/** Milliseconds that an answer waits behind so many failures. */
export function delayOf(count: number, { free, maxMs }: { free: number; maxMs: number }): number {
  return count <= free ? 0 : Math.min(maxMs, STEP_MS * 2 ** Math.min(count - free - 1, 10));
}

/** Names are as long as the client likes; keys are not. */
const short = (principal: string) => principal.slice(0, 64);

const pairKey = (principal: string, address: string) => `both\0${networkOf(address)}\0${short(principal)}`;
const pairInAllKey = (principal: string, address: string) => `in all\0${networkOf(address)}\0${short(principal)}`;
const addressKey = (address: string) => `address\0${networkOf(address)}`;
const principalKey = (principal: string) => `principal\0${short(principal)}`;
