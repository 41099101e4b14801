/** Where the alarms of a guard go, as `notify` says it. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { type AlarmSink, NO_ALARMS } from '../core/alarm-sink.ts';
import type { RecordSink } from '../decision-log/record-sink.ts';
import { Alarms } from '../operations/alarms/alarms.ts';
import { Delivery } from '../operations/alarms/delivery.ts';
import { AlarmQueue } from '../operations/alarms/queue.ts';
import { orStartError } from './start-error.ts';

export interface OpenAlarms extends AlarmSink {
  stop(): void;
}

/** Delivers what is in the queue: of several processes one does it. */
export async function openDelivery({ notify }: Config, log: Logger): Promise<Delivery | undefined> {
  if (!notify) return undefined;
  return orStartError(`could not make the queue of alarms ${notify.queue}`, async () => {
    const { url, secret, ca, format } = notify;
    const receiver = { url, ...(secret !== undefined && { secret }), ...(ca !== undefined && { ca }) };
    return new Delivery({ queue: new AlarmQueue(notify.queue), receiver, format, log });
  });
}

/** `delivers`: false where another process does. */
export async function openAlarms(
  config: Config,
  log: Logger,
  records: Pick<RecordSink, 'append'>,
  delivers: boolean,
): Promise<OpenAlarms> {
  const { notify, name } = config;
  if (!notify) return { raise: NO_ALARMS.raise, stop: () => {} };
  return orStartError(`could not make the queue of alarms ${notify.queue}`, async () => {
    const delivery = delivers ? await openDelivery(config, log) : undefined;
    const alarms = new Alarms({
      guard: name,
      queue: new AlarmQueue(notify.queue),
      log,
      lost: (count) => {
        const message = `${count} alarms that could not be delivered had to make room for newer ones`;
        log.error(message);
        records.append('alarms-lost', { message });
      },
      queued: () => delivery?.wake(),
    });
    return { raise: (alarm) => alarms.raise(alarm), stop: () => delivery?.stop() };
  });
}
