/** Numbers, amounts and times as the reader's language writes them. Times are in the guard's time zone. */

export interface Formats {
  number(value: number): string;
  /** A share of one: `37 %`. */
  share(value: number): string;
  bytes(value: number): string;
  /** Milliseconds, in the unit that fits. */
  duration(ms: number): string;
  /** Date and time to the second. */
  moment(iso: string | number): string;
  /** To the millisecond: where the order of statements matters. */
  instant(iso: string | number): string;
  /** Time of day to the second. */
  clock(iso: string | number): string;
  /** A time that is already of the wall clock, as in the steps of reports: to the minute, or the day. */
  wall(ms: number, step: number): string;
  /** The same as short as an axis has room for: the day, or the time of day. */
  wallTick(ms: number, step: number): string;
  /** Time of day to the minute. */
  minute(iso: string | number): string;
  /** `2 minutes ago`, `in 3 hours`, from `now` on. */
  relative(iso: string | number, now: number): string;
  /** `a, b and c` */
  list(words: readonly string[]): string;
}

const STEPS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function formatsOf(language: string, timeZone: string | undefined): Formats {
  const zone = timeZone === undefined ? {} : { timeZone };
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });
  const day = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
  // British English has the day first, as French has, and no AM.
  const place = language === 'en' ? 'en-GB' : language;
  const moment = new Intl.DateTimeFormat(place, { ...zone, ...day, ...time });
  const instant = new Intl.DateTimeFormat(place, { ...zone, ...day, ...time, fractionalSecondDigits: 3 });
  const clock = new Intl.DateTimeFormat(place, { ...zone, ...time });
  const short = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const minute = new Intl.DateTimeFormat(place, { ...zone, ...short });
  const dayTick = new Intl.DateTimeFormat(place, { day: '2-digit', month: '2-digit', timeZone: 'UTC' });
  const minuteTick = new Intl.DateTimeFormat(place, { ...short, timeZone: 'UTC' });
  const wallDay = new Intl.DateTimeFormat(place, { ...day, timeZone: 'UTC' });
  const wallMinute = new Intl.DateTimeFormat(place, {
    ...day,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: 'UTC',
  });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const list = new Intl.ListFormat(language, { type: 'conjunction' });
  return {
    number: (value) => number.format(value),
    share: (value) => percent.format(value),
    bytes(value) {
      const step = Math.min(SIZES.length - 1, value < 1000 ? 0 : Math.floor(Math.log10(value) / 3));
      return unit(language, SIZES[step]!, value / 1000 ** step);
    },
    duration(ms) {
      const [name, length] = STEPS.find(([, length]) => ms >= length) ?? (['millisecond', 1] as const);
      return unit(language, name, ms / length);
    },
    moment: (iso) => safely(iso, (date) => moment.format(date)),
    instant: (iso) => safely(iso, (date) => instant.format(date)),
    clock: (iso) => safely(iso, (date) => clock.format(date)),
    wall: (ms, step) => safely(ms, (date) => (step >= STEPS[0][1] ? wallDay : wallMinute).format(date)),
    wallTick: (ms, step) => safely(ms, (date) => (step >= STEPS[0][1] ? dayTick : minuteTick).format(date)),
    minute: (iso) => safely(iso, (date) => minute.format(date)),
    relative(iso, now) {
      return safely(iso, (date) => {
        const ms = date.getTime() - now;
        const [name, length] = STEPS.find(([, length]) => Math.abs(ms) >= length) ?? (['second', 1000] as const);
        return relative.format(Math.trunc(ms / length), name);
      });
    },
    list: (words) => list.format(words),
  };
}

function unit(language: string, name: string, value: number): string {
  const digits = value >= 100 || Number.isInteger(value) ? 0 : 1;
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: name,
    unitDisplay: name === 'byte' ? 'long' : 'short',
    maximumFractionDigits: digits,
  }).format(value);
}

/** A time in a log may be invalid, as other programs can write it: it is shown as text. */
function safely(iso: string | number, format: (date: Date) => string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? String(iso) : format(date);
}
