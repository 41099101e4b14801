/** Says when the clock of this host and that of the store are apart: in the operators' log, and to who is to know. */
import type { Logger } from 'pino';
import type { AlarmSink } from '../core/alarm-sink.ts';
import type { BudgetStore } from '../metering/budget-store.ts';

export interface ClockWatchOptions {
  readonly store: Pick<BudgetStore, 'now'>;
  /** Of this host, milliseconds since the epoch. */
  own(): number;
  readonly alarms: AlarmSink;
  readonly log: Logger;
}

const LOOK_MS = 1_000;
const APART_MS = 60_000;
/** They agree again where they are no further apart than this: an offset about the minute is not told again and again. */
const TOGETHER_MS = 30_000;

/** By how much the store's clock is ahead, milliseconds. */
export function clockOffset({ store, own }: Pick<ClockWatchOptions, 'store' | 'own'>): number {
  return store.now() - own();
}

/** Returns how to stop. */
export function startClockWatch(options: ClockWatchOptions): () => void {
  const { alarms, log } = options;
  let apart = false;
  const look = (): void => {
    const offset = clockOffset(options);
    if (Math.abs(offset) <= (apart ? TOGETHER_MS : APART_MS)) {
      if (apart) {
        const text = 'the clock of this host and that of the state agree again';
        log.info(text);
        alarms.raise({ kind: 'clock-back', text });
      }
      apart = false;
      return;
    }
    if (apart) return;
    apart = true;
    const seconds = Math.round(Math.abs(offset) / 1_000);
    const text = `the clock of this host is ${seconds} seconds ${offset < 0 ? 'ahead of' : 'behind'} that of the state, by which locks, raises, permits, openings, observations and limits go`;
    log.error({ offsetMs: Math.round(offset) }, text);
    alarms.raise({ kind: 'clock-apart', text });
  };
  look();
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
