/** Makes names that clients choose harmless to a terminal in which someone reads the log. */

/**
 * Characters that JSON leaves alone but terminals or editors interpret: DEL and the C1 controls (an escape sequence in one character), other line
 * ends, and direction marks.
 */
const OBEYED = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON, with these characters written as `\u…`. */
export function printable(json: string): string {
  return json.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
