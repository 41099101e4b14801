/** The tokens of a text with their words, and the brackets among them matched. */
import { KIND, lex } from './lexer.ts';

export interface Token {
  /** Characters of the text. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** What is written without quotes, in lower case: keywords, names, signs; '' for quoted names and literals. */
  readonly word: string;
  /** Index of the token that closes (or opens) this bracket; CASE and END are brackets too. -1 for all else. */
  readonly match: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const OPENS = new Map([
  ['(', ')'],
  ['[', ']'],
  ['case', 'end'],
]);
const CLOSES = new Set([')', ']', 'end']);

/** Cuts `text`; comments are left out. */
export function tokenize(text: string): Token[] {
  const { count, kind, start, end } = lex(text);
  const tokens: Mutable<Token>[] = new Array(count);
  for (let i = 0; i < count; i++) {
    const source = text.slice(start[i], end[i]);
    const isWord = kind[i] === KIND.word || kind[i] === KIND.operator || kind[i] === KIND.single;
    tokens[i] = { start: start[i]!, end: end[i]!, text: source, word: isWord ? source.toLowerCase() : '', match: -1 };
  }
  const open: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    // A word after a dot or AS is a name.
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

/** The index of the token that starts at, or contains, character `at`; -1 if there is none. */
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

/** Whether the token is that name, plain or in quotes. */
export function isName({ word, text }: Token, name: string): boolean {
  return word === name || text === `"${name.replaceAll('"', '""')}"`;
}
