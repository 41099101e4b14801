/**
 * The amounts in one window, by slot. A window of length W has 60 slots. A slot counts as long as any part of it is inside the window, so an amount
 * leaves the window between W and W·(1+1/60) after it was taken, never earlier. `per day` has one slot, the calendar day.
 */
import type { CalendarDays } from './days.ts';
import type { WindowOfMeasure } from './measure.ts';

export const SLOTS = 60;

const UNIT_MS = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** The key of a window: equal for windows of equal length (`60 minutes`, `1 hour`). */
export function windowKey({ count, unit }: WindowOfMeasure): string {
  return isCalendarDay({ count, unit }) ? 'day' : String(lengthOf({ count, unit }));
}

export function isCalendarDay({ count, unit }: WindowOfMeasure): boolean {
  return count === 1 && unit === 'day';
}

/** In milliseconds; for a calendar day, the usual length. */
export function lengthOf({ count, unit }: WindowOfMeasure): number {
  return count * UNIT_MS[unit];
}

/** The slots of a window along the time axis. */
export class SlotLine {
  private readonly length: number;

  constructor(
    readonly window: WindowOfMeasure,
    private readonly days: CalendarDays,
  ) {
    this.length = lengthOf(window);
  }

  /** The slot that contains the instant. */
  slotOf(instant: number): number {
    if (isCalendarDay(this.window)) return this.days.dayOf(instant);
    return Math.floor((instant * SLOTS) / this.length);
  }

  /** The oldest slot that counts. All later ones do, even in the future: if the clock was set back, earlier usage must not become free. */
  oldestAt(now: number): number {
    return isCalendarDay(this.window) ? this.slotOf(now) : this.slotOf(now) - SLOTS;
  }

  /** Whether an amount booked at the instant still counts. */
  counts(instant: number, now: number): boolean {
    return this.slotOf(instant) >= this.oldestAt(now);
  }
}

export class Slots {
  private readonly amounts: Map<number, number>;
  private total: number;
  /** Slots before this one have been removed. */
  private oldest = Number.NaN;

  /** `since`: earlier grants are not counted here. `amounts`: by slot, from `entries`. */
  constructor(
    readonly line: SlotLine,
    readonly since: number,
    amounts: Iterable<readonly [number, number]> = [],
  ) {
    this.amounts = new Map(amounts);
    this.total = [...this.amounts.values()].reduce((sum, amount) => sum + amount, 0);
  }

  add(at: number, amount: number): void {
    if (amount === 0) return;
    const slot = this.line.slotOf(at);
    // It may be over, or the clock was set back: `at` looks again.
    if (slot < this.oldest) this.oldest = Number.NaN;
    this.amounts.set(slot, (this.amounts.get(slot) ?? 0) + amount);
    this.total += amount;
  }

  /** Removes what was added at the instant, unless it has already left the window. */
  remove(at: number, amount: number): void {
    const slot = this.line.slotOf(at);
    const held = this.amounts.get(slot) ?? 0;
    const rest = Math.max(0, held - amount);
    if (rest === 0) this.amounts.delete(slot);
    else this.amounts.set(slot, rest);
    this.total -= held - rest;
  }

  /** The amount in the window now. */
  at(now: number): number {
    const oldest = this.line.oldestAt(now);
    if (oldest !== this.oldest) {
      this.oldest = oldest;
      for (const [slot, amount] of this.amounts) {
        if (slot >= oldest) continue;
        this.amounts.delete(slot);
        this.total -= amount;
      }
    }
    return this.total;
  }

  entries(): [number, number][] {
    return [...this.amounts];
  }
}
