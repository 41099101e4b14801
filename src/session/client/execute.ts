/** Execute: the run of a portal is checked again, recorded, and sent with what it needs around it. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RowCheck } from '../../guard/decision.ts';
import { describe } from '../../protocol/describe.ts';
import { decodeExecute, type Execute, execute } from '../../protocol/execute.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { type AdmissionGrant, askedFor } from '../admission/admission.ts';
import { prepaymentsOf } from '../admission/prepayment.ts';
import { least } from '../admission/statement-meter.ts';
import { type EndUserQuestion, endUsersOf, moves, needEndUsers, WITHOUT_END_USER } from '../end-user/statement-user.ts';
import type { StatementEndUser } from '../end-user/token-setting.ts';
import type { SessionPolicy } from '../ports.ts';
import { notRecorded } from '../recorder.ts';
import { answerOf } from '../results/answer-for.ts';
import { endPlans } from '../reuse/by-plan.ts';
import { Provenance } from '../server/provenance.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Execution, ExecutionRules } from '../state/execution.ts';
import { changesNames, cuttable, rulesOf, rulesWithWrites, traitsOf } from '../state/execution-rules.ts';
import { cannotMovePath, movesPath } from '../state/path-moves.ts';
import type { PendingReply } from '../state/pending-replies.ts';
import { endsPortals } from '../state/portal-life.ts';
import type { Portal } from '../state/prepared.ts';
import { privateName } from '../state/private-name.ts';
import { checkOf } from '../state/row-check.ts';
import { type ResolvedNames, recheckPortal, resolveNames } from '../state/sql-names.ts';
import { outlives, portalUnknown } from '../state/unknown-names.ts';
import { sendDescribe } from './describe.ts';
import { sendUnknown } from './extended.ts';
import { isFilledFor } from './own-arguments.ts';
import { sentOfPortal } from './planned-text.ts';
import { cachedPlanChanged } from './refusal-response.ts';
import { decideRefusal, ownWords, refuseExtended, UNWATCHED } from './refuse.ts';

/** @returns false if the message must wait for the server, the budget, or the session's next turn. */
export function takeExecute(c: Conversation, frame: Frame, policy: SessionPolicy): boolean {
  const message = decodeExecute(frame.bytes);
  const version = c.portals.current(message.portal);
  if (outlives(c, version)) return false;
  const portal = version?.value;
  if (!portal) {
    const forced = ownWords(c, portalUnknown(message.portal));
    const bytes = execute({ ...message, portal: privateName(forced.id) });
    return sendUnknown(c, bytes, {
      kind: 'execute',
      batch: c.batch,
      own: false,
      portal: undefined,
      run: undefined,
      maxRows: 0,
      forced,
    });
  }
  const { statement, rendered } = portal;
  if (!statement) {
    c.send(frame.bytes, { kind: 'execute', batch: c.batch, own: false, portal, run: undefined, rendered, maxRows: 0 });
    return true;
  }
  const admitted = admitPortal(c, portal, policy, message);
  if (admitted === 'wait') return false;
  if (admitted !== 'refused') run(c, message, portal, policy, admitted);
  return true;
}

/** A portal that may run: its resolved names, its end user, and what the budget has granted. */
interface Admitted {
  readonly resolved: ResolvedNames;
  readonly whose: StatementEndUser | undefined;
  readonly grant: AdmissionGrant;
}

/**
 * Asks whether a portal may run. A first run for which its Bind asked is not counted again as a statement. @param message absent before the portal is
 * bound. @returns `refused`: the client was sent the reason.
 */
function admitPortal(
  c: Conversation,
  portal: Portal,
  policy: SessionPolicy,
  message?: Execute,
): Admitted | 'wait' | 'refused' {
  const { rendered, opened, prepared } = portal;
  const lost = recheckPortal(portal, policy);
  const statement = portal.statement!;
  const { judgement, text } = rendered;
  const subject = { statement, judgement, policy, text, types: prepared?.types };
  if (lost) {
    refuseExtended(c, decideRefusal(c, { ...subject, fault: lost.fault }, lost.refuse));
    return 'refused';
  }
  const cannot = cannotMovePath(c, [statement]);
  if (cannot) {
    refuseExtended(c, decideRefusal(c, subject, cannot));
    return 'refused';
  }
  const names = resolveNames(c, [statement], policy);
  if (names === 'wait') return 'wait';
  if ('refuse' in names) {
    const known = names.refuse.sqlstate === '26000' || names.refuse.sqlstate === '34000';
    refuseExtended(
      c,
      known ? ownWords(c, names.refuse) : decideRefusal(c, { ...subject, fault: names.fault }, names.refuse),
    );
    return 'refused';
  }
  const resolved = names.of[0]!;
  if (portal.hasRun && portal.ran !== resolved.named) {
    refuseExtended(c, decideRefusal(c, subject, cannotBeRun(message?.portal)));
    return 'refused';
  }
  if (!isFilledFor(rendered, resolved)) {
    refuseExtended(c, ownWords(c, cachedPlanChanged()));
    return 'refused';
  }
  const wrong = message && cannotRun(portal, message, checkOf(statement, resolved.inner));
  if (wrong) {
    refuseExtended(c, ownWords(c, wrong));
    return 'refused';
  }
  const whose = needEndUsers(policy, [statement])
    ? endUsersOf(c, policy, [asked(portal, policy, resolved)])
    : WITHOUT_END_USER;
  if (whose === 'wait') return 'wait';
  if ('refuse' in whose) {
    refuseExtended(c, decideRefusal(c, subject, whose.refuse));
    return 'refused';
  }
  const wanted = [askedFor(statement, resolved.inner)];
  const asking = { statement, inner: resolved.inner, text, bound: portal.bound ?? NO_VALUES };
  // What was paid for its Bind is not paid again.
  const prepaid = () => (begunRun(c, portal, policy, whose.of[0]?.person) ? [] : prepaymentsOf(asking, policy));
  const sent = () => sentOfPortal(c, portal, policy, resolved);
  const admitted = c.admission.ask(policy, wanted, prepaid, sent, whose.of, opened !== undefined);
  if (admitted === 'wait') return 'wait';
  if (admitted.kind === 'refused') {
    const theirs = { ...subject, person: whose.of[0]?.person };
    refuseExtended(c, decideRefusal(c, theirs, admitted.refusal, admitted));
    return 'refused';
  }
  return { resolved, whose: whose.of[0], grant: admitted.of[0]! };
}

/**
 * Decides before its Bind about a portal that may run users' code: the server plans it there, and evaluates constants. The Execute of the same batch
 * continues that run. @returns `refused`: the client was sent the reason.
 */
export function openPortal(c: Conversation, portal: Portal, policy: SessionPolicy): Execution | 'wait' | 'refused' {
  const admitted = admitPortal(c, portal, policy);
  if (typeof admitted === 'string') return admitted;
  const { judgement, text } = portal.rendered;
  const subject = {
    statement: portal.statement!,
    judgement,
    policy,
    text,
    types: portal.prepared?.types,
    runs: admitted.resolved.runs,
    person: admitted.whose?.person,
  };
  const run = c.records.decide(subject, UNWATCHED, portal.usage, false);
  if (!run) {
    refuseExtended(c, ownWords(c, notRecorded()));
    return 'refused';
  }
  run.waited = c.admission.waited;
  // Its rows are those of its Execute; what it costs without one is told of it.
  const asked = { formats: undefined, text: undefined, prepared: undefined, bound: undefined };
  run.answer = answerOf(c, run, admitted.grant, {
    statement: admitted.resolved.inner ?? portal.statement!,
    ...asked,
  });
  c.admission.sent();
  endPlans(c, policy, portal.statement!, admitted.resolved.inner);
  portal.opened = { run, batch: c.batch };
  c.records.bind(run, c.batch);
  return run;
}

/** For a Bind without values, or with unknown values: then none of its places can be read. */
export const NO_VALUES = { formats: [], valueCount: 0, values: new Uint8Array(0) };

/** The run that its Bind was asked for, if it goes on: in the same batch, under the same policy, for the same person. */
function begunRun(
  c: Conversation,
  { opened }: Portal,
  policy: SessionPolicy,
  person: Execution['person'],
): Execution | undefined {
  if (opened?.batch !== c.batch) return undefined;
  const { run } = opened;
  return !run.ended && run.policy === policy && run.person === person ? run : undefined;
}

/** A portal that a token fills was filled when it was bound, and runs for no other end user. */
function asked({ statement, madeFor, given }: Portal, policy: SessionPolicy, resolved: ResolvedNames): EndUserQuestion {
  const { inner } = resolved;
  const nature = traitsOf(statement!, policy, inner);
  return { statement: statement!, inner, nature, filled: false, madeFor: madeFor ?? resolved.madeFor, given };
}

/** PostgreSQL's error, also for a plan whose columns differ from those that the client knows. */
function cannotRun({ added, hasRun }: Portal, { portal }: Execute, check: RowCheck | undefined): Refusal | undefined {
  if (added !== check?.added) return cachedPlanChanged();
  // Without its RETURNING it would have no rows to go on with.
  return added === 'only' && hasRun ? cannotBeRun(portal) : undefined;
}

/**
 * INVARIANT 222: rows that FETCH or EXECUTE has left in its portal are those of what it named when it ran. Where the name means anything else by now, how they
 * are counted, and whose they are, is not known.
 */
function cannotBeRun(portal = ''): Refusal {
  return refusal('unsupported', '55000', `portal "${portal}" cannot be run`);
}

/** Records the run of a portal and sends it, with what must be known of its columns asked first. */
function run(
  c: Conversation,
  message: Execute,
  portal: Portal,
  policy: SessionPolicy,
  { resolved, whose, grant }: Admitted,
): void {
  const { account, rowsLeft } = grant;
  const statement = portal.statement!;
  const { judgement, text } = portal.rendered;
  const nature = traitsOf(statement, policy, resolved.inner);
  // What FETCH and EXECUTE give is another result each time.
  const named = statement.kind.kind === 'fetch' || statement.kind.kind === 'execute';
  const provenance = named ? new Provenance() : portal.provenance;
  const check = checkOf(statement, resolved.inner);
  const baked = portal.most ?? resolved.most;
  const plain = rulesOf(statement.kind, nature, policy, provenance, check);
  const watched = rulesWithWrites(
    plain,
    nature,
    statement,
    resolved.inner,
    policy,
    resolved.runs?.rendered.text ?? text,
  );
  // Limits of one statement apply, even with a permit, if a LIMIT that enforces them was sent: a short result would look complete.
  const free = account !== undefined && baked === undefined;
  const watch: ExecutionRules =
    account === undefined ? watched : { ...watched, account, limits: free ? undefined : watched.limits };
  if (statement.kind.kind === 'fetch') portal.usage = resolved.usage;
  const begins = !portal.hasRun;
  portal.hasRun = true;
  portal.ran = resolved.named;
  const { usage } = portal;
  // A write that shows the client no rows is never suspended.
  const left = watch.taken && rowsLeft !== undefined ? usage.rows + rowsLeft : undefined;
  const limit = least(baked === undefined ? watch.limits?.rows : undefined, left);
  const maxRows = check?.added === 'only' ? 0 : mostRows(message, limit, usage.rows, baked);
  // COPY sends all its rows, whatever Execute asks for.
  const counted = limit !== undefined && statement.kind.kind !== 'copy-out';
  const bounded = baked !== undefined || counted;
  const { runs } = resolved;
  const types = portal.prepared?.types;
  const subject = { statement, judgement, policy, text, types, runs, person: whose?.person };
  const begun = begunRun(c, portal, policy, whose?.person);
  portal.opened = undefined;
  const recorded = c.records.decide(subject, watch, usage, bounded, begun);
  if (!recorded) {
    refuseExtended(c, ownWords(c, notRecorded()));
    return;
  }
  recorded.most = least(baked, counted ? left : undefined);
  recorded.waited += c.admission.waited;
  recorded.tokenChange = whose?.change;
  recorded.plan = portal.plan;
  endPlans(c, policy, statement, resolved.inner);
  recorded.answer = answerOf(c, recorded, begun ? { charges: begun.charges, prepaid: begun.prepaid ?? [] } : grant, {
    statement: resolved.inner ?? statement,
    formats: portal.formats,
    // Of a cursor, and of a portal that runs on, what comes next depends on what came before.
    text: statement.kind.kind === 'fetch' || !begins || message.maxRows > 0 ? undefined : text,
    prepared: resolved.runs?.rendered.text,
    bound: portal.bound,
  });
  c.admission.sent();
  if (
    (watch.verifies || (watch.looksForPeople && (policy.role.mode === 'enforce' || policy.canaries))) &&
    provenance.verdict !== 'verified' &&
    provenance.askedIn !== c.batch
  ) {
    const bytes = describe({ of: 'portal', name: message.portal });
    const { prepared } = portal;
    sendDescribe(c, bytes, { owes: 'columns', prepared, provenance, policy, added: check?.added }, true);
  }
  const pending: PendingReply = {
    kind: 'execute',
    batch: c.batch,
    own: false,
    portal,
    run: recorded,
    rendered: portal.rendered,
    maxRows,
    begins,
  };
  const mayPass = nature.pure && !c.batchHasEffects;
  c.send(execute({ portal: message.portal, maxRows }), pending);
  if ((resolved.inner ?? statement).runsUserCode) c.pins.ran(pending.batch);
  else if (statement.kind.kind === 'transaction' && endsPortals(statement.kind)) c.pins.commits(pending.batch);
  if (!nature.pure) c.batchHasEffects = true;
  if (statement.kind.kind === 'transaction') {
    c.batchHasControl = true;
    if (endsPortals(statement.kind)) c.epoch += 1;
  }
  const changesPath = movesPath(c, statement.kind);
  if (changesPath) c.pathMovesIn = c.batch;
  const movesToken = policy.principal.token !== undefined && moves(statement.kind);
  if (movesToken) c.tokenMovesIn = c.batch;
  if (statement.kind.kind === 'copy-in') c.block(pending);
  else if (cuttable(watch)) c.block(pending, mayPass);
  else if (movesToken || changesPath || changesNames(statement.kind)) c.block(pending, true);
}

/** Where the text has no LIMIT that is as small, the server is asked for one row more than may be shown. */
function mostRows(message: Execute, limit: number | undefined, used: number, baked: number | undefined): number {
  if (limit === undefined || (baked !== undefined && baked <= limit)) return message.maxRows;
  const most = Math.max(0, limit - used) + 1;
  return message.maxRows > 0 ? Math.min(message.maxRows, most) : most;
}
