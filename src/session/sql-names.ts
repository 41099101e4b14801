/** Names in SQL text (PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH, CLOSE): they share the server's namespaces with Parse and Bind. */
import { type Refusal, refusal } from '../errors.ts';
import type { StatementJudgement, StatementKind } from '../guard/decision.ts';
import type { Conversation } from './conversation.ts';
import type { Usage } from './meter.ts';
import type { SessionPolicy } from './ports.ts';
import { type Portal, Prepared } from './prepared.ts';
import { Provenance } from './provenance.ts';
import { cachedPlanChanged } from './refusal-response.ts';
import type { Rendered } from './render.ts';
import { freshen } from './renewal.ts';
import type { Run } from './run.ts';
import { cursorUnknown, statementUnknown, unsettled } from './unknown-names.ts';

/** What a statement's names turned out to be. */
export interface Resolved {
  /** What an EXECUTE runs. */
  readonly inner: StatementJudgement | undefined;
  /** The count that it adds to: a cursor's, or a new one. */
  readonly usage: Usage;
  /** The server stops by itself one row above the limit. */
  readonly bounded: boolean;
}

/** `wait`: a name whose last definition is not settled. */
export type Resolution =
  | { readonly of: readonly Resolved[] }
  | { readonly refuse: Refusal; readonly at: number }
  | 'wait';

/** Looks up what the statements of one message name, each after those before it. */
export function resolveNames(
  c: Conversation,
  statements: readonly StatementJudgement[],
  policy: SessionPolicy,
): Resolution {
  const here = new NamesOfMessage();
  const of: Resolved[] = [];
  for (const [at, statement] of statements.entries()) {
    const resolved = resolve(c, statement, policy, here);
    if (resolved === 'wait') return 'wait';
    if ('severity' in resolved) return { refuse: resolved, at };
    of.push(resolved);
    here.apply(statement, resolved);
  }
  return { of };
}

/** What the statements before it in the same message have done to names: not in the session's books yet. */
class NamesOfMessage {
  private readonly prepared = new Map<string, StatementJudgement | undefined>();
  private readonly cursors = new Map<string, Usage | undefined>();
  private noStatements = false;
  private noCursors = false;

  statement(name: string): StatementJudgement | 'none' | 'unknown' {
    if (this.prepared.has(name)) return this.prepared.get(name) ?? 'none';
    return this.noStatements ? 'none' : 'unknown';
  }

  cursor(name: string): Usage | 'none' | 'unknown' {
    if (this.cursors.has(name)) return this.cursors.get(name) ?? 'none';
    return this.noCursors ? 'none' : 'unknown';
  }

  apply({ kind }: StatementJudgement, { usage }: Resolved): void {
    if (kind.kind === 'prepare') this.prepared.set(kind.name, kind.inner);
    if (kind.kind === 'declare') this.cursors.set(kind.name, usage);
    if (kind.kind === 'deallocate' && kind.name !== undefined) this.prepared.set(kind.name, undefined);
    if (kind.kind === 'close' && kind.name !== undefined) this.cursors.set(kind.name, undefined);
    if ((kind.kind === 'deallocate' && kind.name === undefined) || (kind.kind === 'discard' && kind.all)) {
      this.prepared.clear();
      this.noStatements = true;
    }
    if ((kind.kind === 'close' && kind.name === undefined) || (kind.kind === 'discard' && kind.all)) {
      this.cursors.clear();
      this.noCursors = true;
    }
  }
}

const fresh = (inner?: StatementJudgement): Resolved => ({ inner, usage: { rows: 0, bytes: 0 }, bounded: false });

function resolve(
  c: Conversation,
  { kind }: StatementJudgement,
  policy: SessionPolicy,
  here: NamesOfMessage,
): Resolved | Refusal | 'wait' {
  switch (kind.kind) {
    case 'execute': {
      const own = here.statement(kind.name);
      if (own === 'none') return statementUnknown(kind.name);
      if (own !== 'unknown') return fresh(own);
      return resolveExecute(c, kind.name, policy);
    }
    case 'fetch': {
      const own = here.cursor(kind.name);
      if (own === 'none') return cursorUnknown(kind.name);
      if (own !== 'unknown') return { ...fresh(), usage: own };
      return resolveFetch(c, kind.name, policy);
    }
    default:
      return fresh();
  }
}

function resolveExecute(c: Conversation, name: string, policy: SessionPolicy): Resolved | Refusal | 'wait' {
  const version = c.statements.current(name);
  if (unsettled(c, version)) return 'wait';
  const prepared = version?.value;
  // INVARIANT: what an EXECUTE runs must be something that was judged. Functions of an unrestricted role may prepare, too.
  if (!prepared) return isFree(policy) ? fresh() : statementUnknown(name);
  if (!canExecute(prepared)) {
    return refusal('unsupported', '0A000', `EXECUTE of prepared statement "${name}" is not supported`, {
      hint: 'It was prepared by the protocol, and is to be run by it.',
    });
  }
  const state = freshen(prepared, policy);
  if (state.kind === 'refused') return state.refusal;
  if (state.kind === 'changed') return cachedPlanChanged();
  return {
    ...fresh(prepared.statement),
    bounded: prepared.statement?.kind.kind === 'read' && isBounded(prepared.rendered),
  };
}

/**
 * PREPARE takes nothing but queries. By Parse anything gets a name, and with EXECUTE of that, what the server did to transactions
 * and names would be hidden from us; so would parameters of the guard's own.
 */
function canExecute({ statement, rendered }: Prepared): boolean {
  const kind = statement?.kind.kind;
  return (kind === 'read' || kind === 'write') && rendered.added.length === 0;
}

function resolveFetch(c: Conversation, name: string, policy: SessionPolicy): Resolved | Refusal | 'wait' {
  const version = c.portals.current(name);
  if (unsettled(c, version) || (version && version.batch < c.batch && c.pending.batchEnds > 0)) return 'wait';
  const portal = version?.value;
  if (!portal) return isFree(policy) ? fresh() : cursorUnknown(name);
  const lost = recheckPortal(portal, policy);
  return lost ?? { ...fresh(), usage: portal.usage, bounded: portal.bounded };
}

/** An open portal runs on under a new policy, unless the role lost what it reads. */
export function recheckPortal(portal: Portal, policy: SessionPolicy): Refusal | undefined {
  if (portal.policy === policy) return undefined;
  const judgement = policy.judge(portal.rendered.text, portal.prepared?.types);
  if (judgement.effect === 'refuse') return judgement.refusal;
  portal.policy = policy;
  return undefined;
}

/** Enters what a run in SQL text has done to names. The server has just said that it is done, and nothing else is on its way. */
export function applyNames(c: Conversation, run: Run, rendered: Rendered): void {
  // INVARIANT: the policy that judged it, even where another has come since.
  const { policy } = run;
  const { kind } = run.statement;
  if (kind.kind === 'prepare') {
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
    const portal = {
      madeBy: 'declare',
      statement,
      rendered,
      prepared: undefined,
      policy,
      usage,
      provenance,
      bounded: false,
    } as const;
    c.portals.set(kind.name, { ...portal }, c.batch);
  } else if (kind.kind === 'deallocate') {
    // The unnamed statement is none of those that SQL text can name.
    c.statements.drop((version) => (kind.name === undefined ? version.name !== '' : version.name === kind.name));
  } else if (kind.kind === 'close') {
    c.portals.drop((version) => kind.name === undefined || version.name === kind.name);
  } else if (kind.kind === 'discard' && kind.all) {
    c.statements.drop((version) => version.name !== '');
    c.portals.drop(() => true);
  }
}

/** Does the server stop by itself one row above the limit, in each read of the text? */
export function isBounded({ judgement }: Rendered): boolean {
  const reads = judgement.statements.filter(({ kind }) => isRead(kind)).length;
  const limits = judgement.template.filter((piece) => typeof piece !== 'string' && piece.kind === 'limit').length;
  return limits > 0 && limits >= reads;
}

/** It has a LIMIT where the role has one. */
export function isRead(kind: StatementKind): boolean {
  return kind.kind === 'prepare' ? isRead(kind.inner.kind) : kind.kind === 'read' || kind.kind === 'copy-out';
}

/** Nothing is withheld from the role: a name that it made out of our sight can be used. */
function isFree(policy: SessionPolicy): boolean {
  return policy.role.access === 'unrestricted' || policy.role.mode === 'observe';
}
