/** The charge for a statement before it runs, so that neither its answer nor a refusal discloses more than was paid for (`docs/limits.md`). */
import type { StatementJudgement, StatementKind } from '../../guard/decision.ts';
import { cannotBeCounted } from '../../guard/stages/disclosures.ts';
import type { Disclosure } from '../../guard/subjects/disclosure.ts';
import { readArguments } from '../../guard/subjects/given-keys.ts';
import type { SessionPolicy } from '../session-policy.ts';
import type { Prepayment } from './budget-port.ts';
import { type BoundValues, givenKeys } from './given-keys.ts';

/** The statement with the client's own text, which contains the given keys. */
export interface Asking {
  readonly statement: StatementJudgement;
  /** The statement that it runs by name; undefined if it runs no other, or an unknown one. */
  readonly inner: StatementJudgement | undefined;
  /** The client's text. */
  readonly text: string;
  /** Absent if they are not known. */
  readonly bound: BoundValues | undefined;
}

const NOTHING: readonly Prepayment[] = [];

/** Nothing where no limit of the role counts what it tells. */
export function prepaymentsOf(asking: Asking, { role }: SessionPolicy): readonly Prepayment[] {
  const { statement, inner } = asking;
  const { disclosures } = inner ?? statement;
  const { limitedSubjects, rule } = role;
  if (!disclosures || disclosures.length === 0 || !limitedSubjects || role.mode === 'observe') return NOTHING;
  const all: Prepayment[] = [];
  for (const disclosure of disclosures) {
    const one = limitedSubjects.has(disclosure.subject) ? prepaymentOf(disclosure, asking, rule) : undefined;
    if (one) all.push(one);
  }
  return all;
}

function prepaymentOf(disclosure: Disclosure, asking: Asking, rule: string): Prepayment | undefined {
  const { subject, unread } = disclosure;
  const asks = (setsAside: Prepayment['setsAside']) => ({ subject, pinned: false, keys: [], setsAside });
  const { kind } = asking.statement;
  const given = runs(kind) === 'now' || kind.kind === 'execute' ? keysOf(disclosure, asking) : undefined;
  if (given)
    return {
      subject,
      pinned: true,
      keys: given,
      setsAside: disclosure.canFail === 'no' ? 'nothing' : keptFor(disclosure),
    };
  if (unread !== undefined && (runs(kind) === 'now' || kind.kind === 'execute' || jumpsInCursor(kind)))
    return { ...asks('nothing'), refusal: cannotBeCounted(disclosure, unread, rule) };
  // INVARIANT 182: that it cannot fail was said of people who are counted before it runs.
  const canFail = disclosure.access.kind === 'pinned' ? 'at-once' : disclosure.canFail;
  switch (runs(kind)) {
    case 'nothing':
      return undefined;
    case 'later':
      // INVARIANT 63: DECLARE plans, and planning calls what is STABLE. A cursor WITH HOLD is read at COMMIT, which may fail: that cannot be told apart from others then. Of a question any may.
      // As at Bind, its planning can fail.
      if (asking.statement.runsUserCode || canFail !== 'no') return asks('kept');
      return isHeldCursor(kind) && disclosure.access.kind === 'question' ? asks('kept') : undefined;
    case 'by name':
      return asks(canFail === 'no' && !jumpsInCursor(kind) ? 'one' : keptFor(disclosure));
    case 'now':
  }
  // INVARIANT 190: a row by its own key, too: run with nothing left, it would tell by whatever else sees a row that is withheld (a timeout, another limit).
  return asks(canFail === 'no' ? 'one' : keptFor(disclosure));
}

function keptFor({ leavesNumbers }: Disclosure): 'kept' | 'two' {
  return leavesNumbers ? 'two' : 'kept';
}

/** Is all of it paid before it runs? Undefined if one of the keys cannot be read: then it is a question. */
function keysOf({ access }: Disclosure, { statement, inner, text, bound }: Asking): readonly string[] | undefined {
  if (access.kind !== 'pinned') return undefined;
  const own = inner && text.slice(statement.extent?.start, statement.extent?.end);
  const keys = new Set<string>();
  for (const place of access.people) {
    // A prepared statement has another text.
    const given = own === undefined ? givenKeys(place, text, bound) : readArguments(own, place);
    // One key, or what cannot be read: nothing can stand there twice.
    if (!given || (given.length < 2 && access.people.length === 1)) return given;
    for (const key of given) keys.add(key);
  }
  return [...keys];
}

/** FETCH and MOVE from another place than the next one: which rows there are tells something by itself. */
export function jumpsInCursor(kind: StatementKind): boolean {
  return kind.kind === 'fetch' && kind.forward === undefined;
}

/** `DECLARE … WITH HOLD`: its rows outlive the transaction. */
export function isHeldCursor(kind: StatementKind): boolean {
  return kind.kind === 'declare' && kind.hold;
}

function runs(kind: StatementKind): 'nothing' | 'later' | 'now' | 'by name' {
  switch (kind.kind) {
    case 'prepare':
      return 'nothing';
    case 'declare':
      return 'later';
    case 'fetch':
    case 'execute':
      return 'by name';
    default:
      return 'now';
  }
}
