/** The second wall: what a native PostgreSQL role may do, so that the server itself refuses what Rowgate should have. Plain data. */
import type { Fn, Relation } from '../sql/catalog/catalog.ts';
import type { Template } from '../sql/text/template.ts';

/**
 * `guard`: the account by which Rowgate's own statements of the role run (`upstream.logins`): it may read what filters and masks read.
 * `direct`: an account for clients that go to the server themselves: masks are views.
 */
export type WallKind = 'guard' | 'direct';

export interface Wall {
  /** The Rowgate role. */
  readonly role: string;
  /** The native role. */
  readonly account: string;
  readonly kind: WallKind;
  readonly database: string;
  /** Whose attributes the row filters allow: all of them together. */
  readonly principals: readonly string[];
  /** USAGE. */
  readonly schemas: readonly string[];
  readonly tables: readonly TableRights[];
  readonly sequences: readonly SequenceRights[];
  /** TEMPORARY on the database: the role's sessions may make tables of their own, which Rowgate alone holds to the policy. */
  readonly temporary: boolean;
  /** EXECUTE. */
  readonly functions: readonly Fn[];
  readonly filters: readonly RowFilter[];
  /** What filters call, where they cannot read tables by themselves. */
  readonly checks: readonly WallRowCheck[];
  readonly views: readonly MaskView[];
  /** What ALTER ROLE … SET gives the account in this database, beside the `ownPath`. */
  readonly settings: ReadonlyMap<string, string>;
  /** The account's search_path. */
  readonly ownPath: readonly string[];
  /** The guard's search_path: names in filters mean what they mean there. */
  readonly searchPath: readonly string[];
  /** Columns that the account may read and the role may not, and what reads them. */
  readonly raw: readonly RawColumn[];
  /** What the server cannot hold, in sentences. */
  readonly notes: readonly string[];
}

export interface TableRights {
  readonly relation: Relation;
  /** Column names, in the table's own order; system columns last. */
  readonly select: readonly string[];
  readonly insert: readonly string[];
  readonly update: readonly string[];
  readonly delete: boolean;
  /** Since PostgreSQL 17: what LOCK TABLE asks for. */
  readonly maintain: boolean;
}

export interface SequenceRights {
  readonly relation: Relation;
  readonly privileges: readonly ('SELECT' | 'USAGE')[];
}

export type FilteredCommand = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** A restrictive policy: no other policy can let the account see more. */
export interface RowFilter {
  readonly name: string;
  readonly relation: Relation;
  readonly command: FilteredCommand;
  /** Over the row, behind a `row` slot. */
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

/** Lets every account see what its grants let it see, where row security was off before: the filters alone restrict, and one account each. */
export const OPEN_POLICY = 'rowgate everyone';

/** Every policy of a wall begins so. */
export const POLICY_PREFIX = 'rowgate ';
