/** Everything that a client can be told by Rowgate itself: named constructors, each with its SQLSTATE. Floor 0. */

import type { Reason } from './reasons.ts';

/** An answer to the client. `position` counts characters of the client's own text from 1, as PostgreSQL does. */
export interface Refusal {
  readonly severity: 'ERROR' | 'FATAL';
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: number;
  readonly reason: Reason;
  /** `roles/teacher.yaml:7`: the line of policy that decided, where there is one. */
  readonly rule?: string;
}

export interface RefusalExtras {
  detail?: string | undefined;
  hint?: string | undefined;
  position?: number | undefined;
  rule?: string | undefined;
}

/** Builds a Refusal of severity ERROR; `undefined` extras are left out. */
export function refusal(reason: Reason, sqlstate: string, message: string, extras: RefusalExtras = {}): Refusal {
  return {
    severity: 'ERROR',
    sqlstate,
    message,
    reason,
    ...(extras.detail !== undefined && { detail: extras.detail }),
    ...(extras.hint !== undefined && { hint: extras.hint }),
    ...(extras.position !== undefined && { position: extras.position }),
    ...(extras.rule !== undefined && { rule: extras.rule }),
  };
}
