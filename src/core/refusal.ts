/** Everything that a client can be told by Rowgate itself: named constructors, each with its SQLSTATE. Floor 0: imports nothing. */

/** Why a statement was refused; written to the decision log as `reason`. A closed list, so that a report can count on it. */
export type Reason =
  | 'syntax' // does not parse
  | 'too-large' // over the caps on bytes or nesting
  | 'too-complex' // its judgement would take too long
  | 'unsupported' // a form that Rowgate does not (yet) judge
  | 'statement-not-allowed' // a kind of statement that the role was not granted
  | 'relation-not-granted'
  | 'column-withheld'
  | 'column-unknown'
  | 'relation-unknown'
  | 'function-not-granted'
  | 'function-unknown' // none of that name takes these arguments, or several do
  | 'operator-not-granted'
  | 'operator-unknown' // likewise, of operands
  | 'type-not-granted'
  | 'setting-not-allowed'
  | 'row-check' // a new row that the role could not see, or may not write
  | 'pattern' // a LIKE pattern that ends in its escape character
  | 'write-restricted' // INSERT, UPDATE, DELETE, MERGE on a restricted table
  | 'pooled' // it does not work through a pooler of transactions
  | 'min-group' // single rows, or groups of few, for a role that sees larger ones only
  | 'collects' // values of several guarded rows in one
  | 'uncountable' // it tells of people in a way that cannot be counted, and they are
  | 'estimates' // EXPLAIN where estimates would tell
  | 'provenance' // the server names a column that the role may not read
  | 'limit-rows'
  | 'limit-bytes'
  | 'limit-changed' // rows written
  | 'estimated-rows' // more than the planner may expect
  | 'not-estimated' // the planner could not be asked, or said nothing
  | 'limit-window' // what a principal may take in a time
  | 'locked' // the principal is locked out
  | 'break-glass' // the principal is closed, and nothing opens it now
  | 'store-unavailable' // what is left of a budget cannot be told
  | 'token-missing' // it needs to know the person behind the account, and no token was set
  | 'token-refused' // nobody is behind this token, or not any more
  | 'token-unchecked' // the keys that it is checked by cannot be had
  | 'cancelled' // by the client, while it waited for its budget
  | 'role-disabled'
  | 'not-recorded' // the decision log cannot be written
  | 'not-verified' // Rowgate's own output did not parse to the tree that it meant
  | 'internal';

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
