/** Text from the log made safe to look at: what a terminal or an editor would obey is written out. */

/** Controls, other line ends, marks that turn the direction of the text around, and what shows as nothing. */
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** The same text in one line: a line end becomes a blank, the others of these `\\u…`. */
export function visible(text: string): string {
  return text.replace(OBEYED, (character) =>
    character === '\n' ? ' ' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
