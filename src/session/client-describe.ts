/** Describe, and Close, which names its target in the same way. */
import { decodeTarget, describe, type Target } from '../wire/describe.ts';
import type { Frame } from '../wire/frame-reader.ts';
import { outlives, sendUnknown } from './client-extended.ts';
import type { Conversation } from './conversation.ts';
import type { Version } from './names.ts';
import type { SessionPolicy } from './ports.ts';
import type { Prepared } from './prepared.ts';
import { Provenance } from './provenance.ts';
import { ownWords, privateName } from './refuse.ts';
import { renew } from './renew.ts';
import { portalUnknown, statementUnknown, unsettled } from './sql-names.ts';

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

export function sendDescribe(
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

export function takeClose(c: Conversation, frame: Frame): boolean {
  const { of, name } = decodeTarget(frame.bytes);
  const version: Version<unknown> =
    of === 'statement' ? c.statements.define(name, undefined, c.batch) : c.portals.define(name, undefined, c.batch);
  c.send(frame.bytes, { kind: 'close', batch: c.batch, own: false, versions: [version] });
  return true;
}
