/** What commands print. It goes out through here alone, so that no value from outside moves the cursor, colours or turns around what is read. */
import { relative } from 'node:path';

/** Control and format characters, unassigned code points, line ends except `\n`, and invisible characters. */
const NOT_SHOWN = /[^\P{C}\n\t]|[\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** The same text with these written as `\u…`: of JSON, the same JSON. */
export function shownText(text: string): string {
  return text.replace(NOT_SHOWN, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** The same in one line: of a value that is shown among others. */
export function oneLine(text: string): string {
  return shownText(text.replace(/[\r\n\t]+/g, ' '));
}

/** To standard output. False where it should be waited for. */
export function printOut(text: string): boolean {
  return process.stdout.write(shownText(text));
}

/** What another program reads to the letter: SQL, a text to be signed. On a terminal as all else. */
export function printExactly(text: string): void {
  process.stdout.write(process.stdout.isTTY ? shownText(text) : text);
}

/** The two control sequences that a command gives a terminal: to the first line, and empty from there. */
export function clearScreen(): void {
  process.stdout.write('\u001b[H\u001b[J');
}

export function printError(text: string): void {
  process.stderr.write(shownText(text));
}

/** A file as an editor shows it: relative to the working directory. */
export function shownPath(file: string): string {
  return relative(process.cwd(), file) || '.';
}

/** Prints each line as an error of the command. @returns the exit code of a failed command. */
export function printProblems(lines: readonly string[]): 1 {
  for (const line of lines) printError(`rowgate: ${line}\n`);
  return 1;
}
