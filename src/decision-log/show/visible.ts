/** Makes text from the log safe to display: characters that a terminal or editor would interpret are written out. */

/** Controls, other line ends, direction marks, and invisible characters. */
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** The same text on one line: a line end becomes a blank, the other characters `\\u…`. */
export function visible(text: string): string {
  return text.replace(OBEYED, (character) =>
    character === '\n' ? ' ' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
