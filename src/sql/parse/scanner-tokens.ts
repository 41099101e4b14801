/** Tokens as PostgreSQL's scanner numbers them; those of a plain text without asking it, which takes longer than to parse the text. */
import { KIND, type Lexed } from '../text/lexer.ts';

/** Tokens of PostgreSQL 18's grammar, by number; libpg-query gives no name to most. Single characters have their own code. */
export const TOKEN = {
  IDENT: 258,
  UIDENT: 259,
  SCONST: 261,
  USCONST: 262,
  OP: 265,
  ICONST: 266,
  PARAM: 267,
  TYPECAST: 268,
  NOT_EQUALS: 274,
  SQL_COMMENT: 275,
  C_COMMENT: 276,
} as const;

export interface ScannedToken {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly tokenType: number;
  /** 0: no keyword. */
  readonly keywordKind: number;
  readonly keywordName: string;
}

/** Longer texts are rare, and the scanner is asked. */
const LONGEST = 4_000;
/** Of names, operators and parameters. The scanner has words of its own about longer ones. */
const LONGEST_TOKEN = { name: 63, operator: 63, parameter: 9 };

/** Anything beyond ASCII, comments, backslashes, dollar quotes: what two scanners could cut otherwise. */
const UNPLAIN = /[^\t\n\r -~]|--|\/\*|\\|\$(?!\d)|\buescape\b/i;

const PLAIN_STRING = /^'(?:[^']|'')*'$/;
const PLAIN_NAME = /^"[^"]+"$/;
const PLAIN_NUMBER = /^\d+(?:\.\d+)?$/;
/** After SET, ALTER and CREATE words may be values, and only the scanner knows which words are keywords. */
const PLAIN_BEGINNING = /^(?:select|insert|update|delete|with)\b/i;

/**
 * The tokens of `text`, cut as in `lexed`, if none of them could be another token to PostgreSQL's scanner; undefined if the scanner must be asked.
 * Words are given as names, also keywords, and operators as OP: statements for which `normalize` needs the difference are left to the scanner.
 */
export function plainTokens(text: string, { count, kind, start, end }: Lexed): ScannedToken[] | undefined {
  if (text.length > LONGEST || !PLAIN_BEGINNING.test(text) || UNPLAIN.test(text)) return undefined;
  const tokens: ScannedToken[] = [];
  for (let i = 0; i < count; i++) {
    const from = start[i]!;
    const to = end[i]!;
    const source = text.slice(from, to);
    const tokenType = typeOf(source, kind[i]!);
    if (tokenType === undefined) return undefined;
    // What runs into something else may be one token to the scanner, or an error.
    if (i > 0 && from === end[i - 1] && !isSign(kind[i]!) && !isSign(kind[i - 1]!)) return undefined;
    // Whether a minus after a word belongs to the number depends on the word.
    if (tokenType === TOKEN.ICONST && i > 1 && kind[i - 2] === KIND.word && tokens[i - 1]!.text === '-')
      return undefined;
    if (i > 0 && tokens[i - 1]!.text === ';') return undefined;
    tokens.push({ start: from, end: to, text: source, tokenType, keywordKind: 0, keywordName: 'NO_KEYWORD' });
  }
  return tokens;
}

function typeOf(source: string, kind: number): number | undefined {
  switch (kind) {
    case KIND.word:
      return source.length > LONGEST_TOKEN.name ? undefined : TOKEN.IDENT;
    case KIND.quoted:
      return PLAIN_NAME.test(source) && source.length <= LONGEST_TOKEN.name ? TOKEN.IDENT : undefined;
    case KIND.string:
      return PLAIN_STRING.test(source) ? TOKEN.SCONST : undefined;
    case KIND.number:
      return PLAIN_NUMBER.test(source) ? TOKEN.ICONST : undefined;
    case KIND.parameter:
      return source.length > LONGEST_TOKEN.parameter ? undefined : TOKEN.PARAM;
    case KIND.operator:
      if (source.length > LONGEST_TOKEN.operator) return undefined;
      return ONE_SIGN.has(source) ? source.charCodeAt(0) : TOKEN.OP;
    case KIND.single:
      return source.charCodeAt(0);
    default:
      return undefined;
  }
}

/** Operators that have their own code, as single characters have. */
const ONE_SIGN: ReadonlySet<string> = new Set('+-*/%^<>=');

function isSign(kind: number): boolean {
  return kind === KIND.operator || kind === KIND.single;
}
