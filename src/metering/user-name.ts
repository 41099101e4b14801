/** Which names of people are told apart by whoever reads them: in logs, in commands, on a screen. */

/** Those in modern use everywhere (UAX #31, table 5), and what all scripts share. */
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
 * Letters with their marks, decimal digits, punctuation, the symbols of ASCII, and single blanks between them: all of it shows. Whatever
 * else Unicode has or will have (controls, other blanks, marks of direction, fillers, symbols) is in no name.
 */
export function isUserName(text: string): boolean {
  return NAME.test(text) && text.normalize('NFC') === text;
}
