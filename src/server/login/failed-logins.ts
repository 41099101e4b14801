/**
 * Counts failed logins by principal and by address, and says how long the next answer waits. Guessing gets slow, but no one is locked out, least of
 * all the owner of an account that is attacked from elsewhere.
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
/** Failures before a success count as well: an attacker at the same address as a principal must not get new attempts each time the principal logs in. */
const BY_PAIR_IN_ALL = { free: 20, maxMs: 5_000 };
const BY_ADDRESS = { free: 10, maxMs: 5_000 };
/** So many failures of one pair count for its address: one application with an old password, however often it tries, does not slow the others there. */
const PAIR_FOR_ADDRESS = 3;
const BY_PRINCIPAL = { free: 20, maxMs: 2_000 };

export class FailedLogins {
  private readonly counts = new LRUCache<string, number>({ max: 20_000, ttl: FORGET_MS });
  /** Accepted attempts that still wait for their answer: for what each counts meanwhile, by pair; and how many by that. */
  private readonly waiting = new LRUCache<string, readonly (readonly string[])[]>({ max: 20_000, ttl: FORGET_MS });
  private readonly unheard = new LRUCache<string, number>({ max: 20_000, ttl: FORGET_MS });
  /** Pairs that have logged in. An entry needs a valid password, so a stranger cannot displace the others. */
  private readonly known = new LRUCache<string, true>({ max: 20_000, ttl: KNOWN_MS });

  /**
   * Counts an attempt, and returns how many milliseconds its answer waits. It is counted before the wait, so simultaneous guesses slow each other. If
   * an accepted attempt has to wait, `waited` is called after that.
   */
  attempted(principal: string, address: string, accepted: boolean): number {
    // The wait follows from earlier attempts only, never from whether this password is right.
    const wait = this.delay(principal, address);
    if (!accepted) this.failed(principal, address);
    else if (wait === 0) this.succeeded(principal, address);
    else this.move(principal, address, 1);
    return wait;
  }

  /**
   * An accepted attempt has waited for its answer, or has not `stayed` for it. INVARIANT 102: until then it counts as failed, and for ever if the
   * client did not hear the answer. Otherwise a guesser who hangs up, and meanwhile tries the next password, could see that this one was right.
   */
  waited(principal: string, address: string, stayed: boolean): void {
    this.move(principal, address, -1);
    if (stayed) this.succeeded(principal, address);
    else this.failed(principal, address);
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
    for (const key of this.keysOf(principal, address)) this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  /** For which an attempt counts. */
  private keysOf(principal: string, address: string): readonly string[] {
    const inAll = pairInAllKey(principal, address);
    const keys = [pairKey(principal, address), inAll, principalKey(principal)];
    return this.count(inAll) < PAIR_FOR_ADDRESS ? [...keys, addressKey(address)] : keys;
  }

  /** One more, or one less, waits for its answer. */
  private move(principal: string, address: string, by: 1 | -1): void {
    const pair = pairKey(principal, address);
    const [first = [], ...others] = this.waiting.get(pair) ?? [];
    const keys = by === 1 ? this.keysOf(principal, address) : first;
    this.waiting.set(pair, by === 1 ? [first, ...others, keys].filter(({ length }) => length > 0) : others);
    for (const key of keys) this.unheard.set(key, Math.max(0, (this.unheard.get(key) ?? 0) + by));
  }

  /** Forgives the pair's latest failures. The counts of its address and its principal stay: a guesser may own one account. */
  private succeeded(principal: string, address: string): void {
    this.counts.delete(pairKey(principal, address));
    this.known.set(pairKey(principal, address), true);
  }

  private count(key: string): number {
    return (this.counts.get(key) ?? 0) + (this.unheard.get(key) ?? 0);
  }
}

/** Milliseconds that an answer waits after so many failures. */
export function delayOf(count: number, { free, maxMs }: { free: number; maxMs: number }): number {
  return count <= free ? 0 : Math.min(maxMs, STEP_MS * 2 ** Math.min(count - free - 1, 10));
}

/** Clients may send names of any length; keys are limited. */
const short = (principal: string) => principal.slice(0, 64);

const pairKey = (principal: string, address: string) => `both\0${networkOf(address)}\0${short(principal)}`;
const pairInAllKey = (principal: string, address: string) => `in all\0${networkOf(address)}\0${short(principal)}`;
const addressKey = (address: string) => `address\0${networkOf(address)}`;
const principalKey = (principal: string) => `principal\0${short(principal)}`;
