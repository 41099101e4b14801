/** The second wall: what a native PostgreSQL role may do, so that the server itself refuses what Rowgate should have refused. Plain data. */
import type { Fn, Relation } from '../sql/catalog/catalog.ts';
import type { Template } from '../sql/text/template.ts';

/**
 * `guard`: the account that runs Rowgate's own statements of the role (`upstream.logins`); it may read what filters and masks read.
 * `direct`: an account for clients that connect to the server directly; masks are views.
 */
export type WallKind = 'guard' | 'direct';

export interface Wall {
  /** The Rowgate role. */
  readonly role: string;
  /** The native role. */
  readonly account: string;
  readonly kind: WallKind;
  readonly database: string;
  /** The row filters allow the union of these principals' rows. */
  readonly principals: readonly string[];
  /** USAGE. */
  readonly schemas: readonly string[];
  readonly tables: readonly TableRights[];
  readonly sequences: readonly SequenceRights[];
  /** TEMPORARY on the database: the role's sessions may make temporary tables, which only Rowgate checks against the policy. */
  readonly temporary: boolean;
  /** EXECUTE. */
  readonly functions: readonly Fn[];
  readonly filters: readonly RowFilter[];
  /** Functions that filters call if they cannot read tables themselves. */
  readonly checks: readonly WallRowCheck[];
  readonly views: readonly MaskView[];
  /** The account's settings in this database (ALTER ROLE … SET), apart from `ownPath`. */
  readonly settings: ReadonlyMap<string, string>;
  /** The account's search_path. */
  readonly ownPath: readonly string[];
  /** The guard's search_path: filters resolve names by it. */
  readonly searchPath: readonly string[];
  /** Columns that the account may read although the role may not, and what reads them. */
  readonly raw: readonly RawColumn[];
  /** What the server cannot enforce, as sentences. */
  readonly notes: readonly string[];
}

export interface TableRights {
  readonly relation: Relation;
  /** Column names, in the table's own order; system columns last. */
  readonly select: readonly string[];
  readonly insert: readonly string[];
  readonly update: readonly string[];
  readonly delete: boolean;
  /** Since PostgreSQL 17: the right that LOCK TABLE needs. */
  readonly maintain: boolean;
}

export interface SequenceRights {
  readonly relation: Relation;
  readonly privileges: readonly ('SELECT' | 'USAGE' | 'UPDATE')[];
}

export type FilteredCommand = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** A restrictive policy: no other policy can let the account see more rows. */
export interface RowFilter {
  readonly name: string;
  readonly relation: Relation;
  readonly command: FilteredCommand;
  /** A condition on the row, which is a `row` slot. */
  readonly using?: Template;
  readonly check?: Template;
}

/** A SECURITY DEFINER function over values of a row. */
export interface WallRowCheck {
  readonly name: string;
  readonly relation: Relation;
  /** Columns of the relation, in the order of the arguments. */
  readonly columns: readonly string[];
  readonly body: string;
}

export interface MaskView {
  readonly name: string;
  readonly relation: Relation;
  readonly query: string;
}

export interface RawColumn {
  readonly relation: Relation;
  readonly column: string;
  readonly readBy: readonly string[];
}

/** The schema that holds an account's views and checks. */
export function ownSchema({ account }: Pick<Wall, 'account'>): string {
  return account;
}

/** A permissive policy that keeps the access of all accounts, where row security was off before; restrictive filters then limit one account each. */
export const OPEN_POLICY = 'rowgate everyone';

/** The name of every policy of a wall begins with this. */
export const POLICY_PREFIX = 'rowgate ';
