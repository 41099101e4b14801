/** What clients, records and operators are told about budgets and locks, in words. */
import { type Refusal, refusal } from '../../errors.ts';
import type { Lock } from '../../meter/budget-store.ts';
import { type Holder, holderWords } from '../../meter/owner.ts';
import { shownTime } from '../../policy/calendar.ts';
import { amountName, type LimitInForce, windowName } from '../../policy/limits-in-force.ts';
import type { LimitReached, Warning } from '../../session/budget.ts';
import type { LoginRefusal } from '../login/login-refusal.ts';

/** As `limitInForce.name`, with where its window stands. */
export function reached({ name, amount }: LimitInForce, spent: number): LimitReached {
  return { name, used: Math.round(spent), of: amount };
}

/** Nothing more may be taken, or not so much. */
export function limitRefusal(
  holder: Holder,
  limit: LimitInForce,
  spent: number,
  need: number,
  timeZone: string,
): Refusal {
  const { count, unit } = limit.window;
  const frees =
    count === 1 && unit === 'day'
      ? `The next day begins at midnight (${timeZone}).`
      : `What was taken becomes free again ${count === 1 ? `a ${unit}`.replace('a hour', 'an hour') : `${count} ${unit}s`} later.`;
  const more = spent < limit.amount ? ` This needs ${counted(limit, need)} more.` : '';
  return refusal('limit-window', '53400', `${holderWords(holder)} ${soFar(limit, spent)}`, {
    detail: `${frees}${more}`,
    hint: ASK,
    rule: limit.rule,
  });
}

/** A limit was passed that only warns, or slows down, or will lock soon. */
export function limitWarning(holder: Holder, limit: LimitInForce, spent: number): Warning {
  const detail = {
    warn: 'The limit warns only; who keeps the policies is told.',
    throttle: 'Results flow more slowly until it is below its limit again.',
    lock: `The ${holder.user === undefined ? 'principal' : 'user'} will be locked out when the limit is passed.`,
    deny: 'Nothing more is given above the limit.',
  }[limit.effect];
  return { message: `${holderWords(holder)} ${soFar(limit, spent)}`, detail, hint: ASK };
}

/** Events that lead to a lock are near to it. */
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

function counted({ measure }: LimitInForce, need: number): string {
  switch (measure) {
    case 'rows':
    case 'changed':
      return `${need} rows`;
    case 'bytes':
    case 'statements':
      return `${need} ${measure}`;
    default:
      return measure.startsWith('answers.') ? `${need} answers` : `${need} people`;
  }
}

const ASK = 'Ask who keeps the policies; they may raise a limit for a time.';

/** A statement of who is locked out. */
export function lockedRefusal(holder: Holder, lock: Lock, timeZone: string): Refusal {
  return refusal('locked', '28000', `${holderWords(holder)} is locked out: ${lock.reason}`, {
    detail: untilWhen(lock, timeZone),
    hint: ASK_RELEASE,
  });
}

/** A login of one. INVARIANT: told only to who has shown the password. */
export function lockedLogin(holder: Holder, lock: Lock, timeZone: string): LoginRefusal {
  return {
    reason: 'locked',
    sqlstate: '28000',
    message: `${holderWords(holder)} is locked out: ${lock.reason}`,
    detail: untilWhen(lock, timeZone),
    hint: ASK_RELEASE,
  };
}

/** The end of a session of one. */
export function lockedSession(holder: Holder, lock: Lock, timeZone: string): LoginRefusal {
  return {
    ...lockedLogin(holder, lock, timeZone),
    sqlstate: '57P05',
    message: `terminating connection because ${holderWords(holder)} was locked out: ${lock.reason}`,
  };
}

function untilWhen({ until }: Lock, timeZone: string): string {
  return until === undefined ? 'It stays so until it is released.' : `It ends at ${shownTime(until, timeZone)}.`;
}

const ASK_RELEASE = 'Ask who keeps the policies; they may release it.';

/** What is left cannot be said. */
export function storeUnavailable(): Refusal {
  return refusal('store-unavailable', '53400', 'the store of the budgets cannot be reached', {
    detail: 'What is left of the limits cannot be told, so nothing more is given.',
    hint: 'Try again in a moment. Tell the operator of the guard if it lasts.',
  });
}

/** A permit is used up. */
export function permitSpent(id: string, rows: number): Refusal {
  return refusal('limit-window', '53400', `permit "${id}" is used up: it was for ${rows} rows`, {
    hint: 'Ask for another one.',
  });
}
