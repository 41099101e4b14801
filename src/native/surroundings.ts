/** Facts about a live server, beyond the catalog, that a wall depends on. Plain data, read by `catalog/`. */
import type { Oid } from '../sql/catalog/catalog.ts';

export interface Surroundings {
  /** Relations with the policy that keeps other accounts' access, from an earlier wall. */
  readonly opened: readonly Oid[];
  /** Rights of PUBLIC on user tables, views and sequences. `column` is absent for a right on the whole relation. */
  readonly toPublic: readonly PublicRight[];
  /** SECURITY DEFINER functions that every account may execute. */
  readonly definers: readonly Oid[];
  /** Schemas in which every account may create objects. */
  readonly creatable: readonly string[];
}

export interface PublicRight {
  readonly relation: Oid;
  readonly column?: string | undefined;
  readonly privilege: string;
}
