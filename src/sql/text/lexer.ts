/**
 * Cuts a text into the tokens that PostgreSQL's scanner would find (manual, section 4.1), a hundred times faster than libpg-query hands
 * them over. What it finds bounds the work before the real parser is asked, and gives expressions their place; it never decides alone.
 */

/** What a token is. `word`: an identifier without quotes, or a keyword. `operator`: all that is made of signs, `::` and `:=` too. */
export const KIND = {
  word: 0,
  quoted: 1,
  string: 2,
  number: 3,
  parameter: 4,
  operator: 5,
  /** One of `,` `(` `)` `[` `]` `.` `;` `:` by itself, or a character that begins nothing. */
  single: 6,
} as const;

/** Tokens by their number: kinds and offsets in characters, without comments. */
export interface Lexed {
  readonly count: number;
  readonly kind: Uint8Array;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
}

/**
 * Cuts `text`; of one with more than `mostTokens` a part. `before`: such a part of the same text, with which it goes on, and which is not to be
 * used any more. An unfinished string or comment reaches to the end: the parser refuses such a text.
 */
export function lex(text: string, mostTokens = text.length, before?: Lexed): Lexed {
  const most = text.length + 1;
  // So few lie in the engine's own heap: to allocate more would take longer than to cut an everyday statement.
  let kind = before?.kind ?? new Uint8Array(Math.min(most, 16));
  let start = before?.start ?? new Uint32Array(kind.length);
  let end = before?.end ?? new Uint32Array(kind.length);
  let count = before?.count ?? 0;
  let run = NO_RUN;
  let at = skipBlank(text, count > 0 ? end[count - 1]! : 0);
  while (at < text.length && count <= mostTokens) {
    if (count === kind.length) {
      const size = Math.min(most, count * 4);
      kind = grown(kind, new Uint8Array(size));
      start = grown(start, new Uint32Array(size));
      end = grown(end, new Uint32Array(size));
    }
    const first = text.charCodeAt(at);
    const found = beginsWord(first) ? KIND.word : kindAt(text, at, first);
    start[count] = at;
    const prefixed = found === KIND.word ? prefixedKind(text, at, first) : undefined;
    kind[count] = prefixed ?? found;
    if (found === KIND.operator) {
      if (at >= run.end && isOperatorCharacter(first)) run = operatorRun(text, at);
      // `::` `:=` `..`
      at = at < run.end ? endInRun(run, at) : at + 2;
    } else at = prefixed !== undefined ? endOfPrefixed(text, at, first) : endOf(text, at, found);
    end[count] = at;
    count += 1;
    at = skipBlank(text, at);
  }
  return { count, kind, start, end };
}

function grown<T extends Uint8Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

const PLUS = 43;
const MINUS = 45;
const QUOTE = 39;
const DOUBLE_QUOTE = 34;
const DOLLAR = 36;
const BACKSLASH = 92;

function beginsWord(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code >= 128;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function continuesWord(code: number): boolean {
  return beginsWord(code) || isDigit(code) || code === DOLLAR;
}

/** Space, tab, line feed, carriage return, form feed, vertical tab: no other blank is one to PostgreSQL. */
function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

const OPERATOR_CHARACTERS = characterTable('~!@#^&|`?+-*/%<>=');

/** Also for the NaN that `charCodeAt` returns after the end. */
export function isOperatorCharacter(code: number): boolean {
  return code < OPERATOR_CHARACTERS.length && OPERATOR_CHARACTERS[code] === 1;
}

function characterTable(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

function kindAt(text: string, at: number, first: number): number {
  const second = text.charCodeAt(at + 1);
  if (first === QUOTE) return KIND.string;
  if (first === DOUBLE_QUOTE) return KIND.quoted;
  if (isDigit(first) || (first === 46 && isDigit(second))) return KIND.number;
  if (first === DOLLAR) {
    if (isDigit(second)) return KIND.parameter;
    return dollarTag(text, at) === undefined ? KIND.single : KIND.string;
  }
  if (isOperatorCharacter(first)) return KIND.operator;
  // `::` `:=` `..`
  if (first === 58 && (second === 58 || second === 61)) return KIND.operator;
  if (first === 46 && second === 46) return KIND.operator;
  return KIND.single;
}

/** The end of the number, or of the string in plain quotes, that begins at `at`; undefined if neither does. */
export function endOfLiteral(text: string, at: number): number | undefined {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at, closing);
  return isDigit(first) ? endOfNumber(text, at) : undefined;
}

function endOf(text: string, at: number, kind: number): number {
  switch (kind) {
    case KIND.word:
      return endOfWord(text, at);
    case KIND.string:
      return text.charCodeAt(at) === QUOTE ? endOfString(text, at, closing) : endOfDollarQuoted(text, at);
    case KIND.quoted:
      return closing(text, at + 1, DOUBLE_QUOTE);
    case KIND.number:
      return endOfNumber(text, at);
    case KIND.parameter:
      return endOfDigits(text, at + 1);
    default:
      return at + 1;
  }
}

function endOfWord(text: string, at: number): number {
  let i = at + 1;
  while (i < text.length && continuesWord(text.charCodeAt(i))) i += 1;
  return i;
}

/** `E'…'`, `B'…'`, `X'…'`, `U&'…'` and `U&"…"` begin like words; undefined for a word. Of `N'…'` the scanner makes two tokens. */
function prefixedKind(text: string, at: number, first: number): number | undefined {
  const next = text.charCodeAt(at + 1);
  const letter = first | 32;
  if (next === QUOTE && (letter === 101 || letter === 98 || letter === 120)) return KIND.string;
  if (letter !== 117 || next !== 38) return undefined;
  const quote = text.charCodeAt(at + 2);
  return quote === QUOTE ? KIND.string : quote === DOUBLE_QUOTE ? KIND.quoted : undefined;
}

function endOfPrefixed(text: string, at: number, first: number): number {
  const letter = first | 32;
  const quote = letter === 117 ? at + 2 : at + 1;
  if (text.charCodeAt(quote) === DOUBLE_QUOTE) return closing(text, quote + 1, DOUBLE_QUOTE);
  // Only in E'…' does a backslash keep a quote from closing; standard_conforming_strings is pinned.
  if (letter === 101) return endOfString(text, quote, closingEscaped);
  return endOfString(text, quote, letter === 117 ? closing : closingBits);
}

/** The position after the closing quote; a doubled quote does not close. */
function closing(text: string, from: number, quote = QUOTE): number {
  const sign = String.fromCharCode(quote);
  for (let i = from; ; i += 2) {
    i = text.indexOf(sign, i);
    if (i < 0) return text.length;
    if (text.charCodeAt(i + 1) !== quote) return i + 1;
  }
}

/** The end of a string, including continuations on further lines. */
function endOfString(text: string, open: number, close: (text: string, from: number) => number): number {
  for (let from = open; ; ) {
    const end = close(text, from + 1);
    const next = continuation(text, end);
    if (next < 0) return end;
    from = next;
  }
}

function closingEscaped(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i += 1;
    else if (code === QUOTE) {
      if (text.charCodeAt(i + 1) !== QUOTE) return i + 1;
      i += 1;
    }
  }
  return text.length;
}

/** `B'…'` and `X'…'` know no doubled quote. */
function closingBits(text: string, from: number): number {
  const at = text.indexOf("'", from);
  return at < 0 ? text.length : at + 1;
}

/** The quote that continues a string after a line break, with only blanks and `--` comments between; -1 if there is none. */
function continuation(text: string, end: number): number {
  let lines = 0;
  for (let i = end; i < text.length; ) {
    const code = text.charCodeAt(i);
    if (code === 10 || code === 13) lines += 1;
    if (isBlank(code)) i += 1;
    else if (code === 45 && text.charCodeAt(i + 1) === 45) i = endOfLine(text, i);
    else return code === QUOTE && lines > 0 ? i : -1;
  }
  return -1;
}

/** `$tag$` at a dollar sign; undefined if it opens no string. */
function dollarTag(text: string, at: number): string | undefined {
  let i = at + 1;
  if (beginsWord(text.charCodeAt(i))) {
    i += 1;
    while (i < text.length && continuesWord(text.charCodeAt(i)) && text.charCodeAt(i) !== DOLLAR) i += 1;
  }
  return text.charCodeAt(i) === DOLLAR ? text.slice(at, i + 1) : undefined;
}

function endOfDollarQuoted(text: string, at: number): number {
  const tag = dollarTag(text, at)!;
  const close = text.indexOf(tag, at + tag.length);
  return close < 0 ? text.length : close + tag.length;
}

function endOfDigits(text: string, at: number): number {
  let i = at;
  while (isDigit(text.charCodeAt(i))) i += 1;
  return i;
}

const NUMBER =
  /0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:\d(?:_?\d)*(?:\.(?!\.)(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:[eE][-+]?\d(?:_?\d)*)?/y;

function endOfNumber(text: string, at: number): number {
  const end = endOfDigits(text, at);
  // Nothing else goes on in a number but a point and what goes on in a word.
  const next = text.charCodeAt(end);
  if (end > at && next !== 46 && !continuesWord(next)) return end;
  NUMBER.lastIndex = at;
  NUMBER.test(text);
  return Math.max(NUMBER.lastIndex, at + 1);
}

/** Signs that allow an operator to end in `+` or `-`. */
const SPECIAL = characterTable('~!@#^&|`?%');

/**
 * A run of operator characters, up to another character or a comment. The scanner takes operators from its beginning, and reads four in `+-+-`:
 * analyzed once for all of them, since a text may be full of such runs.
 */
interface Run {
  readonly end: number;
  /** The positions after the last special sign, and after the last sign that is neither `+` nor `-`. 0: there is none. */
  readonly specialEnd: number;
  readonly unsignedEnd: number;
}

const NO_RUN: Run = { end: 0, specialEnd: 0, unsignedEnd: 0 };

function operatorRun(text: string, at: number): Run {
  let end = at;
  let specialEnd = 0;
  let unsignedEnd = 0;
  while (end < text.length) {
    const code = text.charCodeAt(end);
    if (!isOperatorCharacter(code) || (end > at && beginsComment(text, end))) break;
    end += 1;
    if (SPECIAL[code] === 1) specialEnd = end;
    if (code !== PLUS && code !== MINUS) unsignedEnd = end;
  }
  return { end, specialEnd, unsignedEnd };
}

/** The end of the operator that begins at `at` within the run. */
function endInRun({ end, specialEnd, unsignedEnd }: Run, at: number): number {
  return specialEnd > at ? end : Math.max(at + 1, unsignedEnd);
}

function beginsComment(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  const next = text.charCodeAt(at + 1);
  return (code === 45 && next === 45) || (code === 47 && next === 42);
}

function endOfLine(text: string, from: number): number {
  let i = from;
  while (i < text.length && text.charCodeAt(i) !== 10 && text.charCodeAt(i) !== 13) i += 1;
  return i;
}

function skipBlank(text: string, from: number): number {
  let i = from;
  while (i < text.length) {
    if (isBlank(text.charCodeAt(i))) i += 1;
    else if (!beginsComment(text, i)) return i;
    else i = text.charCodeAt(i) === 45 ? endOfLine(text, i) : endOfComment(text, i);
  }
  return i;
}

/** Comments of this kind nest. */
function endOfComment(text: string, from: number): number {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const next = text.charCodeAt(i + 1);
    if (code === 47 && next === 42) depth += 1;
    else if (code === 42 && next === 47) depth -= 1;
    else continue;
    i += 1;
    if (depth === 0) return i + 1;
  }
  return text.length;
}
