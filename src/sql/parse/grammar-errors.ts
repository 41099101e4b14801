/**
 * PostgreSQL's error for a text that its grammar does not accept, as far as the parser's library does not give it: the SQLSTATE if it is not 42601,
 * DETAIL and HINT. A test compares it with the server. The server itself cannot be asked: it may accept the text (another version), and then its
 * errors with the same SQLSTATE disclose objects.
 */
import { lex } from '../text/lexer.ts';

export interface GrammarError {
  readonly sqlstate: string;
  readonly detail?: string;
  readonly hint?: string;
  /** Always absent, even if the library reports a position. */
  readonly position?: undefined;
}

const SYNTAX: GrammarError = { sqlstate: '42601' };

/** By the beginning of the message. */
const BY_MESSAGE: readonly (readonly [message: string, error: GrammarError])[] = [
  ['LIMIT #,# syntax', { ...SYNTAX, hint: 'Use separate LIMIT and OFFSET clauses.' }],
  ['missing argument', { ...SYNTAX, hint: 'Use NONE to denote the missing argument of a unary operator.' }],
  [
    'UNENCRYPTED PASSWORD',
    { sqlstate: '0A000', hint: 'Remove UNENCRYPTED to store the password in encrypted form instead.' },
  ],
  [
    'invalid publication object list',
    {
      ...SYNTAX,
      detail: 'One of TABLE or TABLES IN SCHEMA must be specified before a standalone table or schema name.',
    },
  ],
  [
    'unrecognized row security option',
    { ...SYNTAX, hint: 'Only PERMISSIVE or RESTRICTIVE policies are supported currently.' },
  ],
  ['invalid byte sequence for encoding', { sqlstate: '22021', position: undefined }],
  ['precision for type float', { sqlstate: '22023' }],
  ['frame ', { sqlstate: '42P20' }],
  ['modulus for hash partition provided more', { sqlstate: '42710' }],
  ['remainder for hash partition provided more', { sqlstate: '42710' }],
  ['CREATE ASSERTION', { sqlstate: '0A000' }],
  ['CREATE SCHEMA IF NOT EXISTS', { sqlstate: '0A000' }],
  ['WITH CHECK OPTION not supported', { sqlstate: '0A000' }],
  ['only string constants are supported in JSON_TABLE', { sqlstate: '0A000' }],
  ['unrecognized JSON encoding', { sqlstate: '22023' }],
  ['aggregates cannot have output', { sqlstate: '0A000' }],
  ['constraints cannot be altered', { sqlstate: '0A000' }],
];

/** @param position in characters, from 1. */
export function grammarError(text: string, message: string, position: number | undefined): GrammarError {
  if (message === 'invalid Unicode escape') return unicodeEscape(text, position ?? 1);
  return BY_MESSAGE.find(([beginning]) => message.startsWith(beginning))?.[1] ?? SYNTAX;
}

/** In `E'…'`, or in `U&'…'` and `U&"…"`. */
function unicodeEscape(text: string, position: number): GrammarError {
  const { count, start } = lex(text);
  let at = 0;
  while (at + 1 < count && start[at + 1]! < position) at += 1;
  return /^u&/i.test(text.slice(start[at], start[at]! + 2))
    ? { ...SYNTAX, hint: 'Unicode escapes must be \\XXXX or \\+XXXXXX.' }
    : { sqlstate: '22025', hint: 'Unicode escapes must be \\uXXXX or \\UXXXXXXXX.' };
}
