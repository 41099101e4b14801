/** Calendar days of a time zone, including changes to its clocks: windows of `per day` follow them. */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The most minutes to cache: those of the present, and of grants that are given back. */
const MOST_REMEMBERED = 1_000;

export class CalendarDays {
  private readonly format: Intl.DateTimeFormat;
  /** By minute: clocks change at full minutes. */
  private readonly remembered = new Map<number, number>();

  /** Throws RangeError for an unknown time zone. */
  constructor(timeZone: string) {
    this.format = new Intl.DateTimeFormat('en-US', { timeZone, year: 'numeric', month: 'numeric', day: 'numeric' });
  }

  /** The calendar day of an instant (milliseconds since the epoch), as a number that grows by one each day. */
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

  /** The first instant of the day: midnight, or the next instant if a clock change skips midnight. */
  startOf(day: number): number {
    // No zone differs more from UTC.
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
