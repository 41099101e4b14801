/** Maps a character of a YAML scalar's value to its position in the file, across quotes, escapes, folded lines and indentation. */
import type { Scalar } from 'yaml';

const ESCAPE_LENGTHS: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 };

/**
 * The offset in `text`, the file, of character `offset` of the scalar's value. White space that YAML folds is skipped, so the result is exact for
 * every character other than white space.
 */
export function offsetInFile(text: string, scalar: Scalar, offset: number): number {
  const start = scalar.range?.[0] ?? 0;
  const end = scalar.range?.[1] ?? text.length;
  const value = typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? '');
  const quote = scalar.type === 'QUOTE_DOUBLE' ? '"' : scalar.type === 'QUOTE_SINGLE' ? "'" : '';
  const block = scalar.type === 'BLOCK_LITERAL' || scalar.type === 'BLOCK_FOLDED';
  let at = block ? text.indexOf('\n', start) + 1 : start + quote.length;
  let last = at;
  for (let i = 0; i <= offset && i < value.length && at < end; i++) {
    const char = value[i] ?? '';
    if (quote === '"') at = skipEscapedBreaks(text, at, end);
    if (isSpace(char) && !(quote === '"' && writesSpace(text, at))) {
      last = at;
      if (text[at] === char && char !== '\n') at += 1;
      else at = skipSpace(text, at, end);
      continue;
    }
    // Indentation of a block, or a folded line break before this character.
    if (!isSpace(char)) at = skipSpace(text, at, end);
    last = at;
    at += writtenLength(text, at, quote);
  }
  return offset >= value.length ? at : last;
}

/** True if the scalar spans lines that YAML joins into one: a `--` comment in it would swallow what follows. */
export function isFolded(text: string, scalar: Scalar): boolean {
  if (scalar.type === 'BLOCK_LITERAL') return false;
  const [start, end] = scalar.range ?? [0, 0];
  return text.slice(start, end).trimEnd().includes('\n');
}

/** Offset of a comment after an unquoted scalar, on its last line; undefined if there is none. */
export function commentBehind(text: string, scalar: Scalar): number | undefined {
  if (scalar.type !== 'PLAIN' || !scalar.range) return undefined;
  const behind = /^[ \t]*(?=#)/.exec(text.slice(scalar.range[1]));
  return behind ? scalar.range[1] + behind[0].length : undefined;
}

/** True for an escape of white space, such as `\\n` or `\\x20`. */
function writesSpace(text: string, at: number): boolean {
  if (text[at] !== '\\') return false;
  const letter = text[at + 1] ?? '';
  const length = ESCAPE_LENGTHS[letter];
  if (length === undefined) return 'ntr \t'.includes(letter);
  return isSpace(String.fromCodePoint(Number.parseInt(text.slice(at + 2, at + length), 16)));
}

/** How many characters of the file write one character of the value. */
function writtenLength(text: string, at: number, quote: string): number {
  if (quote === "'" && text.startsWith("''", at)) return 2;
  if (quote === '"' && text[at] === '\\') {
    const next = text[at + 1] ?? '';
    return ESCAPE_LENGTHS[next] ?? 2;
  }
  return 1;
}

/** A backslash before a line break joins the lines: the break and the indentation after it are dropped. */
function skipEscapedBreaks(text: string, at: number, end: number): number {
  while (/^\\\r?\n/.test(text.slice(at, at + 3))) at = skipSpace(text, at + 1, end);
  return at;
}

function skipSpace(text: string, at: number, end: number): number {
  while (at < end && isSpace(text[at] ?? '')) at += 1;
  return at;
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\n' || char === '\r';
}
