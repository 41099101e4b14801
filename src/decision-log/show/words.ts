/** Where a line may be broken in a narrow column. */

/** The longest word that Rowgate itself writes; anything longer is a name or statement, and is broken at the end of the line. */
export const LONGEST_WORD = 16;

/** The text in parts between which a line may end: after blanks, and after a hyphen inside a word. */
export function unbroken(text: string): string[] {
  return text.split(/(?<= )(?=[^ ])|(?<=\p{L}-)(?=\p{L})/u);
}

/** The widest unbroken part. */
export function widestWord(text: string): number {
  return Math.max(
    ...unbroken(text)
      .map((word) => word.trimEnd().length)
      .filter((width) => width <= LONGEST_WORD),
    0,
  );
}
