/** What another policy makes of a statement that was sent. What cannot be told is said to be that, and is never a pass. */
import type { Judgement } from '../../guard/decision.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { RuleRef } from '../../policy/source/rule.ts';
import { normalize } from '../../sql/text/normalize.ts';
import type { Template } from '../../sql/text/template.ts';
import { compareGrants } from '../diff/grants.ts';
import type { Session } from '../test/bench.ts';
import type { UsedStatement } from './use.ts';

export type Verdict =
  | { readonly kind: 'same' | 'narrower' | 'wider'; readonly words?: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string; readonly rule?: RuleRef | undefined }
  | { readonly kind: 'allowed'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly why: string };

export interface Replayed {
  readonly verdict: Verdict;
  /** Literals stand no more in the text: of these the verdict is what it most likely is. */
  readonly byShape: boolean;
}

/** A principal's sessions: by the policy of then, where that was kept, and by the other one; or why it has none. */
export interface Sessions {
  readonly before: Session | undefined;
  readonly after: Session | { readonly closed: string };
}

/** Reasons that no text alone decides: what limits, tokens and the guard's own state refused, the policy itself let through. */
const OF_STATE: ReadonlySet<string> = new Set([
  'limit-rows',
  'limit-bytes',
  'limit-changed',
  'limit-window',
  'estimated-rows',
  'not-estimated',
  'locked',
  'break-glass',
  'store-unavailable',
  'token-missing',
  'token-refused',
  'token-unchecked',
  'cancelled',
  'role-disabled',
  'not-recorded',
  'row-check',
  'pattern',
]);

export function replayed(used: UsedStatement, { before, after }: Sessions): Replayed {
  const unknown = (why: string): Replayed => ({ verdict: { kind: 'unknown', why }, byShape: false });
  const { text } = used;
  if (text === undefined || text === '') return unknown('the log has no text of it');
  if (text.endsWith('…')) return unknown('its text was cut');
  if (used.reason !== undefined && OF_STATE.has(used.reason)) return unknown(`${used.reason}: not decided by its text`);
  const closed = 'closed' in after ? after.closed : after.expired ? 'its time has ended' : undefined;
  if ('closed' in after || closed !== undefined) {
    const message = `the principal cannot log in: ${closed}`;
    return ran(used)
      ? { verdict: { kind: 'refused', reason: 'disabled', message }, byShape: false }
      : { verdict: { kind: 'same' }, byShape: false };
  }
  const byShape = hasNoLiterals(text);
  const old = before?.policy.judge(text);
  if (old && old.statements.length !== 1) return unknown('several statements in one text');
  // A text is no witness unless it is judged as the statement itself was.
  if (old && !isAsRecorded(used, old)) return unknown('its text alone is not judged as it was then');
  if (byShape && !old) return unknown('its literals are not in the log, nor the policy of then');
  const now = after.policy.judge(text);
  if (now.statements.length !== 1) return unknown('several statements in one text');
  return { verdict: verdictOf(used, old, now, before, after), byShape };
}

/** Scanned once: many principals send the same. */
const scanned = new Map<string, boolean>();

/** Its literals, if it had any, were taken out: a placeholder stands in it, and nothing that a log leaves out. */
function hasNoLiterals(text: string): boolean {
  let has = scanned.get(text);
  if (has === undefined) {
    has = /\$[0-9]/.test(text) && normalize(text) === text;
    scanned.set(text, has);
  }
  return has;
}

/** It has run, or would have but for what is no affair of the policy. */
function ran({ effect }: UsedStatement): boolean {
  return effect !== 'refuse';
}

function isAsRecorded({ effect, would, reason, tables, columns }: UsedStatement, old: Judgement): boolean {
  const alike = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();
  const [statement] = old.statements;
  return (
    (would ?? effect) === old.effect &&
    reason === old.refusal?.reason &&
    alike(tables, statement?.tables ?? []) &&
    alike(columns, statement?.columns ?? [])
  );
}

function verdictOf(
  used: UsedStatement,
  old: Judgement | undefined,
  now: Judgement,
  before: Session | undefined,
  after: Session,
): Verdict {
  if (now.refusal) {
    const { reason, message, rule } = now.refusal;
    return ran(used) ? { kind: 'refused', reason, message, rule } : { kind: 'same' };
  }
  if (!ran(used)) return { kind: 'allowed', reason: used.reason ?? 'refused' };
  // What was only observed gave everything.
  if (used.would !== undefined) return { kind: now.effect === 'allow' ? 'same' : 'narrower' };
  if (!old || !before) {
    const isPlain = used.effect === 'allow' && now.effect === 'rewrite';
    return isPlain ? { kind: 'narrower' } : { kind: 'unknown', why: 'the policy of then was not kept' };
  }
  if (filled(old.template, before) === filled(now.template, after)) return { kind: 'same' };
  const [was, is] = [ofTables(before.policy.role, used.tables), ofTables(after.policy.role, used.tables)];
  const changes = compareGrants(was, is);
  const attributes = [...after.attributes].every(([name, value]) => before.attributes.get(name) === value);
  const words = changes.map((change) => change.words).join('; ');
  const isNarrower = attributes && changes.length > 0 && changes.every(({ less }) => less);
  return { kind: isNarrower ? 'narrower' : 'wider', words };
}

function ofTables({ relations }: RolePolicy, tables: readonly string[]): RolePolicy['relations'] {
  const named = new Set(tables);
  return new Map([...relations].filter(([, { relation }]) => named.has(`${relation.schema}.${relation.name}`)));
}

function filled(template: Template, { attributes }: Session): string {
  return template
    .map((piece) => {
      if (typeof piece === 'string') return piece;
      return piece.kind === 'attribute' ? `\0${piece.name}=${attributes.get(piece.name)}\0` : `\0${piece.kind}\0`;
    })
    .join('');
}
