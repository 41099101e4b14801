/** The parts of a comparison between a wall and a live server, and its result. */
import type { Catalog, Relation } from '../sql/catalog/catalog.ts';
import type { Canonical, ExistingAccount } from './existing-rights.ts';
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
  | 'account' // the account is missing, or has attributes, memberships or objects
  | 'right-missing'
  | 'right-extra'
  | 'row-security' // row security is off, or a policy is missing, superfluous or different
  | 'view' // or one of the wall's functions
  | 'setting';

export interface WallComparison {
  readonly wall: Wall;
  readonly found: ExistingAccount;
  readonly canonical: Canonical;
  readonly surroundings: Surroundings;
  readonly catalog: Catalog;
}

/** Reports one difference; `what` describes it in a sentence. */
export type Differ = (kind: DifferenceKind, what: string) => void;

/** A relation as differences name it. */
export function nameOf({ schema, name }: Pick<Relation, 'schema' | 'name'>): string {
  return named(`${schema}.${name}`);
}
