/** What a row discloses, put together where several of its parts disclose it. */
import type { Disclosed } from '../../session/admission/budget-port.ts';

/** Each subject once, and each of its people once. */
export function mergedDisclosures(disclosed: readonly Disclosed[]): readonly Disclosed[] {
  const [only] = disclosed;
  if (only && disclosed.length === 1 && only.keys.length < 2) return disclosed;
  const bySubject = new Map<string, { keys: Set<string>; values: number }>();
  for (const { subject, keys, values } of disclosed) {
    const known = bySubject.get(subject) ?? { keys: new Set<string>(), values: 0 };
    for (const key of keys) known.keys.add(key);
    known.values += values;
    bySubject.set(subject, known);
  }
  return [...bySubject].map(([subject, { keys, values }]) => ({ subject, keys: [...keys], values }));
}
