/** A text without the values of its plain literals: what differs from another in nothing else has the same normalized text. */
import { KIND, lex } from '../../sql/text/lexer.ts';
import { numberShape } from '../../sql/text/number-shape.ts';
import { RESERVED_PREFIX } from '../rewrite/names.ts';

export interface NormalizedText {
  readonly key: string;
  /** Of the literals that were taken out, in order: characters of the text. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Longer texts are judged by themselves: their lists of constants are shortened (`sql/parse/bulk-constants.ts`). */
export const LONGEST = 4_000;

/** Replaces a literal in the key. No text that PostgreSQL reads contains it, so no text can imitate one. */
const MARK = '\u0001';

/** Undefined if the text has no such literal, or must be read in full. */
export function normalizedTextOf(text: string): NormalizedText | undefined {
  if (text.length >= LONGEST || UNSHARED.test(text)) return undefined;
  const { count, kind, start, end } = lex(text);
  const starts: number[] = [];
  const ends: number[] = [];
  let key = '';
  let from = 0;
  for (let i = 0; i < count; i++) {
    if (kind[i] !== KIND.string && kind[i] !== KIND.number) continue;
    // A number that runs into a word is an error, or the beginning of another number.
    if (start[i + 1] === end[i] && i + 1 < count && kind[i] === KIND.number && kind[i + 1] === KIND.word)
      return undefined;
    const shape = normalizedForm(text.slice(start[i], end[i]));
    if (shape === undefined) continue;
    key += `${text.slice(from, start[i])}${MARK}${shape}`;
    from = end[i]!;
    starts.push(start[i]!);
    ends.push(from);
  }
  return starts.length > 0 ? { key: key + text.slice(from), starts, ends } : undefined;
}

/** Names that rewriting makes are looked for in the whole text, literals too. */
export const UNSHARED = new RegExp(`[\\u0000${MARK}]|${RESERVED_PREFIX}`, 'i');

/**
 * Of two literals with one shape the grammar makes the same node, of the same type, and a word next to one of them would be just as far from the
 * other. Undefined: it stays in the key unchanged (other quotes, strings of several lines, hexadecimal, `1e3`).
 */
export function normalizedForm(literal: string): string | undefined {
  if (literal.startsWith("'")) return PLAIN_STRING.test(literal) ? 's' : undefined;
  const shape = numberShape(literal);
  // Some numbers with fractions or exponents have several spellings.
  return shape === 'unlike' || (shape === 'n' && !PLAIN_NUMBER.test(literal)) ? undefined : shape;
}

const PLAIN_STRING = /^'(?:[^']|'')*'$/;
const PLAIN_NUMBER = /^[0-9]+(?:\.[0-9]+)?$/;
