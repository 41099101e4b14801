/**
 * A text that sets a token is new each time, and judged as one that comes again: with something else in the token's place. Tokens are plain
 * literals then, without a quote or a backslash, so that the server's scanner reads just as much in both.
 */
import { applyEdits } from '../sql/text/edits.ts';
import type { Judgement, StatementJudgement } from './decision.ts';
import { moved as elsewhere } from './subjects/moved.ts';

/** Replaces the token; no token can equal it. */
const STAND_IN = 'rowgate_stand_in';

const TOKEN = /'([A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,})'/g;

export interface WithoutToken {
  readonly text: string;
  readonly token: string;
  /** Of the token in the client's text, in characters. */
  readonly at: number;
}

/** Undefined if the text has no token, or if its place cannot be determined. */
export function withoutToken(sql: string): WithoutToken | undefined {
  if (!MENTIONS.test(sql) || sql.includes(STAND_IN)) return undefined;
  const [found, ...more] = sql.matchAll(TOKEN);
  const token = found?.[1];
  if (!found || token === undefined || more.length > 0) return undefined;
  const at = found.index + 1;
  return { text: sql.slice(0, at) + STAND_IN + sql.slice(at + token.length), token, at };
}

const MENTIONS = /rowgate\.(token|logout)/i;

/** The judgement of the text without it, as one of the client's own text; undefined if that must be judged itself. */
export function ofToken(judged: Judgement, sql: string, { token, at }: WithoutToken): Judgement | undefined {
  // The literal is that of the setting, and the rest of the judgement does not depend on it.
  if (judged.effect === 'refuse' || judged.fault !== undefined) return undefined;
  if (judged.statements.filter(isStandIn).length !== 1) return undefined;
  const more = token.length - STAND_IN.length;
  const place = (of: number): number => (of > at ? of + more : of);
  const edits = judged.edits.map(({ start, end, text }) => ({ start: place(start), end: place(end), text }));
  const statements = judged.statements.map((statement): StatementJudgement => {
    const { extent, kind, disclosures } = statement;
    const moved = {
      ...(extent && { extent: { start: place(extent.start), end: place(extent.end) } }),
      ...(disclosures && { disclosures: elsewhere({ subjects: disclosures }, place).subjects }),
    };
    if (kind.kind !== 'set' || !kind.token || !isStandIn(statement)) return { ...statement, ...moved };
    return { ...statement, ...moved, kind: { kind: 'set', token: { ...kind.token, to: { value: token } } } };
  });
  return { ...judged, statements, template: applyEdits(sql, edits), edits };
}

function isStandIn({ kind }: StatementJudgement): boolean {
  const to = kind.kind === 'set' ? kind.token?.to : undefined;
  return typeof to === 'object' && 'value' in to && to.value === STAND_IN;
}

/** A token is remembered only by the session that set it, and a judgement of one is not used for another. */
export function holdsToken({ statements }: Judgement): boolean {
  return statements.some((statement) => {
    const to = statement.kind.kind === 'set' ? statement.kind.token?.to : undefined;
    return typeof to === 'object' && 'value' in to && !isStandIn(statement);
  });
}
