/** Names in SQL text (PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH, CLOSE): they share the server's namespaces with Parse and Bind. */
import { isDeepStrictEqual } from 'node:util';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Judgement, StatementJudgement, StatementKind, TextEdit } from '../../guard/decision.ts';
import type { Disclosure } from '../../guard/subjects/disclosure.ts';
import type { Template } from '../../sql/text/template.ts';
import { limitedOverTime } from '../admission/limits-over-time.ts';
import { inputLimits, mostOf, NO_LIMIT, rowsToAsk, statementLimits, type Usage } from '../admission/statement-meter.ts';
import { NamesOfMessage } from '../client/names-of-message.ts';
import { withOwnArguments } from '../client/own-arguments.ts';
import { cachedPlanChanged } from '../client/refusal-response.ts';
import type { Rendered } from '../client/render.ts';
import { revalidate } from '../client/revalidate.ts';
import type { EndUser } from '../end-user/end-user.ts';
import { follow } from '../end-user/statement-user.ts';
import type { SessionPolicy } from '../ports.ts';
import { Provenance } from '../server/provenance.ts';
import { isSamePolicy, onPathOf } from '../session-policy.ts';
import type { Conversation } from './conversation.ts';
import type { Execution } from './execution.ts';
import { MOST_REMEMBERED } from './names.ts';
import { pathChange } from './path-moves.ts';
import { leakyPatternIn } from './pattern-parameters.ts';
import { type Portal, Prepared } from './prepared.ts';
import { type Added, checkOf } from './row-check.ts';
import { cursorUnknown, outlives, statementUnknown, unsettled } from './unknown-names.ts';

/** What a statement's names turned out to be. */
export interface ResolvedNames {
  /** What an EXECUTE or FETCH runs, where that is known. */
  readonly inner: StatementJudgement | undefined;
  /** The count that it adds to: a cursor's, or a new one. */
  readonly usage: Usage;
  /** The server stops by itself one row above the limit. */
  readonly bounded: boolean;
  /** One row above so many, over all runs of the same result. */
  readonly most?: number | undefined;
  /** For an EXECUTE, also behind EXPLAIN: the prepared statement. */
  readonly runs?: Prepared;
  /** The end user whose attributes fill what it runs. */
  readonly madeFor?: EndUser | undefined;
  /** It runs what the same message has made. */
  readonly here?: true;
  /** The cursor, or the prepared statement as it is now: another one, once the name means anything else. */
  readonly named?: object;
}

/** What is named may not run. */
export interface LostName {
  readonly refuse: Refusal;
  /** The exception if judging it again failed. */
  readonly fault?: unknown;
}

/** `wait`: a name whose last definition is not settled. */
export type Resolution = { readonly of: readonly ResolvedNames[] } | (LostName & { readonly at: number }) | 'wait';

/** Looks up what the statements of one message name, each after those before it. */
export function resolveNames(
  c: Conversation,
  statements: readonly StatementJudgement[],
  policy: SessionPolicy,
): Resolution {
  const here = statements.length > 1 ? new NamesOfMessage() : NOTHING_BEFORE;
  const of: ResolvedNames[] = [];
  for (let at = 0; at < statements.length; at += 1) {
    const statement = statements[at]!;
    const resolved = resolve(c, statement, policy, here);
    if (resolved === 'wait') return 'wait';
    if ('refuse' in resolved) return { ...resolved, at };
    const refuse = uncounted(resolved.inner ?? statement, policy);
    if (refuse) return { refuse, at };
    of.push(resolved);
    if (at + 1 < statements.length) here.apply(statement, resolved.usage);
  }
  return { of };
}

/** For the only statement of a message: no earlier one has changed names. */
const NOTHING_BEFORE = new NamesOfMessage();

/** Where changed rows are limited, a statement that does not tell how many it changes does not run. */
function uncounted({ kind }: StatementJudgement, policy: SessionPolicy): Refusal | undefined {
  if ((kind.kind !== 'write' && kind.kind !== 'copy-in') || !kind.uncounted) return undefined;
  // Of one COPY the rows are counted that the client sends.
  const limited =
    limitedOverTime(policy).changed || (kind.kind === 'write' && inputLimits(policy, false) !== undefined);
  if (!limited || policy.role.mode !== 'enforce') return undefined;
  return refusal('unsupported', '0A000', `${kind.uncounted} is not supported where changed rows are limited`, {
    hint: 'Write to a plain table, in a statement of its own.',
  });
}

const fresh = (inner?: StatementJudgement): ResolvedNames => ({ inner, usage: { rows: 0, bytes: 0 }, bounded: false });

function resolve(
  c: Conversation,
  { kind }: StatementJudgement,
  policy: SessionPolicy,
  here: NamesOfMessage,
): ResolvedNames | LostName | 'wait' {
  switch (kind.kind) {
    case 'execute':
      return resolveNamed(c, kind, policy, here);
    case 'explain': {
      const resolved = kind.execute ? resolveNamed(c, kind.execute, policy, here) : fresh();
      if (resolved === 'wait' || 'refuse' in resolved || !resolved.inner) return resolved;
      const refuse = kind.analyzes && notAnalyzed(resolved.inner, policy);
      if (refuse) return { refuse };
      return { ...resolved, inner: explained(resolved.inner), bounded: false, most: undefined };
    }
    case 'fetch': {
      const version = c.portals.current(kind.name);
      const own = here.cursor(kind.name, version?.value);
      if (own === 'none') return { refuse: cursorUnknown(kind.name) };
      if (own === 'not known') return { refuse: notInOneMessage() };
      if (own !== 'unknown') return { ...fresh(own.statement), usage: own.usage, here: true };
      return resolveFetch(c, kind.name, policy);
    }
    case 'prepare':
      return c.statements.weight > MOST_REMEMBERED ? tooMany('prepared statements') : fresh();
    case 'declare':
      return c.portals.weight > MOST_REMEMBERED ? tooMany('open cursors') : fresh();
    default:
      return fresh();
  }
}

/** @param executed as EXECUTE names it, for itself or behind EXPLAIN. */
function resolveNamed(
  c: Conversation,
  { name, texts }: Pick<Extract<StatementKind, { kind: 'execute' }>, 'name' | 'texts'>,
  policy: SessionPolicy,
  here: NamesOfMessage,
): ResolvedNames | LostName | 'wait' {
  const own = here.statement(name);
  if (own === 'none') return { refuse: statementUnknown(name) };
  const resolved = own !== 'unknown' ? { ...fresh(own), here: true as const } : resolveExecute(c, name, policy, texts);
  if (resolved === 'wait' || 'refuse' in resolved) return resolved;
  const refuse = leakyPatternIn(texts, resolved.inner ?? {});
  return refuse ? { refuse } : resolved;
}

/** INVARIANT 133: its plan is a question about each subject that the statement itself tells of, as EXPLAIN of its words is. */
function explained({ check: _, disclosures, ...statement }: StatementJudgement): StatementJudgement {
  const asked = disclosures?.map(
    ({ subject, uncountable }): Disclosure => ({
      subject,
      access: { kind: 'question' },
      canFail: 'no',
      values: [],
      free: 'repeated',
      ...(uncountable !== undefined && { uncountable }),
    }),
  );
  return { ...statement, kind: { kind: 'explain' }, command: 'EXPLAIN', ...(asked && { disclosures: asked }) };
}

/**
 * INVARIANT 141: behind ANALYZE runs a read that is not checked, alone, and only where no group hides a row and nothing is told of people who are counted:
 * all else was judged to be run otherwise than for its plan.
 */
function notAnalyzed(
  { kind, check, disclosures = [] }: StatementJudgement,
  { role }: SessionPolicy,
): Refusal | undefined {
  const counted = disclosures.some(({ subject }) => role.limitedSubjects?.has(subject));
  if (kind.kind === 'read' && !check && role.minGroup === undefined && !counted) return undefined;
  const what = kind.kind === 'write' ? 'a write' : 'EXECUTE';
  return refusal('statement-not-allowed', '42501', `permission denied for EXPLAIN ANALYZE of ${what}`, {
    hint: 'Write the query itself behind EXPLAIN ANALYZE.',
    rule: role.rule,
  });
}

function tooMany(of: string): LostName {
  return {
    refuse: refusal('too-large', '54000', `too many ${of}`, { hint: 'CLOSE or DEALLOCATE those that are done.' }),
  };
}

function notInOneMessage(): Refusal {
  return refusal('unsupported', '0A000', 'FETCH cannot follow ROLLBACK TO SAVEPOINT in one message', {
    hint: 'Send the statements one by one.',
  });
}

/** `given`: its arguments. */
function resolveExecute(
  c: Conversation,
  name: string,
  policy: SessionPolicy,
  given: readonly unknown[] | undefined,
): ResolvedNames | LostName | 'wait' {
  const version = c.statements.current(name);
  if (unsettled(c, version)) return 'wait';
  const prepared = version?.value;
  // What an EXECUTE runs must be something that was judged. Functions of an unrestricted role may prepare, too.
  if (!prepared) return isFree(policy) ? fresh() : { refuse: statementUnknown(name) };
  if (!canExecute(prepared)) return { refuse: notByExecute(name) };
  // INVARIANT 175: more arguments than the client's own could pass for values of the guard's parameters, if these were not added behind them.
  if (prepared.rendered.added.length > 0 && given?.length !== prepared.parameters)
    return { refuse: wrongArguments(name) };
  const { filledFor } = prepared.rendered;
  // What a token fills in it may not be known for this policy.
  if (filledFor && prepared.policy !== policy) return { refuse: cachedPlanChanged() };
  const state = revalidate(prepared, policy, filledFor);
  if (state.kind === 'refused') return { refuse: state.refusal, fault: state.judgement.fault };
  if (state.kind === 'changed') return { refuse: cachedPlanChanged() };
  const { statement, rendered } = prepared;
  const bounded = statement?.kind.kind === 'read' && isBounded(rendered);
  return {
    ...fresh(statement),
    runs: prepared,
    named: rendered,
    madeFor: filledFor,
    bounded,
    most: bounded ? mostOf(rendered.limit ?? limitAsked(rendered, policy)) : undefined,
  };
}

/** By the argument that EXECUTE gives it. */
function limitAsked({ added }: Rendered, policy: SessionPolicy): bigint {
  return added.some(({ slot }) => slot.kind === 'limit') ? rowsToAsk(statementLimits(policy)) : NO_LIMIT;
}

/** What the client does not see of a statement's columns. Of EXECUTE it is what it would run now; it runs then only if that is still so. */
export function addedTo(c: Conversation, statement: StatementJudgement | undefined): Added | 'wait' {
  if (statement?.kind.kind !== 'execute') return statement && checkOf(statement)?.added;
  const version = c.statements.current(statement.kind.name);
  if (unsettled(c, version)) return 'wait';
  return checkOf(statement, version?.value?.statement)?.added;
}

function resolveFetch(c: Conversation, name: string, policy: SessionPolicy): ResolvedNames | LostName | 'wait' {
  const version = c.portals.current(name);
  if (outlives(c, version)) return 'wait';
  const portal = version?.value;
  if (!portal) return isFree(policy) ? fresh() : { refuse: cursorUnknown(name) };
  if (!isFree(policy) && !canFetch(portal)) return { refuse: notByFetch(name) };
  const lost = recheckPortal(portal, policy);
  const { statement, usage, bounded, most, madeFor } = portal;
  return lost ?? { ...fresh(statement), usage, bounded, most, madeFor, named: portal };
}

/** An open portal runs on under a new policy, if it would be opened alike. */
export function recheckPortal(portal: Portal, policy: SessionPolicy): LostName | undefined {
  // What it reads was settled when it was opened, whatever the session's path is now.
  if (isSamePolicy(portal.policy, policy))
    return runsUserCodeOnOtherPath(portal, policy) ? { refuse: cachedPlanChanged() } : undefined;
  const now = onPathOf(portal.policy, policy);
  if (!now) return { refuse: cachedPlanChanged() };
  const judgement = now.judge(portal.rendered.text, portal.prepared?.types);
  if (judgement.effect === 'refuse') return { refuse: judgement.refusal!, fault: judgement.fault };
  const { text, fills, judgement: before } = portal.rendered;
  if (
    formOf(portal, withOwnArguments(judgement, text, fills ? [fills] : []), now) !==
    formOf(portal, before, portal.policy)
  )
    return { refuse: openedOtherwise(portal) };
  portal.policy = now;
  if (portal.statement) portal.statement = toldAnew(portal.statement, judgement.statements);
  // INVARIANT 30: what the old policy let pass says nothing about the new one.
  portal.provenance = new Provenance();
  return undefined;
}

/**
 * INVARIANT 220: rows that a new policy withholds do not come from a cursor or portal that is open: it goes on only where its statement would be rewritten
 * alike, with the same attributes. The number of a row limit may differ: rows are counted by the limits of now.
 */
function formOf({ extent, madeFor }: Portal, { edits, statements }: Judgement, { principal }: SessionPolicy): string {
  const attributes = madeFor?.attributes ?? principal.attributes;
  const piece = (slot: Template[number]): string => {
    if (typeof slot === 'string') return slot;
    return slot.kind === 'attribute' ? `\0${slot.name} ${attributes.get(slot.name)}\0` : `\0${slot.kind}\0`;
  };
  const among = statements.length > 1 ? extent : undefined;
  const isOfIt = ({ start, end }: TextEdit): boolean => !among || (end >= among.start && start <= among.end);
  return edits
    .filter(isOfIt)
    .map(({ start, end, text }) => `${start} ${end} ${text.map(piece).join('')}`)
    .join('\0\0');
}

/** Drivers know what to do where it has not run. */
function openedOtherwise({ madeBy, hasRun }: Portal): Refusal {
  if (madeBy === 'bind' && !hasRun) return cachedPlanChanged();
  return refusal('unsupported', '0A000', 'the policy has changed what it may show', { hint: 'Open it again.' });
}

/**
 * INVARIANT 180: what was judged before may know nothing of people who count now. What the new policy does not judge alike of them is a question, and all that
 * it shows are values. @param statements of its text now, and what they declare.
 */
function toldAnew(opened: StatementJudgement, statements: readonly StatementJudgement[]): StatementJudgement {
  const now = statements.map((one) => (one.kind.kind === 'declare' ? one.kind.inner : one));
  const found = now.flatMap(({ disclosures = [] }) => disclosures);
  const { disclosures: before = [] } = opened;
  const changed = found.filter((one) => !before.some((other) => isDeepStrictEqual(one, other)));
  if (changed.length === 0) return opened;
  const asked = new Map(
    changed.map(({ subject, write }): [string, Disclosure] => {
      const question = {
        subject,
        access: { kind: 'question' },
        canFail: 'at-once',
        values: [],
        free: 'repeated',
      } as const;
      return [subject, { ...question, ...(write && { write }) }];
    }),
  );
  const kept = before.filter(({ subject }) => !asked.has(subject));
  return { ...opened, disclosures: [...kept, ...asked.values()] };
}

/** Code of users in it would look its names up by another path than when it was judged. */
function runsUserCodeOnOtherPath({ statement, policy: opened }: Portal, policy: SessionPolicy): boolean {
  return opened !== policy && policy.moved !== undefined && statement?.runsUserCode === true;
}

/**
 * Enters the effect of a run in SQL text on names and portals. The server has just reported that it is done; except for transaction control, nothing
 * else is on its way.
 */
export function applyNames(c: Conversation, run: Execution, rendered: Rendered, tag: string): void {
  // The policy that judged it, even where another has come since.
  const { policy } = run;
  const { kind } = run.statement;
  follow(c.token, kind, run.tokenChange, tag);
  follow(c.path, kind, pathChange(kind), tag);
  if (kind.kind === 'transaction') {
    c.life.control(kind, tag);
    c.plans.control();
  } else if (kind.kind === 'prepare') {
    const { name, inner: statement } = kind;
    c.statements.set(
      name,
      new Prepared({ name, source: 'sql', rendered, types: [], parameters: 0, statement, policy }),
      c.batch,
    );
  } else if (kind.kind === 'declare') {
    const { inner: statement } = kind;
    // The run's own count: a FETCH of the same message adds to it as well.
    const { usage } = run;
    const provenance = new Provenance();
    const portal: Portal = {
      madeBy: 'declare',
      statement,
      rendered,
      prepared: undefined,
      policy,
      usage,
      provenance,
      extent: run.statement.extent,
      bounded: false,
      madeFor: rendered.filledFor,
      hold: kind.hold,
      kept: false,
      depth: 0,
      epoch: c.epoch,
    };
    c.portals.set(kind.name, portal, c.batch);
    c.life.made(portal);
  } else if (kind.kind === 'deallocate') {
    // The unnamed statement cannot be named in SQL text.
    c.statements.drop((version) => (kind.name === undefined ? version.name !== '' : version.name === kind.name));
  } else if (kind.kind === 'close') {
    c.portals.drop((version) => kind.name === undefined || version.name === kind.name);
  } else if (kind.kind === 'discard' && kind.all) {
    c.statements.drop((version) => version.name !== '');
    c.portals.drop(() => true);
    c.plans.renew();
  }
}

/** Does the server stop by itself one row above the limit, in each read of the text? */
export function isBounded({ judgement }: Rendered): boolean {
  let limits = 0;
  for (const piece of judgement.template)
    if (typeof piece !== 'string' && piece.kind === 'limit' && !piece.argument) limits += 1;
  if (limits === 0) return false;
  for (const { kind } of judgement.statements) if (isRead(kind)) limits -= 1;
  return limits >= 0;
}

/** It has a LIMIT where the role has one. */
export function isRead(kind: StatementKind): boolean {
  return kind.kind === 'prepare' ? isRead(kind.inner.kind) : kind.kind === 'read' || kind.kind === 'copy-out';
}

/** Nothing is withheld from the role: a name that it made out of our sight can be used. */
function isFree(policy: SessionPolicy): boolean {
  return policy.role.access === 'unrestricted' || policy.role.mode === 'observe';
}

/**
 * EXECUTE. PREPARE takes nothing but queries. By Parse anything gets a name, and with EXECUTE of that, what the server did to transactions
 * and names would be hidden from us. Parameters of the guard's own get their values (`own-arguments.ts`).
 */
function canExecute({ statement }: Prepared): boolean {
  const kind = statement?.kind.kind;
  return kind === 'read' || kind === 'write';
}

/** With PostgreSQL's own words. */
function wrongArguments(name: string): Refusal {
  return refusal('unsupported', '42601', `wrong number of parameters for prepared statement "${name}"`);
}

function notByExecute(name: string): Refusal {
  return refusal('unsupported', '0A000', `EXECUTE of prepared statement "${name}" is not supported`, {
    hint: 'It was prepared by the protocol, and is to be run by it.',
  });
}

/**
 * FETCH and MOVE. They run a portal of Bind as Execute would, but without Execute's checks: the names in an EXECUTE, the guard's own parameters, the
 * rows that a write must not keep. So they may only fetch from a plain read.
 */
function canFetch({ madeBy, statement }: Portal): boolean {
  return madeBy === 'declare' || statement?.kind.kind === 'read';
}

function notByFetch(name: string): Refusal {
  return refusal('unsupported', '0A000', `FETCH from portal "${name}" is not supported: it is no query`, {
    hint: 'It was made by the protocol, and is to be run by it.',
  });
}
