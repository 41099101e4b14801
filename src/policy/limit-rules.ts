/** Remembers in which line each limit of one statement stands. */
import type { Path, PolicyDocument } from './document.ts';
import type { LimitRules, Limits } from './limits.ts';

const KEYS: Readonly<Record<keyof LimitRules, string>> = {
  rowsPerStatement: 'rows_per_statement',
  bytesPerStatement: 'bytes_per_statement',
  changedPerStatement: 'changed_per_statement',
};

/** The limits that stand under `path`, with their lines. */
export function withRules(limits: Limits, document: PolicyDocument, path: Path): Limits {
  const stated = (Object.keys(KEYS) as (keyof LimitRules)[]).filter((name) => limits[name] !== undefined);
  if (stated.length === 0) return limits;
  const rules: LimitRules = Object.fromEntries(stated.map((name) => [name, document.rule([...path, KEYS[name]])]));
  return { ...limits, rules };
}
