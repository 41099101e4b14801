/** Checks canaries against the catalog: each must be noticed wherever its key is shown. */
import { Canaries, type CanaryKey } from '../model/canaries.ts';
import type { Subject } from '../model/policy.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { PolicyDocument } from '../source/document.ts';

/** Undefined if no subject has canaries, or if the key is not available here. */
export function canariesOf(subjects: Iterable<Subject>, key: CanaryKey | undefined): Canaries | undefined {
  if (!(key instanceof Uint8Array)) return undefined;
  const watched = [...subjects].filter(({ canaries }) => canaries.length > 0);
  if (watched.length === 0) return undefined;
  return new Canaries(key, new Map(watched.map(({ name, canaries }) => [name, new Set(canaries)])));
}

/** A canary that could not be noticed is an error. */
export function checkCanaries(
  name: string,
  canaries: readonly string[],
  document: PolicyDocument,
  canaryKey: CanaryKey | undefined,
  report: DiagnosticReport,
): void {
  if (canaries.length === 0) return;
  const path = ['subjects', name, 'canaries'];
  if (canaryKey === undefined) report.error(document.place(path), 'canaries need a key: keys.canaries in rowgate.yaml');
  else if (typeof canaryKey === 'object' && 'problem' in canaryKey)
    report.error(document.place(path), `the key of canaries cannot be used: ${canaryKey.problem}`);
  canaries.forEach((canary, index) => {
    if (canaries.indexOf(canary) !== index)
      report.error(document.placeOfValue([...path, index]), 'this canary stands here twice');
  });
}
