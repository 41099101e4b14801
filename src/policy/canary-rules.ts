/** Canaries against the catalog: each of them must be seen wherever its key shows. */
import type { Catalog, Oid } from '../sql/catalog.ts';
import { Canaries, type CanaryKey } from './canaries.ts';
import type { Report } from './diagnostic.ts';
import type { PolicyDocument } from './document.ts';
import type { ColumnRef, Subject } from './policy.ts';

export function canariesOf(subjects: Iterable<Subject>, key: CanaryKey | undefined): Canaries | undefined {
  if (!(key instanceof Uint8Array)) return undefined;
  const watched = [...subjects].filter(({ canaries }) => canaries.length > 0);
  if (watched.length === 0) return undefined;
  return new Canaries(key, new Map(watched.map(({ name, canaries }) => [name, new Set(canaries)])));
}

/** smallint, integer, bigint, uuid, name, text, character, varchar, and arrays of numbers and uuids: read the same in every format. */
const READABLE: ReadonlySet<Oid> = new Set([21, 23, 20, 2950, 19, 25, 1042, 1043, 1005, 1007, 1016, 2951]);

/** INVARIANT: a canary that would not be seen is an error, not a promise. Returns the keys in which none can be seen. */
export function checkCanaries(
  name: string,
  canaries: readonly string[],
  keys: readonly (ColumnRef | undefined)[],
  document: PolicyDocument,
  { catalog, canaryKey }: { readonly catalog: Catalog; readonly canaryKey?: CanaryKey | undefined },
  report: Report,
): ReadonlySet<ColumnRef> {
  const unread = new Set<ColumnRef>();
  if (canaries.length === 0) return unread;
  const path = ['subjects', name, 'canaries'];
  if (canaryKey === undefined) report.error(document.place(path), 'canaries need a key: keys.canaries in rowgate.yaml');
  else if (typeof canaryKey === 'object' && 'problem' in canaryKey)
    report.error(document.place(path), `the key of canaries cannot be used: ${canaryKey.problem}`);
  canaries.forEach((canary, index) => {
    if (canaries.indexOf(canary) !== index)
      report.error(document.placeOfValue([...path, index]), 'this canary stands here twice');
  });
  keys.forEach((key, index) => {
    if (!key || READABLE.has(baseOf(catalog, key.column.type))) return;
    const { relation, column } = key;
    unread.add(key);
    report.withhold(
      document.placeOfValue(['subjects', name, 'keys', index]),
      `canaries cannot be known in "${relation.name}.${column.name}": its type ${column.typeName} is not read`,
    );
  });
  return unread;
}

/** The server describes a domain as the type that it stands on. */
function baseOf(catalog: Catalog, type: Oid): Oid {
  const found = catalog.typesByOid.get(type);
  return found?.kind === 'd' ? baseOf(catalog, found.base) : type;
}
