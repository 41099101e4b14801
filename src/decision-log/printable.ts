/** Keeps what strangers name themselves from working on whoever reads a log in a terminal. */

/**
 * What JSON leaves as it is, but a terminal or an editor obeys: DEL and the C1 controls (an escape sequence in one character), other line
 * ends, marks that turn the direction of the text around.
 */
const OBEYED = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON, with these characters written as `\u…`. */
export function printable(json: string): string {
  return json.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
