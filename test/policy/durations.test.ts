/** Tests that all places read durations by one grammar: the same texts, with the same meaning. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { duration } from '../../src/cli/ask-guard.ts';
import { formatProblem } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { readTime } from '../../src/decision-log/read/times.ts';
import { lock, roleLimits } from '../../src/policy/schema/limits-schema.ts';
import { readWindowLimit } from '../../src/policy/source/quantity.ts';

const S = 1_000;
const MINUTE = 60 * S;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Each spelling, and what was accepted in one place or another before, with its milliseconds. */
const SPELLINGS = [
  ['90000ms', 90 * S],
  ['90 s', 90 * S],
  ['90s', 90 * S],
  ['90 seconds', 90 * S],
  ['3m', 3 * MINUTE],
  ['3 min', 3 * MINUTE],
  ['3 minutes', 3 * MINUTE],
  ['1 minute', MINUTE],
  ['2h', 2 * HOUR],
  ['2 hours', 2 * HOUR],
  ['1 hour', HOUR],
  ['7d', 7 * DAY],
  ['7 days', 7 * DAY],
  ['1 day', DAY],
  ['2 w', 14 * DAY],
  ['2 weeks', 14 * DAY],
  ['1 week', 7 * DAY],
] as const;

const UPSTREAM = 'upstream: { url: "postgres://u@h/d"';
const config = (lines: string) => parseConfig('/etc/rowgate.yaml', `listen: 127.0.0.1:1\n${lines}\n`, {});
const NOW = Date.parse('2026-11-25T12:00:00Z');

/** Every key and option that takes a duration, and what it makes of one. */
const PLACES: Readonly<Record<string, (text: string) => unknown>> = {
  'timeouts.login': (text) => config(`${UPSTREAM} }\ntimeouts: { login: ${text} }`).config?.timeouts.loginMs,
  'timeouts.idle': (text) => config(`${UPSTREAM} }\ntimeouts: { idle: ${text} }`).config?.timeouts.idleMs,
  drain: (text) => config(`${UPSTREAM} }\ndrain: ${text}`).config?.drainMs,
  'upstream.connect_timeout': (text) =>
    config(`${UPSTREAM}, connect_timeout: ${text} }`).config?.upstream.connectTimeoutMs,
  'log.seal.every': (text) => config(`${UPSTREAM} }\nlog: { seal: { every: ${text} } }`).config?.log.seal.everyMs,
  'log.anchor.every': (text) =>
    config(`${UPSTREAM} }\nlog: { anchor: { to: a, every: ${text} } }`).config?.log.anchor?.everyMs,
  'log.keep': (text) => {
    const { keep } = config(`${UPSTREAM} }\nlog: { keep: ${text} }`).config?.log ?? {};
    const units: Record<string, number> = { ms: 1, second: S, minute: MINUTE, hour: HOUR, day: DAY, week: 7 * DAY };
    return keep && keep.amount * (units[keep.unit] ?? 0);
  },
  'limits.statement_timeout': (text) => {
    const read = roleLimits.safeParse({ statement_timeout: text });
    return read.success ? read.data.statementTimeout : undefined;
  },
  'lock.for': (text) => {
    const read = lock.safeParse({ after: '5 refusals per hour', for: text });
    return read.success ? read.data.duration : undefined;
  },
  '--for': (text) => duration(new Command(), '--for', text),
  '--since': (text) => {
    const read = readTime(text, { now: NOW, timeZone: 'UTC' });
    return 'value' in read ? NOW - read.value : undefined;
  },
  'a window': (text) => {
    const read = readWindowLimit(`5 per ${text}`, false);
    const units: Record<string, number> = { second: S, minute: MINUTE, hour: HOUR, day: DAY };
    return 'value' in read ? read.value.window.count * (units[read.value.window.unit] ?? 0) : undefined;
  },
};

describe.each(Object.keys(PLACES))('%s', (place) => {
  // In `log.keep`, `12m` could mean months.
  const none: Record<string, RegExp> = { 'a window': /ms$/, 'log.keep': /[0-9]m$/ };
  const spellings = SPELLINGS.filter(([text]) => !none[place]?.test(text));
  it.each(spellings)('reads %s', (text, ms) => expect(PLACES[place]?.(text)).toBe(ms));
});

it('months and years are of the calendar: for what is kept', () => {
  expect(config(`${UPSTREAM} }\nlog: { keep: 12 months }`).config?.log.keep).toEqual({ amount: 12, unit: 'month' });
  expect(config(`${UPSTREAM} }\nlog: { keep: 2years }`).config?.log.keep).toEqual({ amount: 2, unit: 'year' });
  expect(config(`${UPSTREAM} }\ndrain: 1 month`).config).toBeUndefined();
  expect(config(`${UPSTREAM} }\nlog: { keep: 12m }`).config, 'minutes or months').toBeUndefined();
});

it('a malformed duration is refused with one text', () => {
  const said = (lines: string): string => config(lines).problems?.map(formatProblem).join() ?? '';
  const text =
    /expected a duration such as "5 s" \(ms, s, minutes, hours, days, weeks(, months, years)?\), more than 0/;
  for (const wrong of ['soon', '5 fortnights', '0 s', '1.5 h', '5']) {
    for (const lines of [
      `${UPSTREAM} }\ntimeouts: { login: ${wrong} }`,
      `${UPSTREAM} }\ndrain: ${wrong}`,
      `${UPSTREAM}, connect_timeout: ${wrong} }`,
      `${UPSTREAM} }\nlog: { keep: ${wrong} }`,
      `${UPSTREAM} }\nlog: { seal: { every: ${wrong} } }`,
    ])
      expect(said(lines)).toMatch(text);
    const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    expect(() => duration(command, '--for', wrong)).toThrow(text);
  }
});
