/** Calendar days of a time zone, whatever its clocks do: windows of `per day` are cut by them. */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Of minutes whose day is remembered: those of now, and of grants that come back. */
const MOST_REMEMBERED = 1_000;

export class CalendarDays {
  private readonly format: Intl.DateTimeFormat;
  /** By minute: clocks are moved at full minutes. */
  private readonly remembered = new Map<number, number>();

  /** Throws RangeError for an unknown time zone. */
  constructor(timeZone: string) {
    this.format = new Intl.DateTimeFormat('en-US', { timeZone, year: 'numeric', month: 'numeric', day: 'numeric' });
  }

  /** The day in which the instant (milliseconds since the epoch) lies there, as a number that grows by one each day. */
  dayOf(instant: number): number {
    const minute = Math.floor(instant / MINUTE_MS);
    const known = this.remembered.get(minute);
    if (known !== undefined) return known;
    const parts = this.format.formatToParts(minute * MINUTE_MS);
    const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
    const day = Date.UTC(of('year'), of('month') - 1, of('day')) / DAY_MS;
    if (this.remembered.size >= MOST_REMEMBERED) this.remembered.clear();
    this.remembered.set(minute, day);
    return day;
  }

  /** The first instant of the day: midnight, or where the clocks leave midnight out, what follows. */
  startOf(day: number): number {
    // No zone is further from UTC than that.
    let before = (day - 1) * DAY_MS - 1;
    let after = (day + 1) * DAY_MS;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.dayOf(middle) < day) before = middle;
      else after = middle;
    }
    return after;
  }
}
