/** Bind: a portal of a judged statement, with the values of the guard's own parameters. */
import { type Refusal, refusal } from '../errors.ts';
import { type Bind, bind, decodeBind, textValue } from '../wire/bind.ts';
import type { Frame } from '../wire/frame-reader.ts';
import { sendUnknown } from './client-extended.ts';
import type { Conversation } from './conversation.ts';
import type { SessionPolicy } from './ports.ts';
import type { Portal, Prepared } from './prepared.ts';
import { ownWords, privateName } from './refuse.ts';
import { parameterValue } from './render.ts';
import { renew } from './renew.ts';
import { slotValues } from './renewal.ts';
import { isBounded } from './sql-names.ts';
import { statementUnknown, unsettled } from './unknown-names.ts';

export function takeBind(c: Conversation, frame: Frame, policy: SessionPolicy): boolean {
  const message = decodeBind(frame.bytes);
  const version = c.statements.current(message.statement);
  if (unsettled(c, version)) return false;
  const prepared = version?.value;
  if (!prepared) return refuseByName(c, message, statementUnknown(message.statement));
  const ready = renew(c, prepared, policy);
  if (ready !== 'ready') return ready === 'refused';
  const { added } = prepared.rendered;
  const misfit = added.length > 0 ? misfitOf(message, prepared) : undefined;
  if (misfit) return refuseByName(c, message, refusal('syntax', '08P01', misfit));
  const portal: Portal = {
    madeBy: 'bind',
    statement: prepared.statement,
    rendered: prepared.rendered,
    prepared,
    policy: prepared.policy,
    usage: { rows: 0, bytes: 0 },
    provenance: prepared.provenance,
    bounded: prepared.statement?.kind.kind === 'read' && isBounded(prepared.rendered),
  };
  const versions = [c.portals.define(message.portal, portal, c.batch)];
  const bytes = added.length > 0 ? bind(withAdded(message, prepared, policy)) : frame.bytes;
  c.send(bytes, { kind: 'bind', batch: c.batch, own: false, versions, rendered: prepared.rendered });
  return true;
}

/**
 * Refused by a Bind of a statement that is not there: PostgreSQL looks for the statement, and counts its parameters, before it
 * looks whether the transaction has failed, so this error comes where its own would.
 */
function refuseByName(c: Conversation, message: Bind, reason: Refusal): boolean {
  const forced = ownWords(c, reason);
  const bytes = bind({ ...message, portal: privateName(forced.id), statement: privateName(forced.id) });
  return sendUnknown(c, bytes, { kind: 'bind', batch: c.batch, own: false, versions: [], forced });
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
