/** Messages about budgets and locks, for clients, records and operators. */

import type { LimitReached } from '../../core/alarm-sink.ts';
import type { LoginRefusal } from '../../core/login-refusal.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { AccountLock } from '../../metering/budget-store.ts';
import { type Holder, holderWords } from '../../metering/owner.ts';
import { amountName, type LimitInForce, windowName } from '../../policy/model/limits-in-force.ts';
import { shownTime } from '../../policy/source/calendar.ts';
import type { Warning } from '../../session/admission/budget-port.ts';

/** The limit's name, and how much of it is used. */
export function reached({ name, amount }: LimitInForce, spent: number): LimitReached {
  return { name, used: Math.round(spent), of: amount };
}

/** How much of a limit is used. */
export interface LimitUsage {
  readonly spent: number;
  /** Set aside for running statements. */
  readonly setAside: number;
}

/** The charge for a statement before it runs. */
export interface Price {
  readonly need: number;
  /** How many data subjects it asks about by key. */
  readonly people: number;
  /** The part of `need` for subjects that are not counted yet. */
  readonly fresh: number;
}

/**
 * A limit is used up, or leaves too little.
 * @param price undefined if the statement already runs. Then only what is left is stated: what the statement would show or change depends on hidden
 * rows.
 */
export function limitRefusal(
  holder: Holder,
  limit: LimitInForce,
  stand: LimitUsage,
  price: Price | undefined,
  timeZone: string,
): Refusal {
  const {
    message,
    detail = '',
    hint,
  } = ofPeople(holder, limit, stand, price) ?? {
    message: `${holderWords(holder)} ${soFar(limit, stand.spent)}`,
    detail:
      limit.amount > stand.spent
        ? ` This needs more than the ${limit.amount - Math.round(stand.spent)} that are left.`
        : '',
    hint: ASK,
  };
  return refusal('limit-window', '53400', message, {
    detail: `${whenFree(limit, timeZone)}${detail}`,
    hint,
    rule: limit.rule,
  });
}

function whenFree({ window: { count, unit } }: LimitInForce, timeZone: string): string {
  if (count === 1 && unit === 'day') return `The next day begins at midnight (${timeZone}).`;
  const length = count === 1 ? `a ${unit}`.replace('a hour', 'an hour') : `${count} ${unit}s`;
  return `What was taken becomes free again ${length} later.`;
}

/** Undefined if the limit is not on data subjects. */
function ofPeople(
  holder: Holder,
  limit: LimitInForce,
  stand: LimitUsage,
  price: Price | undefined,
): Warning | undefined {
  const { measure, amount, window } = limit;
  const [, kind, subject] = /^(subjects|answers)\.(.*)$/s.exec(measure) ?? [];
  if (subject === undefined) return undefined;
  const of = `of subject "${subject}"`;
  const left = (taken: number): string =>
    `${Math.max(0, Math.round(amount - taken))} of ${amount}${kind === 'answers' ? ' answers' : ''} ${windowName(window)}`;
  if (!price) {
    return {
      message: `statement tells more about people ${of} than ${holderWords(holder)} has left: ${left(stand.spent)}`,
      hint: `Show the key of each row, ask for fewer rows or columns, or ${ASK_FOR_MORE}`,
    };
  }
  const { people, fresh, need } = price;
  const setAside = Math.round(stand.setAside);
  const has = `${holderWords(holder)} has ${left(stand.spent + stand.setAside)} left`;
  const running = setAside > 0 ? ` Set aside for statements that run: ${setAside}.` : '';
  if (people === 0) {
    return {
      message: `statement costs an answer about people ${of}, and ${has}`,
      detail: `${need > 1 ? ' It needs two: one more for what an error leaves behind.' : ''}${running}`,
      hint: `Give the keys of people who are counted already, in a statement that cannot fail, or ${ASK_FOR_MORE}`,
    };
  }
  const some = fresh < people ? `, of whom ${fresh} ${fresh === 1 ? 'is' : 'are'} not counted yet` : '';
  return {
    message: `statement asks about ${people} ${people === 1 ? 'person' : 'people'} ${of}${some}, and ${has}`,
    detail: `${MORE[need - fresh] ?? ''}${running}`,
    hint: `Ask for fewer of them, or ${ASK_FOR_MORE}`,
  };
}

/** By how many places it needs beside those of its people. */
const MORE = [
  '',
  ' One more is needed for its answer or an error.',
  ' Two more are needed for its answer, an error, and what that leaves behind.',
];

/** Warns of an exceeded limit that only warns or throttles, or of one that will lock soon. */
export function limitWarning(holder: Holder, limit: LimitInForce, spent: number): Warning {
  const detail = {
    warn: 'The limit warns only; who keeps the policies is told.',
    throttle: 'Results flow more slowly until it is below its limit again.',
    lock: `The ${holder.user === undefined ? 'principal' : 'user'} will be locked out when the limit is passed.`,
    deny: 'Nothing more is given above the limit.',
  }[limit.effect];
  return { message: `${holderWords(holder)} ${soFar(limit, spent)}`, detail, hint: ASK };
}

/** Warns that events will soon lead to a lock. */
export function eventsWarning(holder: Holder, event: 'overrun' | 'refusal', used: number, of: number): Warning {
  return {
    message: `${holderWords(holder)} has ${used} of ${of} ${event}s after which ${holder.user === undefined ? 'it is' : 'they are'} locked out`,
    hint: ASK,
  };
}

/** `has taken 2000 of 2000 rows per hour` */
function soFar(limit: LimitInForce, spent: number): string {
  const { measure, amount, window } = limit;
  const many = `${Math.round(spent)} of ${amount}`;
  const when = windowName(window);
  switch (measure) {
    case 'rows':
      return `has taken ${many} rows ${when}`;
    case 'bytes':
      return `has taken ${many} bytes (${amountName(measure, amount)}) ${when}`;
    case 'statements':
      return `has sent ${many} statements ${when}`;
    case 'changed':
      return `has changed ${many} rows ${when}`;
    default:
      return measure.startsWith('answers.')
        ? `has had ${many} answers about people of subject "${measure.slice('answers.'.length)}" ${when}`
        : `has seen ${many} people of subject "${measure.slice('subjects.'.length)}" ${when}`;
  }
}

const ASK_FOR_MORE = 'ask who keeps the policies: they may raise a limit for a time.';
const ASK = 'Ask who keeps the policies; they may raise a limit for a time.';

/** Refuses a statement of a locked-out holder. */
export function lockedRefusal(holder: Holder, lock: AccountLock, timeZone: string): Refusal {
  return refusal('locked', '28000', `${holderWords(holder)} is locked out: ${lock.reason}`, {
    detail: untilWhen(lock, timeZone),
    hint: ASK_RELEASE,
  });
}

/** Refuses a login of a locked-out holder. Only a client that has shown the password is told. */
export function lockedLogin(holder: Holder, lock: AccountLock, timeZone: string): LoginRefusal {
  return {
    reason: 'locked',
    sqlstate: '28000',
    message: `${holderWords(holder)} is locked out: ${lock.reason}`,
    detail: untilWhen(lock, timeZone),
    hint: ASK_RELEASE,
  };
}

/** Ends a session of a locked-out holder. */
export function lockedSession(holder: Holder, lock: AccountLock, timeZone: string): LoginRefusal {
  return {
    ...lockedLogin(holder, lock, timeZone),
    sqlstate: '57P05',
    message: `terminating connection because ${holderWords(holder)} was locked out: ${lock.reason}`,
  };
}

function untilWhen({ until }: AccountLock, timeZone: string): string {
  return until === undefined ? 'It stays so until it is released.' : `It ends at ${shownTime(until, timeZone)}.`;
}

const ASK_RELEASE = 'Ask who keeps the policies; they may release it.';

/** The budget is not known. */
export function storeUnavailable(): Refusal {
  return refusal('store-unavailable', '53400', 'the store of the budgets cannot be reached', {
    detail: 'What is left of the limits cannot be told, so nothing more is given.',
    hint: 'Try again in a moment. Tell the operator of the guard if it lasts.',
  });
}

/** A permit is used up, or does not cover the whole statement. */
export function permitSpent(id: string, rows: number, left: number): Refusal {
  const message =
    left > 0
      ? `statement needs more than permit "${id}" has left: ${left} of ${rows} rows`
      : `permit "${id}" is used up: it was for ${rows} rows`;
  return refusal('limit-window', '53400', message, { hint: 'Ask for another one.' });
}
