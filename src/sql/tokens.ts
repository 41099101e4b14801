/** The tokens of a text by PostgreSQL's own scanner, with character offsets and matched brackets. */
import * as pgQuery from 'libpg-query';

export interface Token {
  /** Characters of the text. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Lower case for keywords, `(`-like characters as they are, '' for identifiers, operators and literals. */
  readonly word: string;
  /** `IDENT`, `SCONST`, …, as the scanner names them. */
  readonly name: string;
  /** Index of the token that closes (or opens) this bracket; CASE and END are brackets too. -1 for all else. */
  readonly match: number;
}

const OPENS = new Map([
  ['(', ')'],
  ['[', ']'],
  ['case', 'end'],
]);
const CLOSES = new Set([')', ']', 'end']);

/** Scans `text`; comments are left out. `toChar` maps bytes of UTF-8 to characters. */
export function tokenize(text: string, toChar: (byte: number) => number): Token[] {
  const raw = pgQuery.scanSync(text).tokens.filter((t) => t.tokenName !== 'SQL_COMMENT' && t.tokenName !== 'C_COMMENT');
  const tokens = raw.map((t) => {
    const start = toChar(t.start);
    const end = toChar(t.end);
    const source = text.slice(start, end);
    const isWord = t.keywordKind > 0 || t.tokenName.startsWith('ASCII_') || t.tokenName === 'UNKNOWN';
    return { start, end, text: source, word: isWord ? source.toLowerCase() : '', name: t.tokenName, match: -1 };
  });
  const open: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    // A word behind a dot or AS is a name, whatever it says.
    const isName = /^[a-z]/.test(token.word) && ['.', 'as'].includes(tokens[i - 1]?.word ?? '');
    if (isName) continue;
    if (OPENS.has(token.word)) open.push(i);
    else if (CLOSES.has(token.word)) {
      const opener = open[open.length - 1];
      if (opener === undefined || OPENS.get(tokens[opener]!.word) !== token.word) continue;
      open.pop();
      tokens[opener]!.match = i;
      token.match = opener;
    }
  }
  return tokens;
}

/** The index of the token that starts at, or holds, character `at`; -1 where there is none. */
export function tokenAt(tokens: readonly Token[], at: number): number {
  let low = 0;
  let high = tokens.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const token = tokens[middle]!;
    if (at < token.start) high = middle - 1;
    else if (at >= token.end) low = middle + 1;
    else return middle;
  }
  return -1;
}
