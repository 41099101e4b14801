/** What of a live server a wall depends on beyond the catalog: plain data, read by `catalog/`. */
import type { Oid } from '../sql/catalog/catalog.ts';

export interface Surroundings {
  /** Relations that have the policy which lets everyone's grants stand, from a wall made before. */
  readonly opened: readonly Oid[];
  /** What every account may do: tables, views and sequences of users. `column` is absent for a right on the whole. */
  readonly toPublic: readonly PublicRight[];
  /** SECURITY DEFINER functions that everyone may execute. */
  readonly definers: readonly Oid[];
  /** Schemas in which everyone may create. */
  readonly creatable: readonly string[];
}

export interface PublicRight {
  readonly relation: Oid;
  readonly column?: string | undefined;
  readonly privilege: string;
}
