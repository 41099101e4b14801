/** Names of end users that readers of logs, commands and screens can tell apart. */

/** Scripts in modern use everywhere (UAX #31, table 5), and characters that all scripts share. */
const SCRIPTS =
  `Common Inherited Arabic Armenian Bengali Bopomofo Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew
Hiragana Kannada Katakana Khmer Lao Latin Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan`.split(
    /\s+/,
  );
const SHOWN = `(?=[${SCRIPTS.map((script) => `\\p{Script=${script}}`).join('')}])(?!\\p{Default_Ignorable_Code_Point})`;
const LETTER = `${SHOWN}\\p{L}(?:${SHOWN}\\p{M})*`;
const OTHER = `${SHOWN}[\\p{Nd}\\p{P}$+<=>^\`|~]`;
const NAME = new RegExp(`^(?:${LETTER}|${OTHER}|(?<!^| ) (?! |$))+$`, 'u');

/**
 * Letters with their marks, decimal digits, punctuation, ASCII symbols, and single spaces between them: all are visible. Everything else in Unicode
 * (controls, other spaces, direction marks, fillers, symbols) is not allowed.
 */
export function isUserName(text: string): boolean {
  return NAME.test(text) && text.normalize('NFC') === text;
}
