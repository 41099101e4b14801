/** Where a line may be broken in a narrow column. */

/** So long are the words that Rowgate itself writes; what is longer is a name or a statement, and is broken where the line ends. */
export const LONGEST_WORD = 16;

/** The text in parts, between which a line may end: behind blanks, and behind a hyphen inside a word. */
export function unbroken(text: string): string[] {
  return text.split(/(?<= )(?=[^ ])|(?<=\p{L}-)(?=\p{L})/u);
}

/** The widest part that is not broken. */
export function widestWord(text: string): number {
  return Math.max(
    ...unbroken(text)
      .map((word) => word.trimEnd().length)
      .filter((width) => width <= LONGEST_WORD),
    0,
  );
}
