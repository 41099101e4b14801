/** Parse, Bind, Describe, Execute and Close: the extended protocol, judged, recorded and sent. */
import { refusal } from '../errors.ts';
import { type Bind, bind, decodeBind, textValue } from '../wire/bind.ts';
import { close, decodeTarget, describe, type Target } from '../wire/describe.ts';
import { decodeExecute, type Execute, execute } from '../wire/execute.ts';
import type { Frame } from '../wire/frame-reader.ts';
import { decodeParse, parse } from '../wire/parse.ts';
import { MalformedMessage } from '../wire/protocol-error.ts';
import { type Conversation, noPolicy } from './conversation.ts';
import type { Version } from './names.ts';
import type { Forced, Pending } from './pending.ts';
import type { SessionPolicy } from './ports.ts';
import { type Portal, Prepared } from './prepared.ts';
import { Provenance } from './provenance.ts';
import { notRecorded, unreadable } from './records.ts';
import { cachedPlanChanged } from './refusal-response.ts';
import { decideRefusal, ownWords, privateName, refuseExtended } from './refuse.ts';
import { parameterValue } from './render.ts';
import { freshen, renderFor, slotValues } from './renewal.ts';
import {
  hasLimit,
  portalUnknown,
  type Resolved,
  recheckPortal,
  resolveNames,
  statementUnknown,
  unsettled,
} from './sql-names.ts';
import { changesNames, cuttable, natureOf, watchOf } from './watching.ts';

/** PostgreSQL's bound for the number of parameters: a 16-bit count. */
const MOST_PARAMETERS = 65535;

/** Handles one extended message. @returns false where it must wait for the server. */
export function takeExtended(
  c: Conversation,
  frame: Frame,
  take: (c: Conversation, frame: Frame, policy: SessionPolicy) => boolean,
): boolean {
  const policy = c.policy();
  if (!policy) return c.end(noPolicy()) ?? true;
  try {
    return take(c, frame, policy);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    refuseExtended(c, ownWords(c, refusal('syntax', error.sqlstate, error.message)));
    return true;
  }
}

export function takeParse(c: Conversation, frame: Frame, policy: SessionPolicy): boolean {
  const { name, text, types } = decodeParse(frame.bytes);
  const judgement = policy.judge(text);
  const unnamed = name === '';
  const statement = judgement.statements[0];
  const reason =
    judgement.effect === 'refuse'
      ? judgement.refusal!
      : judgement.statements.length > 1
        ? severalCommands()
        : undefined;
  if (reason) {
    const refused = judgement.statements.find((one) => one.refusal) ?? statement ?? unreadable(reason);
    refuseExtended(c, decideRefusal(c, { statement: refused, judgement, policy, text }, reason), { unnamed });
    return true;
  }
  const parameters = Math.max(judgement.parameters, types.length);
  const rendered = renderFor(text, judgement, policy, parameters);
  const prepared = new Prepared({ name, source: 'protocol', rendered, types, parameters, statement, policy });
  if (rendered.added.length + parameters > MOST_PARAMETERS) {
    refuseExtended(c, ownWords(c, refusal('unsupported', '54000', 'too many parameters')), { unnamed });
    return true;
  }
  const versions = [c.statements.define(name, prepared, c.batch)];
  const bytes = rendered.sent === text && rendered.added.length === 0 ? frame.bytes : parsePrepared(prepared);
  c.send(bytes, { kind: 'parse', batch: c.batch, own: false, versions, rendered });
  return true;
}

export function takeBind(c: Conversation, frame: Frame, policy: SessionPolicy): boolean {
  const message = decodeBind(frame.bytes);
  const version = c.statements.current(message.statement);
  if (unsettled(c, version)) return false;
  const prepared = version?.value;
  if (!prepared) {
    const forced = ownWords(c, statementUnknown(message.statement));
    const bytes = bind({ ...message, portal: privateName(forced.id), statement: privateName(forced.id) });
    return sendUnknown(c, bytes, { kind: 'bind', batch: c.batch, own: false, versions: [], forced });
  }
  const ready = renew(c, prepared, policy);
  if (ready !== 'ready') return ready === 'refused';
  const { added } = prepared.rendered;
  const misfit = added.length > 0 ? misfitOf(message, prepared) : undefined;
  if (misfit) {
    refuseExtended(c, ownWords(c, refusal('syntax', '08P01', misfit)));
    return true;
  }
  const portal: Portal = {
    madeBy: 'bind',
    statement: prepared.statement,
    rendered: prepared.rendered,
    prepared,
    policy: prepared.policy,
    usage: { rows: 0, bytes: 0 },
    bounded: prepared.statement?.kind.kind === 'read' && hasLimit(prepared.rendered),
  };
  const versions = [c.portals.define(message.portal, portal, c.batch)];
  const bytes = added.length > 0 ? bind(withAdded(message, prepared, policy)) : frame.bytes;
  c.send(bytes, { kind: 'bind', batch: c.batch, own: false, versions, rendered: prepared.rendered });
  return true;
}

export function takeDescribe(c: Conversation, frame: Frame, policy: SessionPolicy): boolean {
  const target = decodeTarget(frame.bytes);
  return target.of === 'statement' ? describeStatement(c, frame, target, policy) : describePortal(c, frame, target);
}

function describeStatement(c: Conversation, frame: Frame, target: Target, policy: SessionPolicy): boolean {
  const version = c.statements.current(target.name);
  if (unsettled(c, version)) return false;
  const prepared = version?.value;
  if (!prepared) return describeUnknown(c, target);
  const ready = renew(c, prepared, policy);
  if (ready !== 'ready') return ready === 'refused';
  sendDescribe(c, frame.bytes, prepared, prepared.provenance, { parameters: prepared.parameters });
  return true;
}

function describePortal(c: Conversation, frame: Frame, target: Target): boolean {
  const version = c.portals.current(target.name);
  if (outlives(c, version)) return false;
  const portal = version?.value;
  if (!portal) return describeUnknown(c, target);
  sendDescribe(c, frame.bytes, portal.prepared, portal.prepared?.provenance ?? new Provenance(), {});
  return true;
}

function describeUnknown(c: Conversation, { of, name }: Target): boolean {
  const forced = ownWords(c, of === 'statement' ? statementUnknown(name) : portalUnknown(name));
  const bytes = describe({ of, name: privateName(forced.id) });
  return sendUnknown(c, bytes, {
    kind: 'describe',
    batch: c.batch,
    own: false,
    prepared: undefined,
    provenance: new Provenance(),
    forced,
  });
}

function sendDescribe(
  c: Conversation,
  bytes: Uint8Array,
  prepared: Prepared | undefined,
  provenance: Provenance,
  extras: { parameters?: number; own?: boolean },
): void {
  provenance.askedIn = c.batch;
  const rendered = prepared?.rendered;
  c.send(bytes, { kind: 'describe', batch: c.batch, own: false, prepared, provenance, rendered, ...extras });
}

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
  const { judgement, text } = rendered;
  const subject = { statement, judgement, policy, text };
  const lost = recheckPortal(portal, policy);
  if (lost) {
    refuseExtended(c, decideRefusal(c, subject, lost));
    return true;
  }
  const names = resolveNames(c, [statement], policy);
  if (names === 'wait') return false;
  if ('refuse' in names) {
    const known = names.refuse.sqlstate === '26000' || names.refuse.sqlstate === '34000';
    refuseExtended(c, known ? ownWords(c, names.refuse) : decideRefusal(c, subject, names.refuse));
    return true;
  }
  run(c, message, portal, policy, names.of[0]!);
  return true;
}

/** Records the run of a portal and sends it, with what must be known of its columns asked first. */
function run(c: Conversation, message: Execute, portal: Portal, policy: SessionPolicy, resolved: Resolved): void {
  const statement = portal.statement!;
  const { judgement, text } = portal.rendered;
  const nature = natureOf(statement.kind, policy, resolved.inner?.kind);
  // What FETCH and EXECUTE give is another result each time.
  const named = statement.kind.kind === 'fetch' || statement.kind.kind === 'execute';
  const provenance = named ? new Provenance() : (portal.prepared?.provenance ?? new Provenance());
  const watch = watchOf(statement.kind, nature, policy, provenance);
  const usage = statement.kind.kind === 'fetch' ? resolved.usage : portal.usage;
  const maxRows = mostRows(message, watch.limits?.rows, usage.rows, portal.bounded);
  const bounded = portal.bounded || resolved.bounded || watch.limits?.rows !== undefined;
  const recorded = c.records.decide({ statement, judgement, policy, text }, watch, usage, bounded);
  if (!recorded) {
    refuseExtended(c, ownWords(c, notRecorded()));
    return;
  }
  if (watch.verifies && provenance.verdict !== 'verified' && provenance.askedIn !== c.batch) {
    const bytes = describe({ of: 'portal', name: message.portal });
    sendDescribe(c, bytes, portal.prepared, provenance, { own: true });
  }
  const pending: Pending = {
    kind: 'execute',
    batch: c.batch,
    own: false,
    portal,
    run: recorded,
    rendered: portal.rendered,
    maxRows: message.maxRows,
  };
  const mayPass = nature.pure && !c.batchHasEffects;
  c.send(execute({ portal: message.portal, maxRows }), pending);
  if (!nature.pure) c.batchHasEffects = true;
  if (statement.kind.kind === 'transaction') c.batchHasControl = true;
  if (statement.kind.kind === 'copy-in') c.block(pending);
  else if (cuttable(watch)) c.block(pending, mayPass);
  else if (changesNames(statement.kind)) c.block(pending, true);
}

/** Where the text has no LIMIT of ours, the server is asked for one row more than may be shown. */
function mostRows(message: Execute, limit: number | undefined, used: number, bounded: boolean): number {
  if (limit === undefined || bounded) return message.maxRows;
  const most = Math.max(0, limit - used) + 1;
  return message.maxRows > 0 ? Math.min(message.maxRows, most) : most;
}

export function takeClose(c: Conversation, frame: Frame): boolean {
  const { of, name } = decodeTarget(frame.bytes);
  const version: Version<unknown> =
    of === 'statement' ? c.statements.define(name, undefined, c.batch) : c.portals.define(name, undefined, c.batch);
  c.send(frame.bytes, { kind: 'close', batch: c.batch, own: false, versions: [version] });
  return true;
}

/** INVARIANT: a name that we do not know never goes upstream: behind it may be what nobody judged. */
function sendUnknown(c: Conversation, bytes: Uint8Array, pending: Pending & { forced: Forced }): true {
  c.send(bytes, pending);
  c.skipping = true;
  return true;
}

/** A portal that was bound before a Sync which is not answered yet: it may be gone by then. */
function outlives(c: Conversation, version: Version<Portal> | undefined): boolean {
  return version !== undefined && version.batch < c.batch && (!version.settled || c.pending.batchEnds > 0);
}

/**
 * Brings a statement under the policy of now. `wait`: the server is asked to prepare it anew; come again.
 * `refused`: a refusal was sent in the message's place.
 */
function renew(c: Conversation, prepared: Prepared, policy: SessionPolicy): 'ready' | 'wait' | 'refused' {
  const state = freshen(prepared, policy);
  if (state.kind === 'refused') {
    const statement = state.judgement.statements.find((one) => one.refusal) ?? unreadable(state.refusal);
    const subject = { statement, judgement: state.judgement, policy, text: prepared.rendered.text };
    refuseExtended(c, decideRefusal(c, subject, state.refusal));
    return 'refused';
  }
  if (state.kind === 'fresh' && !prepared.columnsChanged) return 'ready';
  if (state.kind === 'fresh' || prepared.source === 'sql') {
    refuseExtended(c, ownWords(c, cachedPlanChanged()));
    return 'refused';
  }
  if (c.pending.length > 0) return 'wait';
  // In a failed transaction nothing can be prepared, and nothing but its end can run.
  if (c.status === 'E') return 'ready';
  sendRenewed(c, prepared, state.renewed);
  return 'wait';
}

/** Close and Parse of the new text under the same name, and what its columns are. The answers are ours. */
function sendRenewed(c: Conversation, prepared: Prepared, renewed: Prepared): void {
  const sent = { batch: c.batch, own: true, rendered: renewed.rendered };
  const target: Target = { of: 'statement', name: prepared.name };
  if (prepared.name !== '') c.send(close(target), { ...sent, kind: 'close', versions: [] });
  c.send(parsePrepared(renewed), { ...sent, kind: 'parse', versions: [] });
  const pending: Pending = {
    ...sent,
    kind: 'describe',
    prepared: undefined,
    provenance: renewed.provenance,
    renewal: { prepared, renewed },
  };
  c.send(describe(target), pending);
  c.flush();
  c.block(pending);
}

function parsePrepared({ name, rendered, types, parameters }: Prepared): Uint8Array {
  const all =
    rendered.added.length === 0
      ? types
      : [
          ...Array.from({ length: parameters }, (_, at) => types[at] ?? 0),
          ...rendered.added.map(({ typeOid }) => typeOid),
        ];
  return parse({ name, text: rendered.sent, types: all });
}

/** The added values go behind the client's, in text format. */
function withAdded(message: Bind, { rendered, parameters }: Prepared, policy: SessionPolicy): Bind {
  const values = slotValues(policy);
  const own = message.formats.length === 1 ? new Array<number>(parameters).fill(message.formats[0]!) : message.formats;
  const text = rendered.added.map(() => 0);
  return {
    ...message,
    formats: message.formats.every((format) => format === 0) ? [] : [...own, ...text],
    values: Buffer.concat([message.values, ...rendered.added.map((added) => textValue(parameterValue(added, values)))]),
    valueCount: message.valueCount + rendered.added.length,
  };
}

/** What PostgreSQL would say of a wrong count: its own message would count the added parameters. */
function misfitOf(message: Bind, { name, parameters }: Prepared): string | undefined {
  const { formats, valueCount } = message;
  if (formats.length > 1 && formats.length !== valueCount) {
    return `bind message has ${formats.length} parameter formats but ${valueCount} parameters`;
  }
  if (valueCount === parameters) return undefined;
  return `bind message supplies ${valueCount} parameters, but prepared statement "${name}" requires ${parameters}`;
}

function severalCommands() {
  return refusal('syntax', '42601', 'cannot insert multiple commands into a prepared statement');
}
