/** Which of several same-named functions or operators a call means (manual, sections 10.2 and 10.3): the steps after the exact match. */
import type { Catalog, Oid } from '../catalog/catalog.ts';
import * as t from './oids.ts';
import { coercible } from './pathway.ts';
import { bindPolymorphic } from './polymorphic.ts';
import { baseType, isPolymorphic } from './type.ts';

/** Something with declared argument types, one for each argument of the call or more (defaults). */
export interface Candidate {
  readonly args: readonly Oid[];
}

/** Whether a call with these arguments could be that candidate: each argument coerces implicitly, polymorphic ones agree. */
export function accepts(catalog: Catalog, input: readonly Oid[], candidate: Candidate): boolean {
  let generic = false;
  for (let i = 0; i < input.length; i++) {
    const declared = candidate.args[i]!;
    if (isPolymorphic(declared)) generic = true;
    else if (!coercible(catalog, input[i]!, declared, 'implicit')) return false;
  }
  // Whether polymorphic arguments agree cannot be asked while one of the types is untellable: it stays possible.
  if (!generic || input.includes(t.UNTELLABLE)) return true;
  return bindPolymorphic(catalog, input, candidate.args.slice(0, input.length)) !== undefined;
}

/** The best of several candidates that all accept the call; undefined if none is best. */
export function best<T extends Candidate>(
  catalog: Catalog,
  input: readonly Oid[],
  accepted: readonly T[],
): T | undefined {
  if (accepted.length < 2) return accepted[0];
  const base = input.map((type) => (type === t.UNKNOWN ? t.UNKNOWN : baseType(catalog, type)));
  let left = most(accepted, (c) => count(base, (type, i) => type !== t.UNKNOWN && c.args[i] === type));
  if (left.length === 1) return left[0];

  const categories = base.map((type) => catalog.typesByOid.get(type)?.category ?? '');
  const prefers = (type: Oid, i: number, declared: Oid): boolean => {
    if (type === t.UNKNOWN) return false;
    if (type === declared) return true;
    const found = catalog.typesByOid.get(declared);
    return found?.preferred === true && found.category === categories[i];
  };
  left = most(left, (c) => count(base, (type, i) => prefers(type, i, c.args[i]!)));
  if (left.length === 1) return left[0];
  if (!base.includes(t.UNKNOWN)) return undefined;

  left = byUnknownSlots(catalog, base, left);
  if (left.length === 1) return left[0];
  return bySameType(catalog, base, left);
}

/** For each unknown argument: the category that the candidates agree on there, string if they do not, and its preferred type. */
function byUnknownSlots<T extends Candidate>(catalog: Catalog, base: readonly Oid[], candidates: readonly T[]): T[] {
  let left = [...candidates];
  const slots: { index: number; category: string; preferred: boolean }[] = [];
  for (let index = 0; index < base.length; index++) {
    if (base[index] !== t.UNKNOWN) continue;
    let category = '';
    let preferred = false;
    let conflict = false;
    for (const candidate of candidates) {
      const type = catalog.typesByOid.get(candidate.args[index]!);
      const of = type?.category ?? '';
      const isPreferred = type?.preferred ?? false;
      if (category === '') {
        category = of;
        preferred = isPreferred;
      } else if (of === category) {
        preferred ||= isPreferred;
      } else if (of === 'S') {
        category = of;
        preferred = isPreferred;
      } else {
        conflict = true;
      }
    }
    // One slot that cannot be settled leaves them all open.
    if (conflict && category !== 'S') return left;
    slots.push({ index, category, preferred });
  }
  left = candidates.filter((candidate) =>
    slots.every((slot) => {
      const type = catalog.typesByOid.get(candidate.args[slot.index]!);
      return type?.category === slot.category && (!slot.preferred || type.preferred);
    }),
  );
  return left.length > 0 ? left : [...candidates];
}

/** Last: take the unknown arguments for the one type that all others have, if that leaves one candidate. */
function bySameType<T extends Candidate>(
  catalog: Catalog,
  base: readonly Oid[],
  candidates: readonly T[],
): T | undefined {
  const known = base.filter((type) => type !== t.UNKNOWN);
  const type = known[0];
  if (type === undefined || known.some((other) => other !== type)) return undefined;
  const assumed = base.map(() => type);
  const left = candidates.filter((candidate) => accepts(catalog, assumed, candidate));
  return left.length === 1 ? left[0] : undefined;
}

function most<T>(candidates: readonly T[], score: (candidate: T) => number): T[] {
  let top = -1;
  let found: T[] = [];
  for (const candidate of candidates) {
    const points = score(candidate);
    if (points > top) {
      top = points;
      found = [candidate];
    } else if (points === top) {
      found.push(candidate);
    }
  }
  return found;
}

function count(types: readonly Oid[], test: (type: Oid, i: number) => boolean): number {
  let total = 0;
  for (let i = 0; i < types.length; i++) if (test(types[i]!, i)) total++;
  return total;
}
