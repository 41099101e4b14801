/** Describe, and Close, which names its target in the same way. */
import { decodeTarget, describe, type Target } from '../../protocol/describe.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { currentEndUser } from '../end-user/statement-user.ts';
import type { SessionPolicy } from '../ports.ts';
import { withholdAgain } from '../reuse/by-plan.ts';
import { Provenance } from '../server/provenance.ts';
import type { Conversation } from '../state/conversation.ts';
import type { Version } from '../state/names.ts';
import type { PendingDescribe } from '../state/pending-replies.ts';
import { privateName } from '../state/private-name.ts';
import { addedTo } from '../state/sql-names.ts';
import { outlives, portalUnknown, statementUnknown, unsettled } from '../state/unknown-names.ts';
import { sendUnknown } from './extended.ts';
import { parsePrepared } from './parse.ts';
import { rePrepare } from './re-prepare.ts';
import { ownWords, refuseExtended } from './refuse.ts';

/** @returns false if the message must wait for the server, or for the session's next turn. */
export function takeDescribe(c: Conversation, frame: Frame, policy: SessionPolicy): boolean {
  const target = decodeTarget(frame.bytes);
  return target.of === 'statement'
    ? describeStatement(c, frame, target, policy)
    : describePortal(c, frame, target, policy);
}

function describeStatement(c: Conversation, frame: Frame, target: Target, policy: SessionPolicy): boolean {
  const version = c.statements.current(target.name);
  if (unsettled(c, version)) return false;
  const prepared = version?.value;
  if (!prepared) return describeUnknown(c, target, policy);
  const now = currentEndUser(c, policy);
  if (now === 'wait') return false;
  const ready = rePrepare(c, prepared, policy, now.person);
  if (ready !== 'ready') return ready === 'refused';
  const added = addedTo(c, prepared.statement);
  if (added === 'wait') return false;
  const { provenance, parameters } = prepared;
  withholdAgain(c, prepared, () => parsePrepared(prepared));
  sendDescribe(c, frame.bytes, { owes: 'parameters', prepared, provenance, policy, parameters, added });
  return true;
}

function describePortal(c: Conversation, frame: Frame, target: Target, policy: SessionPolicy): boolean {
  const version = c.portals.current(target.name);
  if (outlives(c, version)) return false;
  const portal = version?.value;
  if (!portal) return describeUnknown(c, target, policy);
  const { prepared, provenance, added } = portal;
  sendDescribe(c, frame.bytes, { owes: 'columns', prepared, provenance, policy, added });
  return true;
}

function describeUnknown(c: Conversation, { of, name }: Target, policy: SessionPolicy): boolean {
  const forced = ownWords(c, of === 'statement' ? statementUnknown(name) : portalUnknown(name));
  // A pooler that keeps prepared statements would end the connection.
  if (of === 'statement' && c.ports.pooling === 'transaction') {
    refuseExtended(c, forced);
    return true;
  }
  const bytes = describe({ of, name: privateName(forced.id) });
  return sendUnknown(c, bytes, {
    kind: 'describe',
    owes: of === 'statement' ? 'parameters' : 'columns',
    batch: c.batch,
    own: false,
    prepared: undefined,
    provenance: new Provenance(),
    policy,
    forced,
  });
}

type Described = Pick<PendingDescribe, 'owes' | 'prepared' | 'provenance' | 'policy' | 'parameters' | 'added'>;

/** @param own the guard asks for itself: the client does not see the answer. */
export function sendDescribe(c: Conversation, bytes: Uint8Array, described: Described, own = false): void {
  const { owes, prepared, provenance, policy, parameters, added } = described;
  provenance.askedIn = c.batch;
  const rendered = prepared?.rendered;
  const { batch } = c;
  // Not spread: V8 makes a new shape of each such object, and keeps it among what is old.
  c.send(bytes, { kind: 'describe', owes, batch, own, rendered, prepared, provenance, policy, parameters, added });
}

/** @returns false if the message must wait for the server. */
export function takeClose(c: Conversation, frame: Frame): boolean {
  const { of, name } = decodeTarget(frame.bytes);
  const version: Version<unknown> =
    of === 'statement' ? c.statements.define(name, undefined, c.batch) : c.portals.define(name, undefined, c.batch);
  c.send(frame.bytes, { kind: 'close', batch: c.batch, own: false, versions: [version] });
  return true;
}
