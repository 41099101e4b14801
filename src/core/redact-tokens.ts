/**
 * Removes tokens from text of other origin before it is shown or kept. A known token never gets here: this finds tokens at unexpected places, such as
 * a text that does not parse, or a name. Floor 0: imports nothing.
 */

/** A character as SQL and JSON can escape it, by its code in hex and octal. */
const escapes = (hex: string, octal: string): string =>
  `\\\\{1,2}(?:x${hex}|${octal}|u00${hex}|U000000${hex}|00${hex}|\\+0000${hex})`;

const escapesOf = (letter: string): string => {
  const code = letter.charCodeAt(0);
  const hex = code.toString(16).replace(/[a-f]/, (digit) => `[${digit}${digit.toUpperCase()}]`);
  return escapes(hex, code.toString(8).padStart(3, '0'));
};

/** How base64url begins where JSON begins with a brace and a quote, with blanks or lines between them or without. */
const BEGINNINGS = ['eyJ', 'eyAi', 'eyAg', 'ewogI', 'ewoJ', 'ew0K', 'ewkJ'];
const BEGINNING = new RegExp(
  BEGINNINGS.map((text) => [...text].map((letter) => `(?:${letter}|${escapesOf(letter)})`).join('')).join('|'),
);

const DOT = `\\.|${escapesOf('.')}`;
/** The characters of a token: each match is as long as possible; texts that consist of nothing else are searched in pieces. */
const WORD = new RegExp(`(?:[A-Za-z0-9_-]|${DOT}|${escapes('[0-9A-Fa-f]{2}', '[0-7]{3}')}){9,50000}`, 'g');
const DOTTED = new RegExp(DOT);

/** What every token has, escaped or not: asked first, since hardly any text has. */
const SUSPECT = /eyJ|eyA|ewo|ew0|ewk|\\/;

/** The text with each JSON web token replaced by `<token>`: whole or cut, in quotes, escaped or not. */
export function redactTokens(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return text.replace(WORD, (word, at: number) => {
    const begins = word.search(BEGINNING);
    if (begins < 0) return word;
    const before = begins > 0 ? word[begins - 1] : text[at - 1];
    // Without a dot it is the beginning of one, or a piece of something else that is written in base64.
    const isToken = DOTTED.test(word.slice(begins)) || !/[A-Za-z0-9+/_-]/.test(before ?? ' ');
    return isToken ? `${word.slice(0, begins)}<token>` : word;
  });
}
