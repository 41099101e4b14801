/**
 * Delivers queued alarms, oldest first, and tries again until the receiver accepts them. An alarm that the receiver refuses is set aside, so that it
 * does not block later ones.
 */

import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { NotTaken, post } from '../../net/https-post.ts';
import { type AlarmFormat, bodyOf, type QueuedAlarm, signatureOf } from './message.ts';
import type { AlarmQueue } from './queue.ts';

export interface DeliveryOptions {
  readonly queue: AlarmQueue;
  readonly receiver: Receiver;
  readonly format: AlarmFormat;
  readonly log: Logger;
  /** Milliseconds after the first failure; each further failure doubles it, up to 150 times. */
  readonly firstWaitMs?: number;
}

/** Other processes add alarms to the folder without telling this one. */
const LOOK_MS = 1_000;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT = 150;
/** After this many refusals in a row, the receiver is assumed to be at fault, not the alarms. */
const MOST_REFUSED = 20;

export class Delivery {
  private timer: NodeJS.Timeout | undefined;
  private working = false;
  private stopped = false;
  private failures = 0;
  /** By file name: alarms that the receiver refused, how often, and when to try again. */
  private readonly aside = new Map<string, { readonly times: number; readonly until: number }>();

  constructor(private readonly options: DeliveryOptions) {
    this.next(0);
  }

  /** An alarm was queued. Does nothing while a retry is pending. */
  wake(): void {
    if (this.failures === 0 && !this.working) this.next(0);
  }

  /** A running delivery may still succeed; the rest waits for the next start. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private next(waitMs: number): void {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => void this.work(), waitMs);
    // The timer does not keep the process alive: alarms are on disk.
    this.timer?.unref();
  }

  private async work(): Promise<void> {
    const { log, firstWaitMs = FIRST_WAIT_MS } = this.options;
    this.working = true;
    try {
      await this.deliverAll();
      if (this.failures > 0) log.info('alarms are delivered again');
      this.failures = 0;
    } catch (error) {
      this.failures += 1;
      // Logged once, not at each attempt.
      if (this.failures === 1) log.error({ err: error }, 'alarms cannot be delivered; they wait');
    }
    this.working = false;
    this.next(this.failures === 0 ? LOOK_MS : firstWaitMs * Math.min(LONGEST_WAIT, 2 ** (this.failures - 1)));
  }

  private async deliverAll(): Promise<void> {
    const { queue, log } = this.options;
    const names = queue.names();
    for (const name of this.aside.keys()) if (!names.includes(name)) this.aside.delete(name);
    let refused = 0;
    for (const name of names) {
      if (this.stopped) return;
      if (performance.now() < (this.aside.get(name)?.until ?? 0)) continue;
      const alarm = parse(queue.read(name));
      if (!alarm) log.warn({ name }, 'what waits there is no alarm; it is taken away');
      if (!alarm || (await this.isTaken(name, alarm))) queue.remove(name);
      else refused += 1;
      if (refused >= MOST_REFUSED) throw new Error('the receiver takes no message');
    }
  }

  /** Rejects if the receiver currently accepts nothing. */
  private async isTaken(name: string, alarm: QueuedAlarm): Promise<boolean> {
    const { receiver, format, log, firstWaitMs = FIRST_WAIT_MS } = this.options;
    try {
      await send(receiver, bodyOf(alarm, format), Date.now());
      this.aside.delete(name);
      return true;
    } catch (error) {
      if (!isOfMessage(error)) throw error;
      const times = (this.aside.get(name)?.times ?? 0) + 1;
      if (times === 1) log.error({ err: error, name, alarm: alarm.text }, 'an alarm is not taken; it waits aside');
      this.aside.set(name, {
        times,
        until: performance.now() + firstWaitMs * Math.min(LONGEST_WAIT, 2 ** (times - 1)),
      });
      return false;
    }
  }
}

function parse(text: string | undefined): QueuedAlarm | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as QueuedAlarm);
  } catch {
    return undefined;
  }
}

interface Receiver {
  readonly url: string;
  readonly secret?: string;
  /** PEM file. */
  readonly ca?: string;
}

const WITHIN_MS = 10_000;
/** Statuses that concern this message and not the receiver's state: another message may be accepted. */
const OF_THE_MESSAGE: ReadonlySet<number> = new Set([400, 413, 422]);

function isOfMessage(error: unknown): boolean {
  return error instanceof NotTaken && OF_THE_MESSAGE.has(error.status);
}

function send({ url, secret, ca }: Receiver, body: string, now: number): Promise<void> {
  const timestamp = String(Math.floor(now / 1000));
  const headers = {
    'rowgate-timestamp': timestamp,
    ...(secret !== undefined && { 'rowgate-signature': signatureOf(secret, timestamp, body) }),
  };
  return post({ url, ca, headers }, 'application/json', body, undefined, WITHIN_MS);
}
