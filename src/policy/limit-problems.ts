/** What is wrong with limits beyond their form. */
import type { Report } from './diagnostic.ts';
import type { Path, PolicyDocument } from './document.ts';
import type { During, Limits } from './limits.ts';

/** A limit that throttles needs the role's word on how much. */
export function checkThrottles(
  limits: Limits | undefined,
  said: boolean,
  document: PolicyDocument,
  path: Path,
  report: Report,
): void {
  if (!limits || said || !throttles(limits)) return;
  report.error(document.place(path), 'a limit here throttles, but the role has no "throttle" that says how much');
}

/** INVARIANT: what a time cannot change is not taken for changed: the server has the time limit of statements from the login. */
export function checkDuring(
  during: readonly During[] | undefined,
  document: PolicyDocument,
  path: Path,
  report: Report,
): void {
  during?.forEach(({ limits }, index) => {
    if (limits.statementTimeout === undefined) return;
    const at = [...path, index, 'limits', 'statement_timeout'];
    report.error(document.place(at), '"statement_timeout" cannot change with the time; give it in "limits"');
  });
}

function throttles({ rows, bytes, statements, changed, subjects }: Limits): boolean {
  const lists = [rows, bytes, statements, changed, ...(subjects?.values() ?? [])];
  return lists.some((list) => list?.some(({ effect }) => effect === 'throttle'));
}
