/** Records the line of each limit. */

import {
  type During,
  type Limits,
  OF_SUBJECTS,
  perStatementLimit,
  STATEMENT_LIMITS,
  type WindowLimit,
} from '../model/limits.ts';
import type { Path, PolicyDocument } from '../source/document.ts';

/** The limits under `path`, with their lines. */
export function withRules(limits: Limits, document: PolicyDocument, path: Path): Limits {
  const windows = (list: readonly WindowLimit[], below: Path): WindowLimit[] =>
    list.map((limit, index) => {
      const at = [...path, ...below, index];
      return { ...limit, rule: document.rule(document.has(at) ? at : [...path, ...below]) };
    });
  const { rows, bytes, statements, changed } = limits;
  const bySubject = OF_SUBJECTS.flatMap((key) => {
    const stated = limits[key];
    return stated
      ? [[key, new Map([...stated].map(([name, list]) => [name, windows(list, [key, name])]))] as const]
      : [];
  });
  const rules = perStatementLimit((key) =>
    limits[key] === undefined ? undefined : document.rule([...path, STATEMENT_LIMITS[key]]),
  );
  return {
    ...limits,
    ...(rows && { rows: windows(rows, ['rows']) }),
    ...(bytes && { bytes: windows(bytes, ['bytes']) }),
    ...(statements && { statements: windows(statements, ['statements']) }),
    ...(changed && { changed: windows(changed, ['changed']) }),
    ...Object.fromEntries(bySubject),
    ...(Object.keys(rules).length > 0 && { rules }),
  };
}

/** The same for the limits of each time under `path`. */
export function duringWithRules(during: readonly During[], document: PolicyDocument, path: Path): During[] {
  return during.map((time, index) => ({
    ...time,
    limits: withRules(time.limits, document, [...path, index, 'limits']),
  }));
}
