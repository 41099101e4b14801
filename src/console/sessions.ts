/** Sessions of people at the console, in memory: whose a cookie is, and when it ends. */
import { Buffer } from 'node:buffer';
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ConsoleRole } from './api/session.ts';

export interface Person {
  readonly name: string;
  readonly role: ConsoleRole;
}

export interface PersonSession extends Person {
  /** What each acting request carries besides the cookie. */
  readonly csrf: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Ends with the session. */
  readonly signal: AbortSignal;
}

interface Kept extends PersonSession {
  used: number;
  readonly ending: AbortController;
}

const MOST = 1_000;

export class PersonSessions {
  /** By the hash of its cookie: who reads memory or a core file of it cannot go on with a session. Oldest first. */
  private readonly kept = new Map<string, Kept>();

  constructor(
    private readonly idleMs: number,
    private readonly longestMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** The value of the cookie. */
  begin({ name, role }: Person): string {
    const cookie = secret();
    const ending = new AbortController();
    const [oldest] = this.kept.keys();
    if (this.kept.size >= MOST && oldest !== undefined) this.end(oldest);
    this.kept.set(hashOf(cookie), {
      ...{ name, role, ending },
      csrf: secret(),
      until: this.now() + this.longestMs,
      used: this.now(),
      signal: ending.signal,
    });
    return cookie;
  }

  /** Undefined if it has expired, or never existed. */
  of(cookie: string | undefined): PersonSession | undefined {
    if (cookie === undefined) return undefined;
    const key = hashOf(cookie);
    const session = this.kept.get(key);
    if (!session) return undefined;
    if (this.isOver(session)) {
      this.end(key);
      return undefined;
    }
    session.used = this.now();
    return session;
  }

  endOf(cookie: string | undefined): void {
    if (cookie !== undefined) this.end(hashOf(cookie));
  }

  /** Removes expired sessions. To be called regularly: an open stream of events sends no requests. */
  sweep(): void {
    for (const [key, session] of this.kept) if (this.isOver(session)) this.end(key);
  }

  /** INVARIANT 107: a session ends at its time, however much is asked, and before where nothing is. */
  private isOver({ until, used }: Kept): boolean {
    const now = this.now();
    return now >= until || now - used >= this.idleMs;
  }

  private end(key: string): void {
    this.kept.get(key)?.ending.abort();
    this.kept.delete(key);
  }
}

/** 256 random bits in base64url. */
export function secret(): string {
  return randomBytes(32).toString('base64url');
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** Compares in constant time. */
export function isSame(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(one)), Buffer.from(hashOf(other)));
}
