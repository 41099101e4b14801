/** What a comparison of a wall with a live server is made of, and what comes of it. */
import type { Catalog, Relation } from '../sql/catalog/catalog.ts';
import type { Canonical, FoundAccount } from './found.ts';
import { named } from './sql-text.ts';
import type { Surroundings } from './surroundings.ts';
import type { Wall } from './wall.ts';

export interface Difference {
  readonly account: string;
  readonly kind: DifferenceKind;
  /** A sentence. */
  readonly what: string;
}

export type DifferenceKind =
  | 'account' // it is missing, or has attributes, memberships or objects
  | 'right-missing'
  | 'right-extra'
  | 'row-security' // off, or a policy missing, more or another
  | 'view' // or a function of the wall's own
  | 'setting';

export interface Comparison {
  readonly wall: Wall;
  readonly found: FoundAccount;
  readonly canonical: Canonical;
  readonly surroundings: Surroundings;
  readonly catalog: Catalog;
}

/** Gives one difference; `what` says it in a sentence. */
export type Differ = (kind: DifferenceKind, what: string) => void;

/** A relation as differences name it. */
export function nameOf({ schema, name }: Pick<Relation, 'schema' | 'name'>): string {
  return named(`${schema}.${name}`);
}
