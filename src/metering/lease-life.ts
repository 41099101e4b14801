/** How long what was granted may lie unspent: no longer than the window takes it for just taken. */
import type { CalendarDays } from './days.ts';
import type { WindowOfMeasure } from './measure.ts';
import { isCalendarDay, lengthOf, SLOTS } from './window-slots.ts';

/**
 * The end of the slot that was booked, in the shortest window: milliseconds since the epoch of the store's clock.
 * What is spent by then leaves each window no earlier than if it had been booked as it was spent.
 */
export function endOfSlots(windows: readonly WindowOfMeasure[], at: number, days: CalendarDays): number {
  return Math.min(...windows.map((window) => endOfSlot(window, at, days)));
}

function endOfSlot(window: WindowOfMeasure, at: number, days: CalendarDays): number {
  if (isCalendarDay(window)) return days.startOf(days.dayOf(at) + 1);
  const slot = Math.floor((at * SLOTS) / lengthOf(window));
  return ((slot + 1) * lengthOf(window)) / SLOTS;
}
