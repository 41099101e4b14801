/** Bind: a portal of a judged statement, with the values of the guard's own parameters. A long one passes in pieces. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { StatementJudgement } from '../../guard/decision.ts';
import {
  type Bind,
  type BindHead,
  type BindStart,
  bind,
  decodeBind,
  decodeBindHead,
  firstValue,
  textValue,
} from '../../protocol/bind.ts';
import { BindAddition } from '../../protocol/bind-addition.ts';
import { type Frame, LARGEST_FROM_CLIENT } from '../../protocol/frame-reader.ts';
import { isEstimated } from '../admission/limits-over-time.ts';
import { mostOf } from '../admission/statement-meter.ts';
import { currentEndUser, isFilled, missing, tokenChangeOf } from '../end-user/statement-user.ts';
import type { SessionPolicy } from '../ports.ts';
import { planOf, sendBound, withholdAgain } from '../reuse/by-plan.ts';
import type { Conversation } from '../state/conversation.ts';
import { MOST_REMEMBERED } from '../state/names.ts';
import { leakyPattern } from '../state/pattern-parameters.ts';
import type { PendingBind } from '../state/pending-replies.ts';
import type { Portal, Prepared } from '../state/prepared.ts';
import { privateName } from '../state/private-name.ts';
import type { Added } from '../state/row-check.ts';
import { addedTo, isBounded, isRead } from '../state/sql-names.ts';
import { statementUnknown, unsettled } from '../state/unknown-names.ts';
import { openPortal } from './execute.ts';
import { sendUnknown } from './extended.ts';
import { parsePrepared } from './parse.ts';
import { rePrepare } from './re-prepare.ts';
import { decideRefusal, ownWords, refuseExtended } from './refuse.ts';
import { parameterValue, type SlotValues } from './render.ts';
import { slotValues, valuesFor } from './revalidate.ts';

/** So many portals may be open at a time: what a session remembers is bounded. */
const MOST_PORTALS = 10_000;

/** @returns false if the message must wait for the server, or for the session's next turn. */
export function takeBind(c: Conversation, frame: Frame, policy: SessionPolicy): boolean {
  // What came whole is read whole; of the rest the server reads the values, and refuses what is wrong with them.
  const whole = frame.last ? decodeBind(frame.bytes) : undefined;
  const head = whole ?? decodeBindHead(frame.bytes);
  const version = c.statements.current(head.statement);
  if (unsettled(c, version)) return false;
  const prepared = version?.value;
  if (!prepared) return refuseByName(c, statementUnknown(head.statement));
  const now = currentEndUser(c, policy);
  if (now === 'wait') return false;
  const ready = rePrepare(c, prepared, policy, now.person);
  if (ready !== 'ready') return ready === 'refused';
  withholdAgain(c, prepared, () => parsePrepared(prepared));
  const misfit = misfitOf(head, prepared);
  if (misfit && prepared.rendered.added.length > 0) return refuseByName(c, refusal('syntax', '08P01', misfit));
  const heavy = c.portals.weight > MOST_REMEMBERED;
  if (head.portal !== '' && (heavy || c.portals.size >= MOST_PORTALS)) {
    refuseExtended(
      c,
      ownWords(c, refusal('too-large', '54000', 'too many open portals', { hint: 'Close those that are done.' })),
    );
    return true;
  }
  // The unnamed portal takes the place of the one before it, which is forgotten once the server has said so.
  if (heavy && c.pending.length > 0) return false;
  const added = addedTo(c, prepared.statement);
  if (added === 'wait') return false;
  const filled = isFilled(prepared.rendered.judgement.template, policy.role);
  if (filled && !now.person) {
    const { statement, rendered } = prepared;
    const { judgement, text } = rendered;
    const subject = { statement: statement!, judgement, policy, text, types: prepared.types };
    refuseExtended(c, decideRefusal(c, subject, now.refused ?? missing(policy)));
    return true;
  }
  const token = tokenIn(prepared, whole);
  if (token === 'too long') {
    refuseExtended(
      c,
      ownWords(c, refusal('too-large', '54000', 'the token is too long', { hint: 'Send a token with fewer claims.' })),
    );
    return true;
  }
  const pattern = leakyPattern(frame, head, prepared.statement ?? {});
  if (pattern) {
    const { statement, rendered } = prepared;
    const { judgement, text } = rendered;
    const subject = { statement: statement!, judgement, policy, text, types: prepared.types };
    refuseExtended(c, decideRefusal(c, subject, pattern));
    return true;
  }
  const read = prepared.statement !== undefined && isRead(prepared.statement.kind);
  const { person } = now;
  const paid = read && mayBePaid(c, prepared.statement!, policy);
  const values = paid ? valuesFor(policy, person, undefined) : slotValues(policy, person);
  const fits = whole !== undefined && !misfit && head.portal === '' && whole.values.length <= MOST_KEPT;
  const by = fits ? planOf(c, prepared, values) : undefined;
  const { rendered } = by ?? prepared;
  const own = by ? undefined : ownValues(head, prepared, values);
  // A whole message is written again; if a result column was added, or the message comes in pieces, our values are inserted as it passes.
  const written = own && whole && !added ? withValues(whole, own) : undefined;
  const bytes = token?.bytes ?? written;
  const addition = own && !bytes ? additionTo(frame, head, own, added) : undefined;
  if (addition && addition.length > LARGEST_FROM_CLIENT) {
    refuseExtended(
      c,
      ownWords(
        c,
        refusal('too-large', '54000', 'values are too long', { hint: 'Send fewer or shorter values, or COPY.' }),
      ),
    );
    return true;
  }
  const bounded = read && isBounded(rendered);
  const portal: Portal = {
    madeBy: 'bind',
    statement: prepared.statement,
    rendered,
    prepared,
    added,
    policy: prepared.policy,
    usage: { rows: 0, bytes: 0 },
    provenance: prepared.provenance,
    bounded,
    most: bounded ? mostOf(rendered.limit ?? values.limit) : undefined,
    bound: whole && boundFor(policy, prepared.statement, whole),
    formats: whole?.resultFormats,
    madeFor: filled ? person : undefined,
    given: token?.value,
    hold: false,
    kept: false,
    depth: 0,
    epoch: c.epoch,
  };
  const opened = isPlanned(prepared.statement, policy) ? openPortal(c, portal, policy) : undefined;
  if (opened === 'wait') return false;
  if (opened === 'refused') return true;
  const versions = [c.portals.define(head.portal, portal, c.batch)];
  const pending: PendingBind = {
    kind: 'bind',
    batch: c.batch,
    own: false,
    versions,
    portal,
    run: opened,
    rendered,
    plan: by?.plan,
  };
  if (by && whole) sendBound(c, by, withResult(whole, formatsOf(whole, added)), pending);
  else if (bytes) c.send(bytes, pending);
  else c.pass(addition ? frame : withFormats(frame, added), pending, addition);
  if (opened) c.pins.ran(pending.batch);
  return true;
}

/**
 * Refused by a Bind of a statement that is not there: PostgreSQL looks for the statement, and counts its parameters, before it
 * looks whether the transaction has failed, so this error comes where its own would.
 */
function refuseByName(c: Conversation, reason: Refusal): boolean {
  const forced = ownWords(c, reason);
  // A pooler that keeps prepared statements would end the connection.
  if (c.ports.pooling === 'transaction') {
    refuseExtended(c, forced);
    return true;
  }
  const name = privateName(forced.id);
  const noValues = { formats: [], values: new Uint8Array(0), valueCount: 0, resultFormats: [] };
  const bytes = bind({ portal: name, statement: name, ...noValues });
  return sendUnknown(c, bytes, { kind: 'bind', batch: c.batch, own: false, versions: [], forced });
}

/**
 * The value for what sets the token; undefined for anything else. It ends here: the server is sent an empty text, in a Bind of the
 * guard's own.
 */
function tokenIn(
  { statement }: Prepared,
  whole: Bind | undefined,
): { readonly value: string | undefined; readonly bytes: Uint8Array } | 'too long' | undefined {
  const { to } = (statement && tokenChangeOf(statement.kind)) ?? {};
  if (typeof to !== 'object' || !('parameter' in to)) return undefined;
  // The server gets none of it, so that nothing else would hold back a client that binds long ones.
  if (!whole || whole.values.length > MOST_KEPT) return 'too long';
  const none = { ...whole, valueCount: 0, values: new Uint8Array(0), formats: [] };
  return { value: firstValue(whole), bytes: bind(none, new Array(whole.valueCount).fill('')) };
}

/** If a permit may pay for its rows, the limits of one statement do not apply, and neither does a LIMIT that enforces them. */
function mayBePaid(c: Conversation, statement: StatementJudgement, policy: SessionPolicy): boolean {
  return c.ports.budget.mayPay?.(policy, statement) === true;
}

/** So many bytes of values are kept, for an estimate and for the keys that they give; with longer ones there is neither. */
const MOST_KEPT = 16_384;

/** A copy: the frame is the socket's. */
function boundFor(
  policy: SessionPolicy,
  statement: StatementJudgement | undefined,
  { formats, valueCount, values }: Bind,
): Portal['bound'] {
  const isAsked = (statement?.disclosures?.length ?? 0) > 0 && policy.role.limitedSubjects !== undefined;
  if (valueCount === 0 || values.length > MOST_KEPT || !(isAsked || isEstimated(policy))) return undefined;
  return { formats, valueCount, values: new Uint8Array(values) };
}

/** Values of the guard's own parameters, in text format, and the formats of all. */
interface OwnValues {
  readonly values: readonly string[];
  readonly formats: readonly number[];
}

/** They follow the client's; undefined if there are none. */
function ownValues(
  { formats }: BindHead,
  { rendered, parameters }: Prepared,
  values: SlotValues,
): OwnValues | undefined {
  const { added } = rendered;
  if (added.length === 0) return undefined;
  const texts = added.map((parameter) => parameterValue(parameter, values));
  if (formats.every((format) => format === 0)) return { values: texts, formats: [] };
  const own = formats.length === 1 ? new Array<number>(parameters).fill(formats[0]!) : formats;
  return { values: texts, formats: [...own, ...added.map(() => 0)] };
}

/** Each member by its name: with a spread V8 makes a new hidden class for each such object, and keeps it. */
function withValues({ portal, statement, valueCount, values, resultFormats }: Bind, own: OwnValues): Uint8Array {
  return bind({ portal, statement, formats: own.formats, valueCount, values, resultFormats }, own.values);
}

function additionTo(frame: Frame, head: BindStart, { values, formats }: OwnValues, hidden: Added): BindAddition {
  const results = hidden && RESULT_FORMATS[hidden];
  return new BindAddition(head, frame.length, formats, values.map(textValue), results);
}

const RESULT_FORMATS = { last: 'one more', only: 'none' } as const;

/** Of an EXECUTE, which has no parameters of the guard's. One that comes in pieces goes as it is: the server refuses formats that do not fit. */
function withFormats(frame: Frame, added: Added): Frame {
  if (added === undefined || !frame.last) return frame;
  const message = decodeBind(frame.bytes);
  const bytes = bind(withResult(message, formatsOf(message, added)));
  return { ...frame, bytes, length: bytes.length };
}

function withResult({ portal, statement, formats, valueCount, values }: Bind, resultFormats: readonly number[]): Bind {
  return { portal, statement, formats, valueCount, values, resultFormats };
}

/** Of the result's columns, with that which the guard has added. */
function formatsOf({ resultFormats: own }: Bind, added: Added): readonly number[] {
  if (added === undefined) return own;
  return added === 'only' ? [] : own.length > 1 ? [...own, 0] : own;
}

/** What PostgreSQL would say of a wrong count: its own message would count the added parameters. */
function misfitOf(message: BindHead, { name, parameters }: Prepared): string | undefined {
  const { formats, valueCount } = message;
  if (formats.length > 1 && formats.length !== valueCount) {
    return `bind message has ${formats.length} parameter formats but ${valueCount} parameters`;
  }
  if (valueCount === parameters) return undefined;
  return `bind message supplies ${valueCount} parameters, but prepared statement "${name}" requires ${parameters}`;
}

/**
 * Bind plans, and planning evaluates constants; commands are not planned. INVARIANT 243: it also tries operators that can fail on values of the
 * statistics, which are people's: its error is paid. No other message may be between the Bind of a CALL and its Execute: after
 * another Execute of its batch its procedure could not commit.
 */
function isPlanned(statement: StatementJudgement | undefined, { role }: SessionPolicy): boolean {
  const kind = statement?.kind.kind;
  if (kind !== 'read' && kind !== 'write') return false;
  const fails = statement?.disclosures?.some(({ subject, canFail }) => {
    return canFail !== 'no' && role.limitedSubjects?.has(subject);
  });
  return statement?.runsUserCode === true || fails === true;
}
