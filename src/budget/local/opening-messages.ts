/** What clients are told where a principal is closed by `break_glass`, in words. */

import type { LoginRefusal } from '../../core/login-refusal.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { BreakGlass } from '../../policy/model/policy.ts';

/** Told only to who has shown the password. */
export function closedLogin(principal: string, rule: BreakGlass): LoginRefusal {
  return {
    reason: 'break-glass',
    sqlstate: '28000',
    message: `principal "${principal}" is closed`,
    detail: opened(rule),
    hint: HINT,
  };
}

/** The end of a session whose opening is over. */
export function closedSession(principal: string, rule: BreakGlass): LoginRefusal {
  return {
    ...closedLogin(principal, rule),
    sqlstate: '57P05',
    message: `terminating connection because principal "${principal}" is closed again`,
  };
}

/** A statement in such a session, in the moment before it ends. */
export function closedRefusal(principal: string, rule: BreakGlass): Refusal {
  return refusal('break-glass', '28000', `principal "${principal}" is closed again`, {
    detail: opened(rule),
    hint: HINT,
  });
}

function opened({ approvals }: BreakGlass): string {
  const who = approvals === 1 ? '1 approver has' : `${approvals} approvers have`;
  return `It is opened for a time when ${who} signed it.`;
}

const HINT = 'Ask for an opening by "rowgate break-glass ask", on the host of the guard.';
