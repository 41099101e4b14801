/** Finds the places of a data-modifying statement's clauses in its text: the tree does not say where they begin and end. */
import type { Write } from '../../sql/analyze/findings.ts';
import { nameExtent } from '../../sql/text/extent.ts';
import { type Token, tokenAt } from '../../sql/text/tokens.ts';
import { NotRewritable, type Rewriter } from './rewriter.ts';

export interface ClausePlaces {
  /** After the target's name and alias. */
  readonly behindTarget: number;
  /** Where a missing WHERE would be: before RETURNING, or at the end. */
  readonly where: number;
  /** After the word RETURNING; at the end if there is none. */
  readonly returning: number;
  /** After everything. */
  readonly end: number;
  /** For each WHEN of a MERGE: after `WHEN [NOT] MATCHED …`, before its condition or THEN, and after `INSERT`. */
  readonly whens: readonly { readonly kind: number; readonly insert: number }[];
}

/** The clauses follow the target's name: what is in brackets between them is skipped. */
export function placesOf(w: Rewriter, write: Write): ClausePlaces {
  const tokens = w.parsed.tokens();
  const name = nameExtent(write.name.location, w.parsed);
  if (!name) throw new NotRewritable('no place for the target of a write');
  const first = endOfTarget(tokens, tokenAt(tokens, name.end - 1), write);
  const row = sideBySide(tokens, first);
  const returning = row.findIndex((i) => isWord(tokens, i, 'returning'));
  const beforeReturning = returning < 0 ? row.at(-1) : row[returning - 1];
  const last = row.at(-1);
  if (beforeReturning === undefined || last === undefined)
    throw new NotRewritable('no place for the clauses of a write');
  return {
    behindTarget: tokens[first]!.end,
    where: tokens[beforeReturning]!.end,
    returning: tokens[row[returning] ?? last]!.end,
    end: tokens[last]!.end,
    whens: write.command === 'MergeStmt' ? whensOf(tokens, row) : [],
  };
}

/** `name [*] [[AS] alias]`, or `ONLY (name)`. */
function endOfTarget(tokens: readonly Token[], name: number, { name: body }: Write): number {
  let i = name;
  if (body.inh !== true && tokens[i + 1]?.word === ')') i += 1;
  if (tokens[i + 1]?.word === '*') i += 1;
  if (!body.alias) return i;
  if (tokens[i + 1]?.word === 'as') i += 1;
  return i + 1;
}

/** Indexes of the tokens from `first` to the end of the statement, without those inside brackets; the brackets' ends are included. */
function sideBySide(tokens: readonly Token[], first: number): number[] {
  const row: number[] = [];
  for (let i = first; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.word === ';' || (i > first && token.match >= 0 && token.match < first)) break;
    if (token.match > i) i = token.match;
    row.push(i);
  }
  return row;
}

/** A word after a dot or AS is a name. */
function isWord(tokens: readonly Token[], i: number, word: string): boolean {
  return tokens[i]?.word === word && !['.', 'as'].includes(tokens[i - 1]?.word ?? '');
}

const MATCH_WORDS: ReadonlySet<string> = new Set(['when', 'not', 'matched', 'by', 'source', 'target']);

function whensOf(tokens: readonly Token[], row: readonly number[]): ClausePlaces['whens'] {
  const starts = row.filter((i) => isWord(tokens, i, 'when') && ['not', 'matched'].includes(tokens[i + 1]?.word ?? ''));
  return starts.map((start) => {
    let kind = start;
    while (MATCH_WORDS.has(tokens[kind + 1]?.word ?? '')) kind += 1;
    const then = row.find((i) => i > kind && isWord(tokens, i, 'then'));
    if (then === undefined) throw new NotRewritable('no place for WHEN');
    return { kind: tokens[kind]!.end, insert: tokens[then + 1]?.end ?? -1 };
  });
}
