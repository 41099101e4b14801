/** Keys that are read but that nothing enforces yet. One that restricts closes its role or principal; the rest are told. */
import type { Report } from './diagnostic.ts';
import type { Path, PolicyDocument } from './document.ts';
import type { AttributeType } from './policy.ts';
import type { PrincipalEntry } from './principals-schema.ts';
import type { RoleFile } from './role-schema.ts';

export function reportUnenforcedRole(
  file: RoleFile,
  attributes: ReadonlyMap<string, AttributeType>,
  document: PolicyDocument,
  report: Report,
): void {
  // INVARIANT: a role whose policy restricts more than what is enforced is closed.
  for (const { name, fromToken } of attributes.values()) {
    if (fromToken) closes(['attributes', name], '"from token"');
  }
  if (file.limits_per_user !== undefined) {
    report.warning(document.place(['limits_per_user']), '"limits_per_user" is not enforced yet');
  }

  function closes(path: Path, key: string): void {
    report.error(document.place(path), `${key} is not enforced yet; role "${file.role}" is closed until it is`);
  }
}

export function reportUnenforcedPrincipal(
  entry: PrincipalEntry,
  document: PolicyDocument,
  path: Path,
  report: Report,
): void {
  if (entry.token !== undefined) {
    report.error(
      document.place([...path, 'token']),
      `"token" is not enforced yet; "${String(path.at(-1))}" cannot log in until it is`,
    );
  }
}
