/** Parse: a text is judged, and prepared as it may be sent. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Judgement } from '../../guard/decision.ts';
import { isNameType } from '../../guard/metadata/reg-types.ts';
import { unreadable } from '../../guard/unreadable.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { decodeParse, decodeParseName, parse } from '../../protocol/parse.ts';
import { currentEndUser, isFilled, missing } from '../end-user/statement-user.ts';
import type { SessionPolicy } from '../ports.ts';
import { NOTHING_JUDGED } from '../recorder.ts';
import type { Conversation } from '../state/conversation.ts';
import { MOST_REMEMBERED } from '../state/names.ts';
import { Prepared } from '../state/prepared.ts';
import { cannotTakeOut } from '../state/row-check.ts';
import { unsettled } from '../state/unknown-names.ts';
import { judged } from './judging.ts';
import { executedOf, withOwnArguments } from './own-arguments.ts';
import { decideRefusal, ownWords, refuseExtended, textTooLong } from './refuse.ts';
import type { AddedParameter } from './render.ts';
import { renderFor, slotValues, takesParameters } from './revalidate.ts';

/** The pseudo-type of an untyped literal. */
const UNKNOWN = 705;

/** PostgreSQL's bound for the number of parameters: a 16-bit count. */
const MOST_PARAMETERS = 65535;

/** @returns false if the message must wait for the server, or for the session's next turn. */
export function takeParse(c: Conversation, frame: Frame, policy: SessionPolicy): boolean {
  if (!frame.last) return refuseLong(c, frame, policy);
  const { name, text, types } = decodeParse(frame.bytes);
  const own = judged(c, policy, text, types);
  if (own === 'wait') return false;
  const fills = namedBy(c, own);
  if (fills === 'wait') return false;
  const judgement = withOwnArguments(own, text, [fills]);
  const unnamed = name === '';
  const statement = judgement.statements[0];
  const reason =
    judgement.effect === 'refuse'
      ? judgement.refusal!
      : judgement.statements.length > 1
        ? severalCommands()
        : cannotTakeOut(judgement.statements);
  if (reason) {
    const refused = judgement.statements.find((one) => one.refusal) ?? statement ?? unreadable(reason);
    refuseExtended(c, decideRefusal(c, { statement: refused, judgement, policy, text, types }, reason), { unnamed });
    return true;
  }
  if (c.ports.pooling === 'transaction' && !unnamed) {
    const version = c.statements.current(name);
    if (unsettled(c, version)) return false;
    // A pooler that keeps prepared statements would end the connection.
    if (version?.value) {
      refuseExtended(c, ownWords(c, refusal('unsupported', '42P05', `prepared statement "${name}" already exists`)));
      return true;
    }
  }
  const parameters = Math.max(judgement.parameters, types.length);
  // A statement without parameters is filled here, for its current end user.
  const isWritten = isFilled(judgement.template, policy.role) && !takesParameters(judgement, parameters);
  const now = isWritten ? currentEndUser(c, policy) : undefined;
  if (now === 'wait') return false;
  if (now && !now.person) {
    const subject = { statement: statement!, judgement, policy, text, types };
    refuseExtended(c, decideRefusal(c, subject, now.refused ?? missing(policy)), { unnamed });
    return true;
  }
  const values = slotValues(policy, now?.person);
  const rendered = { ...renderFor(text, judgement, policy, parameters, values), ...(fills.length > 0 && { fills }) };
  const prepared = new Prepared({ name, source: 'protocol', rendered, types, parameters, statement, policy });
  if (rendered.added.length + parameters > MOST_PARAMETERS) {
    refuseExtended(
      c,
      ownWords(
        c,
        refusal('unsupported', '54000', 'too many parameters', { hint: 'Send arrays, or fewer rows at a time.' }),
      ),
      { unnamed },
    );
    return true;
  }
  if (c.statements.weight > MOST_REMEMBERED) {
    if (!unnamed) {
      refuseExtended(
        c,
        ownWords(
          c,
          refusal('too-large', '54000', 'too many prepared statements', {
            hint: 'Close or DEALLOCATE those that are done.',
          }),
        ),
      );
      return true;
    }
    // The unnamed statement takes the place of the one before it, which is forgotten once the server has said so.
    if (c.pending.length > 0) return false;
  }
  const mayRunByPlan = unnamed && statement?.reusable && c.plans.isOn && c.rests;
  const versions = [c.statements.define(name, prepared, c.batch)];
  if (mayRunByPlan) {
    const pending = { kind: 'parse', batch: c.batch, own: false, versions, rendered } as const;
    c.withhold({ prepared, bytes: () => parsePrepared(prepared), pending });
    return true;
  }
  const settled =
    judgement.parameterTypes?.some((type, at) => toldType(types[at] ?? 0, type) !== (types[at] ?? 0)) === true;
  const asItCame = rendered.sent === text && rendered.added.length === 0 && !settled;
  const bytes = asItCame ? frame.bytes : parsePrepared(prepared);
  c.send(bytes, { kind: 'parse', batch: c.batch, own: false, versions, rendered });
  return true;
}

/** Parameters of the guard's own in what an EXECUTE names now; whether it still does is asked as it runs. */
function namedBy(c: Conversation, { statements }: Judgement): readonly AddedParameter[] | 'wait' {
  const executed = executedOf(statements[0]?.kind);
  if (!executed) return [];
  const version = c.statements.current(executed.name);
  return unsettled(c, version) ? 'wait' : (version?.value?.rendered.added ?? []);
}

/** A message that is too long to be read anyway: it comes in pieces, and those after the first are dropped. */
function refuseLong(c: Conversation, frame: Frame, policy: SessionPolicy): true {
  const reason = textTooLong();
  const subject = { statement: unreadable(reason), judgement: NOTHING_JUDGED, policy, text: '' };
  refuseExtended(c, decideRefusal(c, subject, reason), { unnamed: decodeParseName(frame.bytes) === '' });
  return true;
}

/** The Parse message of a prepared statement, with the text that is sent. */
export function parsePrepared(prepared: Prepared): Uint8Array {
  const { name, rendered } = prepared;
  const { added, sent } = rendered;
  return parse({ name, text: sent, types: [...toldTypesOf(prepared), ...added.map(({ typeOid }) => typeOid)] });
}

/** Of the client's own parameters: what the client leaves open is what the judgement took it for. */
export function toldTypesOf({ types, parameters, rendered: { judgement } }: Prepared): readonly number[] {
  return Array.from({ length: parameters }, (_, at) => toldType(types[at] ?? 0, judgement.parameterTypes?.[at]));
}

/**
 * The type that the server is sent: the client's, unless its values name objects, which the server must not read. The server settles `unknown` like a
 * type that is left open.
 */
export function toldType(declared: number, judged = 0): number {
  if (declared === UNKNOWN || isNameType(declared)) return judged || declared;
  return declared || judged;
}

function severalCommands(): Refusal {
  return refusal('syntax', '42601', 'cannot insert multiple commands into a prepared statement');
}
