/** How another policy would judge a statement that was sent. If that cannot be determined, the verdict says so, and never passes. */
import type { Judgement } from '../../guard/decision.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { RuleRef } from '../../policy/source/rule.ts';
import { normalize } from '../../sql/text/normalize.ts';
import type { Template } from '../../sql/text/template.ts';
import { compareGrants } from '../diff/grants.ts';
import type { TestSession } from '../test/bench.ts';
import type { UsedStatement } from './use.ts';

export type Verdict =
  | { readonly kind: 'same' | 'narrower' | 'wider'; readonly words?: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string; readonly rule?: RuleRef | undefined }
  | { readonly kind: 'allowed'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly why: string };

export interface ReplayedStatement {
  readonly verdict: Verdict;
  /** The text has no literals any more: the verdict is the most likely one. */
  readonly byShape: boolean;
}

/** A principal's sessions: by the policy of the time, if it was kept, and by the other one; or why there is no session. */
export interface ReplaySessions {
  readonly before: TestSession | undefined;
  readonly after: TestSession | { readonly closed: string };
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

export function replayed(used: UsedStatement, { before, after }: ReplaySessions): ReplayedStatement {
  const unknown = (why: string): ReplayedStatement => ({ verdict: { kind: 'unknown', why }, byShape: false });
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
  const byShape = !used.kept && hasNoLiterals(text);
  if (used.kept && !before) return unknown('the policy or the catalog of that time was not kept');
  const old = before?.policy.judge(text, used.kept?.types);
  if (old && old.statements.length !== 1) return unknown('several statements in one text');
  // The text alone is evidence only if it is judged as the statement itself was.
  if (old && !isAsRecorded(used, old)) return unknown('its text alone is not judged as it was then');
  if (byShape && !old) return unknown('neither its literals nor the policy of that time are in the log');
  const now = judged(after, used, text);
  if (now.statements.length !== 1) return unknown('several statements in one text');
  return { verdict: verdictOf(used, old, now, before, after), byShape };
}

/** Of what an EXECUTE runs, where that is refused. */
function judged({ policy }: TestSession, { kept }: UsedStatement, text: string): Judgement {
  const run = kept?.runs && policy.judge(kept.runs.text, kept.runs.types);
  return run?.refusal ? run : policy.judge(text, kept?.types);
}

/** Scanned once: many principals send the same. */
const scanned = new Map<string, boolean>();

/** Its literals were removed, if it had any: the text contains placeholders, and nothing that a log leaves out. */
function hasNoLiterals(text: string): boolean {
  let has = scanned.get(text);
  if (has === undefined) {
    has = /\$[0-9]/.test(text) && normalize(text) === text;
    scanned.set(text, has);
  }
  return has;
}

/** It ran, or only failed for reasons other than the policy. */
function ran({ effect }: UsedStatement): boolean {
  return effect !== 'refuse';
}

function isAsRecorded({ effect, would, reason, tables, columns }: UsedStatement, old: Judgement): boolean {
  const alike = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();
  const [statement] = old.statements;
  // In observe mode `would` is of the whole message, and the reason of the statement.
  const isSame = would === undefined ? effect === old.effect : (reason !== undefined) === (old.effect === 'refuse');
  return (
    isSame &&
    reason === old.refusal?.reason &&
    alike(tables, statement?.tables ?? []) &&
    alike(columns, statement?.columns ?? [])
  );
}

function verdictOf(
  used: UsedStatement,
  old: Judgement | undefined,
  now: Judgement,
  before: TestSession | undefined,
  after: TestSession,
): Verdict {
  if (now.refusal) {
    const { reason, message, rule } = now.refusal;
    return ran(used) ? { kind: 'refused', reason, message, rule } : { kind: 'same' };
  }
  if (!ran(used)) return { kind: 'allowed', reason: used.reason ?? 'refused' };
  // In observe mode, it returned everything.
  if (used.would !== undefined) return { kind: now.effect === 'allow' ? 'same' : 'narrower' };
  if (!old || !before) {
    const isPlain = used.effect === 'allow' && now.effect === 'rewrite';
    return isPlain ? { kind: 'narrower' } : { kind: 'unknown', why: 'the policy of that time was not kept' };
  }
  const [was, is] = [ofTables(before.policy.role, used.tables), ofTables(after.policy.role, used.tables)];
  const unread = unreadColumns(old, now, [was, is]);
  const sent = (judgement: Judgement, session: TestSession): string =>
    withoutColumns(filled(judgement.template, session), unread);
  if (sent(old, before) === sent(now, after)) return { kind: 'same' };
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

/** Names of granted columns that the statement reads under neither policy: whether they are granted changes what is sent, and nothing of the answer. */
function unreadColumns(old: Judgement, now: Judgement, grants: readonly RolePolicy['relations'][]): string[] {
  const [read, after] = [old, now].map(({ statements }) => statements[0]?.columns ?? []) as [string[], string[]];
  // A star reads what is granted: it then tells another list.
  if (read.join() !== after.join()) return [];
  const columns = grants.flatMap((relations) =>
    [...relations.values()].flatMap(({ relation, select }) =>
      [...(select?.columns.keys() ?? [])].filter(
        (column) => !read.includes(`${relation.schema}.${relation.name}.${column}`),
      ),
    ),
  );
  return [...new Set(columns)];
}

/** The text without these columns in the select list of a guarded subquery. */
function withoutColumns(text: string, columns: readonly string[]): string {
  return columns.reduce((rest, name) => {
    const pattern = name.replaceAll('"', '""').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const column = `rowgate_row\\.(?:${pattern}|"${pattern}")`;
    return rest.replace(new RegExp(`${column}, |, ${column}(?= FROM )`, 'g'), '');
  }, text);
}

function filled(template: Template, { attributes }: TestSession): string {
  return template
    .map((piece) => {
      if (typeof piece === 'string') return piece;
      return piece.kind === 'attribute' ? `\0${piece.name}=${attributes.get(piece.name)}\0` : `\0${piece.kind}\0`;
    })
    .join('');
}
