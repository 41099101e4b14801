/**
 * Delivers what waits in the queue, oldest first, again and again until the receiver has taken it. One that the receiver does not take as it
 * is waits aside, so that it does not hold up what comes after it.
 */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { type AlarmFormat, bodyOf, type QueuedAlarm } from './message.ts';
import { MessageRefused, post, type Receiver } from './post.ts';
import type { AlarmQueue } from './queue.ts';

export interface DeliveryOptions {
  readonly queue: AlarmQueue;
  readonly receiver: Receiver;
  readonly format: AlarmFormat;
  readonly log: Logger;
  /** Milliseconds after the first failure; each further one doubles it, up to a hundred and fifty times as long. */
  readonly firstWaitMs?: number;
}

/** Others put alarms into the folder too, and say nothing of it. */
const LOOK_MS = 1_000;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT = 150;
/** So many in one go, and it is taken for the receiver that is at fault. */
const MOST_REFUSED = 20;

export class Delivery {
  private timer: NodeJS.Timeout | undefined;
  private working = false;
  private stopped = false;
  private failures = 0;
  /** By name: those that the receiver did not take, how often, and when they are tried again. */
  private readonly aside = new Map<string, { readonly times: number; readonly until: number }>();

  constructor(private readonly options: DeliveryOptions) {
    this.next(0);
  }

  /** Something was put into the queue. Not while the receiver is given time. */
  wake(): void {
    if (this.failures === 0 && !this.working) this.next(0);
  }

  /** What is under way may still arrive; the rest waits for the next start. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private next(waitMs: number): void {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => void this.work(), waitMs);
    // A guard that has ended does not stay for its alarms: they are on disk.
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
      // Said once, not at each attempt.
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
      if (refused >= MOST_REFUSED) throw new MessageRefused('the receiver takes no message');
    }
  }

  /** Rejects where the receiver takes nothing now. */
  private async isTaken(name: string, alarm: QueuedAlarm): Promise<boolean> {
    const { receiver, format, log, firstWaitMs = FIRST_WAIT_MS } = this.options;
    try {
      await post(receiver, bodyOf(alarm, format), Date.now());
      this.aside.delete(name);
      return true;
    } catch (error) {
      if (!(error instanceof MessageRefused)) throw error;
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
