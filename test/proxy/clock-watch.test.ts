/** Tests the warning about an offset of more than a minute between the host's clock and the state's: once when it begins, and once when it is over. */
import pino from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startClockWatch } from '../../src/server/clock-watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([
  [1, 'behind'],
  [-1, 'ahead of'],
])('to either side (%i)', (sign, word) => {
  let offset = 0;
  const alarms: { kind: string; text: string }[] = [];
  const stop = startClockWatch({
    store: { now: () => 1_795_000_000_000 + sign * offset },
    own: () => 1_795_000_000_000,
    alarms: { raise: (alarm) => void alarms.push(alarm) },
    log: pino({ level: 'silent' }),
  });
  const told = (ms: number): string[] => {
    offset = ms;
    alarms.length = 0;
    vi.advanceTimersByTime(10_000);
    return alarms.map(({ kind }) => kind);
  };
  expect(told(59_000)).toEqual([]);
  expect(told(61_000)).toEqual(['clock-apart']);
  expect(alarms[0]?.text).toContain(`61 seconds ${word} that of the state`);
  expect(told(3_600_000)).toEqual([]);
  expect(told(59_000)).toEqual([]);
  expect(told(0)).toEqual(['clock-back']);
  expect(told(0)).toEqual([]);
  stop();
  expect(told(3_600_000)).toEqual([]);
});
