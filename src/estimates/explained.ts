/** The text after EXPLAIN for a statement that is to run: itself, the query of a COPY, or the statement that an EXECUTE runs. */
import type { StatementKind } from '../guard/decision.ts';
import type { Sent } from '../session/admission/budget-port.ts';
import { type Token, tokenize } from '../sql/text/tokens.ts';

/** `text`: explained unchanged. `prepared`: `text` is what EXECUTE runs, `execute` the EXECUTE, both by the name that is given. */
export type Explained =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'prepared'; prepare(name: string): string; execute(name: string): string }
  | { readonly kind: 'nothing' }
  /** It reads, and cannot be explained. */
  | { readonly kind: 'unknown' };

const NOTHING: Explained = { kind: 'nothing' };
const UNKNOWN: Explained = { kind: 'unknown' };

/** Whether statements of this kind are estimated before they run. */
export function isExplained(kind: StatementKind): boolean {
  switch (kind.kind) {
    case 'read':
      return kind.catalogs !== true;
    case 'write':
    case 'copy-out':
    case 'declare':
    case 'execute':
      return true;
    // FETCH gives what its cursor was asked for, PREPARE runs nothing, EXPLAIN shows no rows, and what COPY brings in is read nowhere.
    case 'fetch':
    case 'prepare':
    case 'explain':
    case 'copy-in':
    case 'transaction':
    case 'set':
    case 'deallocate':
    case 'close':
    case 'discard':
    case 'listen':
    case 'temporary':
    case 'other':
      return false;
  }
}

/** What EXPLAIN is asked for a statement; `nothing` if it has no plan. */
export function explained(kind: StatementKind, sent: Sent): Explained {
  if (!isExplained(kind)) return NOTHING;
  const text = withoutSemicolons(sent.text);
  if (kind.kind === 'copy-out') return ofCopy(text);
  return kind.kind === 'execute' ? ofExecute(text, sent.prepare) : { kind: 'text', text };
}

/** An empty statement may precede the one that counts. */
function withoutSemicolons(text: string): string {
  return text.slice(tokenize(text).find(({ word }) => word !== ';')?.start ?? 0);
}

/** `COPY (query) TO …`, or `COPY [schema.]table [(columns)] TO …`, which copies that table alone, without its children. */
function ofCopy(text: string): Explained {
  const tokens = tokenize(text);
  if (tokens[0]?.word !== 'copy') return UNKNOWN;
  const first = tokens[1];
  if (first?.word === '(') {
    const end = tokens[first.match];
    return end ? { kind: 'text', text: text.slice(first.end, end.start) } : UNKNOWN;
  }
  const last = nameEnd(tokens, 1);
  if (last === undefined || !first) return UNKNOWN;
  return { kind: 'text', text: `SELECT * FROM ONLY ${text.slice(first.start, tokens[last]!.end)}` };
}

/** The index of the last token of a name that begins at `at`. */
function nameEnd(tokens: readonly Token[], at: number): number | undefined {
  if (!isName(tokens[at])) return undefined;
  return tokens[at + 1]?.word === '.' ? nameEnd(tokens, at + 2) : at;
}

function isName(token: Token | undefined): boolean {
  return token !== undefined && /^(?:"|[a-z_\u0080-\uffff])/i.test(token.text);
}

/** Both by a name of the guard's own, on a connection of its own. */
function ofExecute(text: string, prepare: string | undefined): Explained {
  if (prepare === undefined) return UNKNOWN;
  const named = renamed(text, 'execute');
  const prepared = renamed(withoutSemicolons(prepare), 'prepare');
  return named && prepared ? { kind: 'prepared', prepare: prepared, execute: named } : UNKNOWN;
}

/** The text with another name as its second word. */
function renamed(text: string, word: string): ((name: string) => string) | undefined {
  const [command, name] = tokenize(text);
  if (command?.word !== word || !name || !isName(name)) return undefined;
  return (other) => `${word.toUpperCase()} ${other}${text.slice(name.end)}`;
}
