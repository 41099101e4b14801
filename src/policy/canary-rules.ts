/** Canaries against the catalog: each of them must be seen wherever its key shows. */
import type { Catalog, Oid } from '../sql/catalog.ts';
import { Canaries, type CanaryKey } from './canaries.ts';
import type { Report } from './diagnostic.ts';
import type { PolicyDocument } from './document.ts';
import type { Subject } from './policy.ts';

export function canariesOf(subjects: Iterable<Subject>, key: CanaryKey | undefined): Canaries | undefined {
  if (!(key instanceof Uint8Array)) return undefined;
  const watched = [...subjects].filter(({ canaries }) => canaries.length > 0);
  if (watched.length === 0) return undefined;
  return new Canaries(key, new Map(watched.map(({ name, canaries }) => [name, new Set(canaries)])));
}

/** smallint, integer, bigint, uuid, name, text, character, varchar, and arrays of numbers and uuids: read the same in every format. */
const READABLE: ReadonlySet<Oid> = new Set([21, 23, 20, 2950, 19, 25, 1042, 1043, 1005, 1007, 1016, 2951]);

/** INVARIANT: a canary that would not be seen is an error, not a promise. */
export function checkCanaries(
  { name, canaries, keys }: Subject,
  document: PolicyDocument,
  { catalog, canaryKey }: { readonly catalog: Catalog; readonly canaryKey?: CanaryKey | undefined },
  report: Report,
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
  keys.forEach(({ relation, column }, index) => {
    if (READABLE.has(baseOf(catalog, column.type))) return;
    const place = document.placeOfValue(['subjects', name, 'keys', index]);
    report.error(
      place,
      `canaries cannot be known in "${relation.name}.${column.name}": its type ${column.typeName} is not read`,
    );
  });
}

/** The server describes a domain as the type that it stands on. */
function baseOf(catalog: Catalog, type: Oid): Oid {
  const found = catalog.typesByOid.get(type);
  return found?.kind === 'd' ? baseOf(catalog, found.base) : type;
}
