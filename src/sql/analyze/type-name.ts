/** Resolves a written type name, for the policy to judge and rewriting to qualify. */
import type { Oid } from '../catalog/catalog.ts';
import type { Body } from '../parse/tree.ts';
import { strings } from '../parse/tree.ts';
import { typeByName } from '../types/type-name.ts';
import type { Resolver } from './resolver.ts';

/** The type's OID; 0 if there is none, which is refused. */
export function resolveTypeName(r: Resolver, body: Body<'TypeName'>): Oid {
  r.read.add(body);
  const names = strings(body.names);
  const at = r.at(body.location);
  if (body.setof || body.pct_type) {
    r.unsupported(body.setof ? 'SETOF' : '%TYPE', body.location, 'Write the name of the type.');
    return 0;
  }
  const level = { kind: 'values', entries: [], outer: undefined } as const;
  for (const modifier of body.typmods ?? []) {
    // Modifiers are numbers or names: nothing that reads a row.
    r.expression(modifier, { level: level as never, entries: [], outer: undefined });
  }
  const bounds = body.arrayBounds?.length ?? 0;
  const named = typeByName(r.env.catalog, r.env.searchPath, names);
  const type = bounds === 0 ? named : typeByName(r.env.catalog, r.env.searchPath, names, bounds);
  if (!named || !type) {
    r.refuse('type-not-granted', '42704', `type "${names.join('.')}" does not exist`, at);
    return 0;
  }
  r.uses.push({ kind: 'type', type: named, at });
  r.marks.types.push({ body, type: named });
  return type.oid;
}
