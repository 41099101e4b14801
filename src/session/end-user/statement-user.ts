/** Which end user a statement runs for; and which statements may not run without one. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Judgement, StatementJudgement, StatementKind, TokenChange } from '../../guard/decision.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Template } from '../../sql/text/template.ts';
import type { SessionPolicy } from '../ports.ts';
import type { Conversation } from '../state/conversation.ts';
import type { StatementTraits } from '../state/execution-rules.ts';
import type { Prepared } from '../state/prepared.ts';
import type { EndUser } from './end-user.ts';
import {
  expectedTag,
  type SettingChange,
  type StatementEndUser,
  type TokenSetting,
  type TokenText,
} from './token-setting.ts';

/** What matters of a statement for finding its end user. */
export interface EndUserQuestion {
  readonly statement: StatementJudgement;
  /** The statement that an EXECUTE or FETCH runs; undefined if not known. */
  readonly inner?: StatementJudgement | undefined;
  readonly nature: StatementTraits;
  /** The sent text contains attributes from a token. */
  readonly filled: boolean;
  /** The end user for whom the cursor, or the prepared statement, was made. */
  readonly madeFor?: EndUser | undefined;
  /** What an EXECUTE in SQL runs: it can be prepared again for another end user. */
  readonly runs?: Prepared | undefined;
  /** The value that Bind gave for the token; undefined: none, or NULL. */
  readonly given?: string | undefined;
}

/** `person`: the end user whose attributes fill the message. */
export type MessageEndUsers =
  | { readonly of: readonly StatementEndUser[]; readonly person?: EndUser | undefined }
  | { readonly refuse: Refusal; readonly at: number; readonly forUser?: PreparedForAnother }
  | 'wait';

/** A prepared statement that could run if it were prepared again for the current end user. */
export interface PreparedForAnother {
  readonly prepared: Prepared;
  readonly person: EndUser;
}

/** The current end user; `refused`: why the token names none. */
export interface CurrentEndUser {
  readonly person?: EndUser;
  readonly refused?: Refusal;
}

const NOBODY = {};

/** As far as is known: earlier messages have been answered, or cannot change it. */
export function currentEndUser(c: Conversation, policy: SessionPolicy): CurrentEndUser | 'wait' {
  if (policy.principal.token === undefined) return NOBODY;
  return isMoving(c) ? 'wait' : behind(c, policy, c.token.token);
}

/** For the record of a refusal, which waits for nothing. */
export function endUserOf(c: Conversation, policy: SessionPolicy): EndUser | undefined {
  const { token } = c.token;
  const check = policy.principal.token && token !== undefined && c.ports.persons?.check(policy, token);
  return check && check !== 'wait' && 'user' in check ? check : undefined;
}

/** Earlier messages may still be undone, and the setting with them. */
function isMoving(c: Conversation): boolean {
  return c.tokenMovesIn !== undefined && c.tokenMovesIn < c.batch;
}

function behind(c: Conversation, policy: SessionPolicy, token: TokenText): CurrentEndUser | 'wait' {
  if (token === undefined) return NOBODY;
  const check = c.ports.persons?.check(policy, token) ?? { refused: takesNone() };
  if (check !== 'wait') return 'refused' in check ? check : { person: check };
  c.admission.hold(policy);
  return 'wait';
}

/** For statements of an account without end users. */
export const WITHOUT_END_USER: { readonly of: readonly StatementEndUser[]; readonly person?: EndUser | undefined } = {
  of: [],
};

/** Does their end user matter? */
export function needEndUsers(policy: SessionPolicy, statements: readonly StatementJudgement[]): boolean {
  return policy.principal.token !== undefined || statements.some(({ kind }) => tokenChangeOf(kind) !== undefined);
}

/** For the statements of a message, each after those before it. */
export function endUsersOf(c: Conversation, policy: SessionPolicy, asked: readonly EndUserQuestion[]): MessageEndUsers {
  if (isMoving(c)) return 'wait';
  // What transaction control leaves of the setting depends on whether the transaction has failed, which the server is to say first.
  if (c.pending.batchEnds > 0 && asked.slice(0, -1).some(({ statement }) => moves(statement.kind))) return 'wait';
  const of: StatementEndUser[] = [];
  // Control that has run in this batch has ended the failure; had it failed, the server would drop this message.
  let failed = c.status === 'E' && !c.batchHasControl;
  const setting = c.token.copy();
  let moved = false;
  let filledFor: EndUser | undefined;
  for (const [at, one] of asked.entries()) {
    const { kind } = one.statement;
    const change = changeOf(kind, one.given);
    const token = change === undefined ? setting.token : setting.tokenAfter(change);
    const now = behind(c, policy, token);
    if (now === 'wait') return 'wait';
    const { person, refused } = now;
    const gone = givesBack(c, policy, one);
    if (gone === 'wait') return 'wait';
    if (gone) return { refuse: gone, at };
    if (change && change.to !== 'default' && refused) return { refuse: refused, at };
    if (!person && needsEndUser(one, policy)) return { refuse: refused ?? missing(policy), at };
    if (one.madeFor && !(person && isSameEndUser(one.madeFor, person))) {
      // Where the message itself has set the token, the server could not be asked before it.
      const forUser = person && one.runs && !moved && { prepared: one.runs, person };
      return { refuse: madeForAnother(), at, ...(forUser && { forUser }) };
    }
    if (one.filled) {
      if (filledFor && person && !isSameEndUser(filledFor, person)) return { refuse: severalPeople(), at };
      filledFor = person;
    }
    of.push({ person, ...(change && { change }) });
    follow(setting, kind, change, kind.kind === 'transaction' ? expectedTag(kind, failed) : '');
    if (kind.kind === 'transaction') failed = false;
    moved ||= moves(kind);
  }
  return { of, person: filledFor };
}

/** A logout: done before the message is sent, whatever becomes of it. @returns why it is refused; undefined if it is done, or is not a logout. */
function givesBack(
  c: Conversation,
  policy: SessionPolicy,
  { statement, given }: EndUserQuestion,
): Refusal | 'wait' | undefined {
  const change = tokenChangeOf(statement.kind);
  if (!change?.logout || typeof change.to !== 'object') return undefined;
  const token = 'value' in change.to ? change.to.value : given;
  if (!token) return undefined;
  const outcome = c.ports.persons?.giveBack(policy, token) ?? { refused: takesNone() };
  if (outcome === 'wait') c.admission.hold(policy);
  if (typeof outcome === 'object') return outcome.refused;
  return outcome === 'wait' ? outcome : undefined;
}

/** Enters what a complete statement has done to the setting. */
export function follow(
  setting: TokenSetting,
  kind: StatementKind,
  change: SettingChange | undefined,
  tag: string,
): void {
  if (change) setting.set(change);
  else if (kind.kind === 'transaction') setting.control(kind, tag);
}

/** May it give the setting another value, once it is complete? */
export function moves(kind: StatementKind): boolean {
  switch (kind.kind) {
    case 'set':
      return kind.token !== undefined && !kind.token.logout;
    case 'discard':
      return kind.all;
    case 'transaction':
      return kind.action !== 'begin' && kind.action !== 'savepoint' && kind.action !== 'release';
    default:
      return false;
  }
}

/** Does the text hold something that comes from a token? */
export function isFilled(template: Template, role: RolePolicy): boolean {
  return template.some(
    (piece) => typeof piece !== 'string' && piece.kind === 'attribute' && role.attributes.get(piece.name)?.fromToken,
  );
}

/** The same of one statement among several. What runs by name may run what others of the message have filled. */
export function isFilledAt(judgement: Judgement, at: number, role: RolePolicy, runsWhatIsHere: boolean): boolean {
  if (!isFilled(judgement.template, role)) return false;
  const { extent } = judgement.statements[at]!;
  if (judgement.statements.length === 1 || !extent || runsWhatIsHere) return true;
  return judgement.edits.some(
    ({ start, end, text }) => start >= extent.start && end <= extent.end && isFilled(text, role),
  );
}

/** The same person, with the same attributes: a token that was renewed is another one. */
export function isSameEndUser(a: EndUser, b: EndUser): boolean {
  if (a === b) return true;
  return (
    a.user === b.user &&
    a.attributes.size === b.attributes.size &&
    [...a.attributes].every(([name, value]) => b.attributes.get(name) === value)
  );
}

/** How the statement sets the token; undefined if it does not. */
export function tokenChangeOf(kind: StatementKind): TokenChange | undefined {
  return kind.kind === 'set' ? kind.token : undefined;
}

function changeOf(kind: StatementKind, given: string | undefined): SettingChange | undefined {
  if (kind.kind === 'discard') return kind.all ? { local: false, to: 'default' } : undefined;
  const token = tokenChangeOf(kind);
  if (!token || token.logout) return undefined;
  const { local, to } = token;
  if (to === 'default') return { local, to };
  // The empty text is no token: it is the value of a setting that was never set.
  return { local, to: { token: ('value' in to ? to.value : given) || undefined } };
}

/**
 * INVARIANT 60: a statement that a token fills, or that is limited for each end user, does not run without an end user. In observe mode nothing is
 * filled or limited.
 */
export function needsEndUser({ filled, nature, statement, inner }: EndUserQuestion, { role }: SessionPolicy): boolean {
  if (filled) return true;
  const { limitsPerUser: limits } = role;
  if (limits === undefined || role.mode === 'observe') return false;
  const { rows, bytes, changed, statements, subjects, answers } = limits;
  // INVARIANT 183: it shows no row, but whether it can be planned, and read at COMMIT, tells of people.
  const isOpened = statement.kind.kind === 'declare' && (subjects ?? answers) !== undefined;
  if (!nature.changes && !(nature.givesRows && nature.metered) && !isOpened) return false;
  if (rows || bytes || changed || statements) return true;
  if (subjects === undefined && answers === undefined) return false;
  // Only what was judged, and shows no person, takes nothing from a limit on people. Not judged: what was made elsewhere, and all of an unrestricted role.
  const { disclosures } = inner ?? statement;
  return disclosures === undefined || disclosures.length > 0;
}

/** The refusal of a statement that needs an end user (28000). */
export function missing({ principal }: SessionPolicy): Refusal {
  return refusal('token-missing', '28000', 'no token says for whom this is', {
    hint: "Set one first: SET LOCAL rowgate.token = '…', in the transaction.",
    rule: principal.token?.rule,
  });
}

function takesNone(): Refusal {
  return refusal('token-refused', '28000', 'this account takes no tokens', { hint: 'Leave rowgate.token out.' });
}

function madeForAnother(): Refusal {
  return refusal('token-refused', '28000', 'it was opened for another person than the one of the present token', {
    hint: 'Open it again.',
  });
}

function severalPeople(): Refusal {
  return refusal('unsupported', '0A000', 'statements for several people cannot stand in one message', {
    hint: 'Send the statements one by one.',
  });
}
