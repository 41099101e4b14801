/** The words of the console's pages: both languages have each, with the same parameters; each is used; and numbers and dates are those of the language. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatsOf } from '../../src/console/web/format.ts';
import { EN } from '../../src/console/web/i18n/en.ts';
import { FR } from '../../src/console/web/i18n/fr.ts';

const WEB = join(import.meta.dirname, '../../src/console/web');
const sources = readdirSync(WEB, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file) && !/i18n\/(en|fr)\.ts$/.test(file))
  .map((file) => readFileSync(join(WEB, file), 'utf8'));

const PLURAL = /_(one|other)$/;
const keys = Object.keys(EN);
const stems = new Set(keys.map((key) => key.replace(PLURAL, '')));

/** Keys that the pages name, and beginnings of those that they put together. */
const named = new Set(sources.flatMap((text) => [...text.matchAll(/'([^'\n]+)'/g)].map(([, key]) => key!)));
const called = sources.flatMap((text) => [...text.matchAll(/\bt\(\s*'([^']+)'/g)].map(([, key]) => key!));
const begun = sources.flatMap((text) => [...text.matchAll(/\bt\(\s*`([^`$]+)\$\{/g)].map(([, start]) => start!));

const textOf = (words: Readonly<Record<string, string>>, key: string): string => words[key] ?? '';
const parametersOf = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

describe('the words', () => {
  it('are the same ones in both languages', () => expect(Object.keys(FR)).toEqual(keys));

  it('take the same parameters in both', () => {
    const differing = keys.filter((key) => `${parametersOf(textOf(EN, key))}` !== `${parametersOf(textOf(FR, key))}`);
    expect(differing).toEqual([]);
  });

  it('have no empty text, and in French a space that does not break before signs of two parts', () => {
    expect(keys.filter((key) => [EN, FR].some((words) => !/^\S(.*\S)?$/.test(textOf(words, key))))).toEqual([]);
    expect(keys.filter((key) => /[^\s\u00a0{][;?!»](\s|$)| [:;?!»]/.test(textOf(FR, key)))).toEqual([]);
  });

  it('have a plural wherever they have a singular', () => {
    const of = (form: string) => keys.filter((key) => key.endsWith(form)).map((key) => key.replace(PLURAL, ''));
    expect(of('_one')).toEqual(of('_other'));
  });

  it('are there for each key that a page names', () => {
    expect(called.length).toBeGreaterThan(300);
    expect(called.filter((key) => !stems.has(key))).toEqual([]);
    expect(begun.filter((start) => !keys.some((key) => key.startsWith(start)))).toEqual([]);
  });

  it('are all used', () => {
    const unused = [...stems].filter(
      (key) => !named.has(key) && !called.includes(key) && !begun.some((start) => key.startsWith(start)),
    );
    expect(unused).toEqual([]);
  });
});

describe('numbers and times', () => {
  const en = formatsOf('en', 'Europe/Paris');
  const fr = formatsOf('fr', 'Europe/Paris');
  const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ');

  it.each([
    ['number', en.number(12_345.678), '12,345.68'],
    ['number', fr.number(12_345.678), '12 345,68'],
    ['bytes', en.bytes(0), '0 bytes'],
    ['bytes', fr.bytes(11_500), '11,5 ko'],
    ['bytes', en.bytes(999_999), '1,000 kB'],
    ['bytes', en.bytes(2e15), '2,000 TB'],
    ['duration', fr.duration(13.555), '13,6 ms'],
    ['duration', en.duration(90_000), '1.5 min'],
    ['moment', en.moment('2026-11-27T18:19:20.327Z'), '27/11/2026, 19:19:20'],
    ['moment', fr.moment('2026-11-27T18:19:20.327Z'), '27/11/2026 19:19:20'],
    ['instant', fr.instant('2026-11-27T18:19:20.327Z'), '27/11/2026 19:19:20,327'],
    ['midnight', en.clock('2026-11-26T23:00:00Z'), '00:00:00'],
    ['wall', en.wall(Date.UTC(2026, 10, 27, 19, 19), 60_000), '27/11/2026, 19:19'],
    ['wall', fr.wall(Date.UTC(2026, 10, 27), 86_400_000), '27/11/2026'],
    ['tick', fr.wallTick(Date.UTC(2026, 10, 27, 19, 19), 60_000), '19:19'],
    ['tick', en.wallTick(Date.UTC(2026, 10, 27), 86_400_000), '27/11'],
    ['relative', en.relative('2026-11-27T18:00:00Z', Date.UTC(2026, 10, 27, 18, 3)), '3 minutes ago'],
    ['relative', fr.relative('2026-11-27T20:00:00Z', Date.UTC(2026, 10, 27, 18)), 'dans 2 heures'],
    ['list', fr.list(['a', 'b', 'c']), 'a, b et c'],
    ['no time at all', en.moment('soon'), 'soon'],
  ])('%s: %s is %s', (_, shown, expected) => expect(plain(shown)).toBe(expected));
});
