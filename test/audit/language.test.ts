/** Tests the catalogues of messages of reports: each key in every language, with the same placeholders; numbers and times in each language's own form. */
import { describe, expect, it } from 'vitest';
import type { MessageKey, MessageText } from '../../src/decision-log/language/en.ts';
import { CATALOGUES, LANGUAGES, Speech } from '../../src/decision-log/language/speech.ts';

const formsOf = (message: MessageText): string[] => (typeof message === 'string' ? [message] : Object.values(message));
const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).toSorted();
const keys = Object.keys(CATALOGUES.en) as MessageKey[];

describe.each(LANGUAGES)('%s', (language) => {
  const catalogue = CATALOGUES[language];

  it('has each key, and no other', () => expect(Object.keys(catalogue).toSorted()).toEqual(keys.toSorted()));

  it.each(keys)('"%s" has the placeholders of every language', (key) => {
    const [english] = formsOf(CATALOGUES.en[key]).toReversed();
    const forms = formsOf(catalogue[key]);
    expect(forms.length).toBe(formsOf(CATALOGUES.en[key]).length);
    // Its last form is that of many; that of one may say it without a number.
    expect(placeholders(forms.at(-1) ?? '')).toEqual(placeholders(english ?? ''));
    for (const form of forms) {
      expect(form.trim()).toBe(form);
      expect(form).not.toBe('');
      expect(placeholders(english ?? '')).toEqual(expect.arrayContaining(placeholders(form)));
    }
  });
});

it.each([
  ['en', '2026-11-25 14:30:07', '2026-11-25 14:30', '12,345', '1.2 MB', '1 statement', '0 statements'],
  ['fr', '25/11/2026 14:30:07', '25/11/2026 14:30', '12\u202f345', '1,2 Mo', '1 requête', '0 requête'],
] as const)('%s writes times, numbers and plurals', (language, instant, minute, count, bytes, one, none) => {
  const speech = new Speech(language);
  const at = Date.UTC(2026, 10, 25, 13, 30, 7);
  expect(speech.instant(at, 'Europe/Paris')).toBe(instant);
  expect(speech.minute(at, 'Europe/Paris')).toBe(minute);
  expect(speech.count(12_345)).toBe(count);
  expect(speech.bytes(1.23 * 1024 * 1024)).toBe(bytes);
  expect(speech.say('statements', { n: 1 })).toBe(one);
  expect(speech.say('statements', { n: 0 })).toBe(none);
});

it('a value is not read again: text from the log is no placeholder', () => {
  const said = new Speech('en').say('person: title', { subject: '{key}', key: '$& {subject}' });
  expect(said).toBe('What the log says of {key} $& {subject}');
});
