/**
 * What one window of time holds: amounts by slot. A window of length W has 60 slots, and a slot counts as long as any of it lies inside
 * of the window: an amount leaves it between W and W·(1+1/60) after it was taken, never earlier. `per day` has one slot, the calendar day.
 */
import type { CalendarDays } from './days.ts';
import type { WindowOfMeasure } from './measure.ts';

export const SLOTS = 60;

const UNIT_MS = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** Names the window: the same for those that hold the same (`60 minutes`, `1 hour`). */
export function windowKey({ count, unit }: WindowOfMeasure): string {
  return isCalendarDay({ count, unit }) ? 'day' : String(lengthOf({ count, unit }));
}

export function isCalendarDay({ count, unit }: WindowOfMeasure): boolean {
  return count === 1 && unit === 'day';
}

/** In milliseconds; of a calendar day, most of them. */
export function lengthOf({ count, unit }: WindowOfMeasure): number {
  return count * UNIT_MS[unit];
}

/** The slots of a window on the line of time. */
export class SlotLine {
  private readonly length: number;

  constructor(
    readonly window: WindowOfMeasure,
    private readonly days: CalendarDays,
  ) {
    this.length = lengthOf(window);
  }

  /** The slot in which the instant lies. */
  slotOf(instant: number): number {
    if (isCalendarDay(this.window)) return this.days.dayOf(instant);
    return Math.floor((instant * SLOTS) / this.length);
  }

  /**
   * The oldest slot that still counts. Later ones count all, also those that lie in the future, where the clock was set
   * back: else what was taken before would be free again.
   */
  oldestAt(now: number): number {
    return isCalendarDay(this.window) ? this.slotOf(now) : this.slotOf(now) - SLOTS;
  }

  /** Whether what was counted at the instant still counts. */
  counts(instant: number, now: number): boolean {
    return this.slotOf(instant) >= this.oldestAt(now);
  }
}

export class Slots {
  private readonly amounts: Map<number, number>;
  private total: number;
  /** What was older than this was taken out. */
  private oldest = Number.NaN;

  /** `since`: what was granted before was not counted here. `amounts`: by slot, as `entries` gave them. */
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
    this.amounts.set(slot, (this.amounts.get(slot) ?? 0) + amount);
    this.total += amount;
  }

  /** Takes out what was added at the instant; what has left the window by itself is gone already. */
  remove(at: number, amount: number): void {
    const slot = this.line.slotOf(at);
    const held = this.amounts.get(slot) ?? 0;
    const rest = Math.max(0, held - amount);
    if (rest === 0) this.amounts.delete(slot);
    else this.amounts.set(slot, rest);
    this.total -= held - rest;
  }

  /** What the window holds now. */
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
