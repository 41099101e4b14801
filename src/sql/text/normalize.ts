/** Makes of a statement's text what a log may keep: its shape, without literals and comments. Parsing and judging are elsewhere's. */

import { fingerprintModule, parserModule } from '../parse/parser-module.ts';
import { plainTokens, TOKEN, type ScannedToken as Token } from '../parse/scanner-tokens.ts';
import { KIND, type Lexed, lex } from './lexer.ts';

/** Characters after which a normalized text is cut. */
export const NORMALIZED_CAP = 4096;

/**
 * The text with each literal replaced by `$n`, numbered after the client's own parameters, without comments, and each gap between tokens made one
 * blank. A text to read, not to run: numbers in `LIMIT 5` and `numeric(8, 2)` go too, and so do the values of SET, which may be written as bare
 * words. Empty if the text does not scan. Call `loadParser()` before.
 */
export function normalize(sql: string): string {
  const lexed = lex(sql);
  const { beginning, parameters } = beginningOf(sql, lexed);
  const tokens = plainTokens(sql, lexed) ?? scanned(beginning);
  if (!tokens) return '';
  const values = settingValues(tokens);
  let next = parameters + 1;
  let out = '';
  let previous: Token | undefined;
  let previousWasLiteral = false;
  for (const [i, token] of tokens.entries()) {
    // A string that continues in the next line, or is followed by UESCAPE, is still one literal.
    if (previousWasLiteral && (isString(token) || isEscapeClause(tokens, i))) {
      previous = token;
      continue;
    }
    const literal = values.has(token) || !isShape(token);
    if (isSign(tokens, i)) continue;
    const text = literal ? `$${next++}` : token.text;
    if (out.length + text.length + 1 > NORMALIZED_CAP) return `${out}…`;
    const start = isSign(tokens, i - 1) ? tokens[i - 1]!.start : token.start;
    if (previous && (previous.end < start || wouldJoin(out, text))) out += ' ';
    out += text;
    previous = token;
    previousWasLiteral = literal;
  }
  return out;
}

/**
 * libpg_query's fingerprint, 16 hex digits: equal for statements that differ only in literals. Empty if the text does not parse, or is too large, or
 * if the parser is not loaded.
 */
export function fingerprint(sql: string): string {
  if (!fingerprintModule.isLoaded) return '';
  try {
    const print = fingerprintModule.ask((library) => library.fingerprintSync(sql));
    if (print instanceof Error) return '';
    // For text that does not parse, libpg-query returns the error's message, which quotes the text.
    return /^[0-9a-f]{16}$/.test(print) ? print : '';
  } catch {
    return '';
  }
}

/**
 * The text for the scanner: only as many tokens as can be shown (each has at least one character), without comments, and without the content of long
 * strings. Should a cut be wrong, the scanner can only refuse the text: it alone decides what is a literal.
 */
function beginningOf(sql: string, { count, kind, start, end }: Lexed): { beginning: string; parameters: number } {
  let parameters = 0;
  let beginning = '';
  for (let i = 0; i < count; i++) {
    if (kind[i] === KIND.parameter) parameters = Math.max(parameters, Number(sql.slice(start[i]! + 1, end[i])));
    if (i > NORMALIZED_CAP) continue;
    if (i > 0 && start[i]! > end[i - 1]!) beginning += ' ';
    beginning += kind[i] === KIND.string && end[i]! - start[i]! > LONG_STRING ? "''" : sql.slice(start[i], end[i]);
  }
  return { beginning, parameters };
}

const LONG_STRING = 100;

/** The server's tokens of a text, without comments. Undefined if it does not scan. The parser must be loaded. */
export function scanned(sql: string): Token[] | undefined {
  if (sql === '') return [];
  try {
    const scan = parserModule.ask((library) => library.scanSync(sql));
    if (scan instanceof Error) return undefined;
    return scan.tokens.filter((t) => t.tokenType !== TOKEN.SQL_COMMENT && t.tokenType !== TOKEN.C_COMMENT);
  } catch {
    return undefined;
  }
}

/** An allow-list. Only what can hold no value is kept as it was written; a token of a kind unknown here is taken for a literal. */
function isShape(token: Token): boolean {
  const type = token.tokenType;
  if (token.keywordKind !== 0 || type < 256) return true;
  if (type === TOKEN.IDENT || type === TOKEN.UIDENT || type === TOKEN.PARAM || type === TOKEN.OP) return true;
  return type >= TOKEN.TYPECAST && type <= TOKEN.NOT_EQUALS;
}

function isString(token: Token): boolean {
  return token.tokenType === TOKEN.SCONST || token.tokenType === TOKEN.USCONST;
}

/** The word UESCAPE after a string. After an identifier it stays, as what precedes is not a literal. */
function isEscapeClause(tokens: readonly Token[], i: number): boolean {
  return word(tokens[i]) === 'uescape' && tokens[i + 1]?.tokenType === TOKEN.SCONST;
}

/** A minus that belongs to the number after it, so that `= -5` and `= 5` have one shape. */
function isSign(tokens: readonly Token[], i: number): boolean {
  const after = tokens[i + 1];
  if (tokens[i]?.text !== '-' || !after || isShape(after) || isString(after)) return false;
  const before = tokens[i - 1];
  if (!before) return true;
  if (before.keywordKind !== 0) return before.keywordName === 'RESERVED_KEYWORD';
  return before.tokenType === TOKEN.OP || before.tokenType >= TOKEN.TYPECAST || '(,=<>[+*/%;'.includes(before.text);
}

/** The words that are values of a setting: `SET rowgate.token = "…"` is as good as a literal. */
function settingValues(tokens: readonly Token[]): ReadonlySet<Token> {
  const values = new Set<Token>();
  let first = '';
  let part: 'none' | 'name' | 'value' = 'none';
  for (const token of tokens) {
    if (token.text === ';') {
      first = '';
      part = 'none';
      continue;
    }
    if (first === '') first = word(token) || '-';
    if (!['set', 'alter', 'create'].includes(first)) continue;
    if (part === 'value' && (token.tokenType === TOKEN.IDENT || token.tokenType === TOKEN.UIDENT)) values.add(token);
    else if (part === 'name' && (token.text === '=' || word(token) === 'to')) part = 'value';
    else if (word(token) === 'set') part = 'name';
  }
  return values;
}

function word(token: Token | undefined): string {
  return token !== undefined && token.keywordKind !== 0 ? token.text.toLowerCase() : '';
}

/** `select'x'as` has no gaps, but `select$1as` would be one word. */
function wouldJoin(out: string, text: string): boolean {
  return /[\w$\u0080-\uffff]$/.test(out) && /^[\w$"\u0080-\uffff]/.test(text);
}
