/**
 * Connections that were refused, until they are closed: each gets its reason, with growing delays if many come from one address. They hold no slot
 * before login meanwhile, so waiting here keeps no one out.
 */
import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { LoginReason, LoginRefusal } from '../core/login-refusal.ts';
import { errorResponse } from '../protocol/error-response.ts';
import { delayOf } from './login/failed-logins.ts';
import type { ConnectionLimits } from './slots/connection-limits.ts';
import { networkOf } from './slots/network-of.ts';
import { SlotCounts } from './slots/slot-counts.ts';

/** How long a refused client may take to read why. */
export const FAREWELL_MS = 2_000;

/** Refusals of an address are forgotten after this time without another. */
const FORGET_MS = 60_000;
const LONGEST_MS = 5_000;

/** Refusals that are not the client's fault are sent at once, and it may come again. All others are delayed. */
const AT_ONCE: ReadonlySet<LoginReason> = new Set([
  'discovery',
  'too-many-logins',
  'connections',
  'upstream',
  'not-recorded',
  'stopping',
]);

export class RefusedConnections {
  private readonly counts = new LRUCache<string, number>({ max: 20_000, ttl: FORGET_MS });
  private readonly slots = new SlotCounts();
  /** How each that still waits is answered. */
  private readonly waiting = new Map<Socket, () => void>();

  /** @param first how many of an address do not wait */
  constructor(
    private readonly limits: Pick<ConnectionLimits, 'logins' | 'loginsPerAddress'>,
    private readonly first: number,
  ) {}

  /** Ends the connection, in the end with this refusal; without one in silence. */
  end(socket: Socket, address: string, refusal: LoginRefusal | undefined): void {
    // The delay depends only on the address and its refusals, and is never added to that of a password or token: it reveals nothing about either.
    const delay = refusal && (refusal.hasWaited || AT_ONCE.has(refusal.reason)) ? 0 : this.next(networkOf(address));
    if (socket.destroyed) return;
    // Strangers cannot take more than this of our memory and descriptors. If there is no slot, the connection is closed without a message.
    const claims = [{ key: 'all', limit: this.limits.logins }];
    if (delay > 0) claims.push({ key: networkOf(address), limit: this.limits.loginsPerAddress });
    if (this.slots.take(claims) !== undefined) {
      socket.destroy();
      return;
    }
    socket.once('close', () => this.slots.give(claims.map(({ key }) => key)));
    if (delay === 0) endWith(socket, refusal);
    else this.answerLater(socket, refusal, delay);
  }

  /** Answers all that wait: the guard ends. */
  answerAll(): void {
    for (const answer of [...this.waiting.values()]) answer();
  }

  private answerLater(socket: Socket, refusal: LoginRefusal | undefined, delay: number): void {
    const letGo = (): void => {
      clearTimeout(timer);
      this.waiting.delete(socket);
      socket.off('close', letGo);
    };
    const answer = (): void => {
      letGo();
      endWith(socket, refusal);
    };
    const timer = setTimeout(answer, delay);
    this.waiting.set(socket, answer);
    socket.once('close', letGo);
  }

  /** Counts a refusal, and says how long its answer waits: by those before it. */
  private next(network: string): number {
    const before = this.counts.get(network) ?? 0;
    this.counts.set(network, before + 1);
    return delayOf(before + 1, { free: this.first, maxMs: LONGEST_MS });
  }
}

/** Says why, or nothing, and reads on for a moment: a socket closed with unread input is reset, and the answer lost with it. */
function endWith(socket: Socket, refusal: LoginRefusal | undefined): void {
  if (refusal) socket.end(farewell(refusal));
  else socket.end();
  socket.removeAllListeners('readable');
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
  socket.once('close', () => clearTimeout(timer));
}

function farewell(refusal: LoginRefusal): Buffer {
  const fields = new Map([
    ['S', 'FATAL'],
    ['V', 'FATAL'],
    ['C', refusal.sqlstate],
    ['M', refusal.message.replaceAll('\0', '')],
  ]);
  if (refusal.detail !== undefined) fields.set('D', refusal.detail);
  if (refusal.hint !== undefined) fields.set('H', refusal.hint);
  return errorResponse(fields);
}
