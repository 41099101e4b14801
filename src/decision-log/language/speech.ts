/** The words of a report in one language: messages from its catalogue, numbers and times by `Intl`. Data from the log is never translated. */
import { REASONS, type Reason } from '../../core/reasons.ts';
import { wallTime } from '../../policy/source/calendar.ts';
import { shownWall } from '../read/times.ts';
import { EN, type MessageKey, type MessageText } from './en.ts';
import { FR, FR_REASONS } from './fr.ts';

export const LANGUAGES = ['en', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

export type MessageValues = Readonly<Record<string, string | number>>;

export const CATALOGUES: Readonly<Record<Language, Readonly<Record<MessageKey, MessageText>>>> = { en: EN, fr: FR };

const LOCALES: Readonly<Record<Language, string>> = { en: 'en-GB', fr: 'fr-FR' };
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export class Speech {
  private readonly numbers: Intl.NumberFormat;
  private readonly tenths: Intl.NumberFormat;
  private readonly plurals: Intl.PluralRules;
  /** Only for French: English reports use ISO 8601. */
  private readonly times: ((step: number) => Intl.DateTimeFormat) | undefined;

  constructor(readonly language: Language) {
    const locale = LOCALES[language];
    this.numbers = new Intl.NumberFormat(locale);
    this.tenths = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
    this.plurals = new Intl.PluralRules(locale);
    if (language !== 'en') this.times = (step) => new Intl.DateTimeFormat(locale, timeParts(step));
  }

  /** Numbers are formatted for the language. */
  say(key: MessageKey, values: MessageValues = {}): string {
    const message = CATALOGUES[this.language][key];
    const text =
      typeof message === 'string'
        ? message
        : this.plurals.select(Number(values.n)) === 'one'
          ? message.one
          : message.other;
    return text.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      return typeof value === 'number' ? this.count(value) : (value ?? '');
    });
  }

  /** The meaning of a refusal's reason. */
  reason(reason: Reason): string {
    return this.language === 'fr' ? FR_REASONS[reason] : REASONS[reason].meaning;
  }

  count(amount: number): string {
    return this.numbers.format(amount);
  }

  /** `1.2 MB`, in units of 1024. */
  bytes(bytes: number): string {
    const units = this.say('units of bytes').split(' ');
    let amount = bytes;
    let unit = 0;
    while (amount >= 1024 && unit < units.length - 1) {
      amount /= 1024;
      unit += 1;
    }
    const rounded = unit === 0 || amount >= 100 ? Math.round(amount) : Math.round(amount * 10) / 10;
    return `${this.tenths.format(rounded)} ${units[unit]}`;
  }

  /** To the second, as local time. @param instant milliseconds since the epoch. */
  instant(instant: number, timeZone: string): string {
    return this.wall(wallTime(instant, timeZone));
  }

  minute(instant: number, timeZone: string): string {
    return this.wall(wallTime(instant, timeZone), MINUTE);
  }

  /** @param wall from `wallTime`. Parts smaller than `step` (milliseconds) are left out. */
  wall(wall: number, step = SECOND): string {
    return this.times ? this.times(step).format(wall) : shownWall(wall, step);
  }

  /** `minute`, `6 hours`. */
  step(step: number): string {
    if (step >= DAY) return this.say('step of days', { n: step / DAY });
    if (step >= HOUR) return this.say('step of hours', { n: step / HOUR });
    if (step >= MINUTE) return this.say('step of minutes', { n: step / MINUTE });
    return this.say('step of seconds', { n: step / SECOND });
  }

  /** The first `most` names, and the number of further ones. */
  list(names: readonly string[], most = 8): string {
    if (names.length === 0) return this.say('none');
    if (names.length <= most) return names.join(', ');
    return this.say('names and more', { names: names.slice(0, most).join(', '), n: names.length - most });
  }
}

function timeParts(step: number): Intl.DateTimeFormatOptions {
  return {
    timeZone: 'UTC',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    ...(step < DAY && { hour: '2-digit', minute: '2-digit' }),
    ...(step < MINUTE && { second: '2-digit' }),
  };
}

export const ENGLISH = new Speech('en');
