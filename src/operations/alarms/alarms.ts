/** Takes alarms: writes each to disk at once, then delivers it to the receiver. */
import type { Logger } from 'pino';
import type { Alarm, AlarmSink } from '../../core/alarm-sink.ts';
import { newUlid } from '../../server/ulid.ts';
import type { QueuedAlarm } from './message.ts';
import type { AlarmQueue } from './queue.ts';

export interface AlarmsOptions {
  /** The guard's name. */
  readonly guard: string;
  readonly queue: AlarmQueue;
  readonly log: Logger;
  /** `count` older alarms were deleted to make room. */
  lost(count: number): void;
  /** An alarm was added to the queue. */
  queued?(): void;
}

export class Alarms implements AlarmSink {
  /** Time of the last alarm, in milliseconds. ULIDs of the same millisecond have no order, and the queue is sorted by id. */
  private last = 0;

  constructor(private readonly options: AlarmsOptions) {}

  raise(alarm: Alarm): void {
    const { guard, queue, log, lost, queued } = this.options;
    try {
      const now = Math.max(Date.now(), this.last + 1);
      this.last = now;
      const id = newUlid(now);
      const whole: QueuedAlarm = { id, time: new Date(now).toISOString(), guard, ...alarm };
      const dropped = queue.put(id, JSON.stringify(whole));
      if (dropped > 0) lost(dropped);
    } catch (error) {
      // The decision log has the event all the same.
      log.error({ err: error, alarm: alarm.text }, 'an alarm could not be put into the queue');
      return;
    }
    queued?.();
  }
}
