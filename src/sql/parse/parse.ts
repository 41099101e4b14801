/** Parses text with PostgreSQL's own grammar (libpg-query), under caps; everything it cannot hold is a problem, never an exception. */
import { Buffer } from 'node:buffer';
import { lex } from '../text/lexer.ts';
import { type Token, tokenize } from '../text/tokens.ts';
import { isNestedTooDeeply, MOST_TOKENS, operatorWork, SHORT } from './parse-cost.ts';
import { fingerprintModule, type Library, ParserFault, parserModule } from './parser-module.ts';
import type { Node } from './tree.ts';
import { UNLIMITED_WORK, type WorkLimit } from './work-limit.ts';

/** Longer statement texts are refused, in bytes of UTF-8: a longer one has never been seen from an application, and parsing holds the event loop. */
export const MAX_STATEMENT_BYTES = 1024 * 1024;

export interface ParsedStatement {
  readonly node: Node;
  /** Characters of the text: from the first token on, to the semicolon or the end. */
  readonly start: number;
  readonly end: number;
}

export interface ParsedText {
  readonly text: string;
  readonly statements: readonly ParsedStatement[];
  /** Spent by whatever walks over the statements. */
  readonly workLimit: WorkLimit;
  /** Bytes of UTF-8, as the tree's locations count, to characters (UTF-16 units) of `text`. */
  toChar(byte: number): number;
  /** The tokens with character offsets, without comments. Made on first use. */
  tokens(): readonly Token[];
}

export interface ParseProblem {
  readonly kind: 'syntax' | 'too-large' | 'too-long' | 'too-complex';
  readonly message: string;
  /** Characters of the text, from 1. */
  readonly position?: number;
}

/** Loads the parser's WebAssembly; once, before the first `parse`. Without fingerprints, which only a log needs, those of judgements are empty. */
export async function loadParser({ fingerprints = true } = {}): Promise<void> {
  await Promise.all([parserModule.load(), fingerprints && fingerprintModule.load()]);
}

/** The message for a statement whose judgement was given up. */
export const TOO_COMPLEX = 'statement is too complex to judge';

export interface ParseOptions {
  /** Of all that is done with the parsed text. Default: endless. */
  readonly workLimit?: WorkLimit;
  /** Default: that of a client's text. */
  readonly mostTokens?: number;
}

/**
 * Parses a message's text. A text with a NUL byte is refused: the parser would silently drop what follows it. Throws ParserFault if the parser has
 * failed and is being replaced: then no text can be judged.
 */
export function parse(
  text: string,
  { workLimit = UNLIMITED_WORK, mostTokens = MOST_TOKENS }: ParseOptions = {},
): ParsedText | ParseProblem {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_STATEMENT_BYTES) {
    return {
      kind: 'too-long',
      message: `statement is too long: ${bytes} bytes, at most ${MAX_STATEMENT_BYTES} are read`,
    };
  }
  // What follows a NUL byte would reach the server unread.
  const nul = text.indexOf('\u0000');
  if (nul >= 0)
    return { kind: 'syntax', message: 'invalid byte sequence for encoding "UTF8": 0x00', position: nul + 1 };
  if (operatorWork(text) === 'too much') return { kind: 'too-large', message: 'operator too long' };
  // The parser cannot be stopped, and does not survive its stack's end: what is too much for it, it is not given.
  if (text.length > SHORT) {
    const lexed = lex(text, mostTokens);
    if (lexed.count > mostTokens) return { kind: 'too-complex', message: TOO_COMPLEX };
    if (isNestedTooDeeply(text, lexed)) return tooDeep();
  }
  const raw = rawStatements(text);
  if ('kind' in raw) return raw;
  const toChar = characterIndex(text, bytes);
  let tokens: readonly Token[] | undefined;
  const statements: ParsedStatement[] = [];
  for (const s of raw) {
    if (!s.stmt) continue;
    const start = s.stmt_location ?? 0;
    const end = s.stmt_len ? start + s.stmt_len : bytes;
    statements.push({ node: s.stmt, start: toChar(start), end: toChar(end) });
  }
  return {
    text,
    statements,
    workLimit,
    toChar,
    tokens: () => {
      tokens ??= tokenize(text);
      return tokens;
    },
  };
}

/** True where `parse` gave a tree. */
export function isParsed(outcome: ParsedText | ParseProblem): outcome is ParsedText {
  return 'statements' in outcome;
}

type RawStatements = readonly { stmt?: Node; stmt_location?: number; stmt_len?: number }[];

function rawStatements(text: string): RawStatements | ParseProblem {
  // The empty text contains no statement; the library throws on it.
  if (text === '') return [];
  try {
    return parserModule.use((library) => {
      try {
        return library.parseSync(text).stmts ?? [];
      } catch (error) {
        return problemOf(library, error);
      }
    });
  } catch (error) {
    // The parser's stack is on JavaScript's. The text is at fault, whatever state the parser is in.
    if (error instanceof ParserFault && error.cause instanceof RangeError) return tooDeep();
    throw error;
  }
}

/** Throws errors that are not about the text. */
function problemOf(library: Library, error: unknown): ParseProblem {
  if (!library.hasSqlDetails(error) || /out of memory/i.test(error.message)) throw error;
  const details = error.sqlDetails;
  const message = details?.message ?? error.message;
  // The grammar's own limits, reported as text.
  if (/memory exhausted|stack depth/i.test(message)) return tooDeep();
  return details && details.cursorPosition >= 0
    ? { kind: 'syntax', message, position: details.cursorPosition + 1 }
    : { kind: 'syntax', message };
}

function tooDeep(): ParseProblem {
  return { kind: 'too-large', message: 'statement is nested too deeply' };
}

function characterIndex(text: string, bytes: number): (byte: number) => number {
  if (bytes === text.length) return (byte) => byte;
  let map: Uint32Array | undefined;
  return (byte) => {
    map ??= byteMap(text, bytes);
    return map[Math.min(Math.max(byte, 0), bytes)] ?? text.length;
  };
}

function byteMap(text: string, bytes: number): Uint32Array {
  const map = new Uint32Array(bytes + 1);
  let byte = 0;
  for (let i = 0; i < text.length; ) {
    const code = text.codePointAt(i) as number;
    const length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (let k = 0; k < length; k++) map[byte + k] = i;
    byte += length;
    i += code > 0xffff ? 2 : 1;
  }
  map[bytes] = text.length;
  return map;
}
