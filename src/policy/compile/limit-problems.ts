/** Problems of limits beyond their syntax. */

import { type During, type Limits, STATEMENT_LIMIT_KEYS, STATEMENT_LIMITS } from '../model/limits.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';

/** A limit that throttles needs a `throttle` rate. */
export function checkThrottles(
  limits: Limits | undefined,
  said: boolean,
  document: PolicyDocument,
  path: Path,
  report: DiagnosticReport,
): void {
  if (!limits || said || !throttles(limits)) return;
  report.error(document.place(path), 'a limit here throttles, but the role has no "throttle" that says how much');
}

/** The server gets the statement timeout at login, so a time of `during` cannot change it. */
export function checkDuring(
  during: readonly During[] | undefined,
  document: PolicyDocument,
  path: Path,
  report: DiagnosticReport,
): void {
  during?.forEach(({ limits }, index) => {
    if (limits.statementTimeout === undefined) return;
    const at = [...path, index, 'limits', 'statement_timeout'];
    report.error(document.place(at), '"statement_timeout" cannot change with the time; give it in "limits"');
  });
}

const OF_STATEMENTS = 'limits a single statement, not an end user';

/** Keys of `limits` that cannot be counted for one end user, and why. */
const NOT_OF_USERS: readonly (readonly [keyof Limits, string, string])[] = [
  ...STATEMENT_LIMIT_KEYS.map((key) => [key, STATEMENT_LIMITS[key], OF_STATEMENTS] as const),
  ['statementTimeout', 'statement_timeout', OF_STATEMENTS],
  ['connections', 'connections', 'counts sessions, which the people behind an account share'],
];

/** A limit stated for each end user must be enforced for each, or it is an error. */
export function checkLimitsPerUser(
  limits: Limits | undefined,
  document: PolicyDocument,
  report: DiagnosticReport,
): void {
  for (const [key, word, why] of NOT_OF_USERS) {
    if (limits?.[key] === undefined) continue;
    report.error(document.place(['limits_per_user', word]), `"${word}" ${why}; give it in "limits"`);
  }
}

function throttles({ rows, bytes, statements, changed, subjects, answers }: Limits): boolean {
  const lists = [rows, bytes, statements, changed, ...(subjects?.values() ?? []), ...(answers?.values() ?? [])];
  return lists.some((list) => list?.some(({ effect }) => effect === 'throttle'));
}
