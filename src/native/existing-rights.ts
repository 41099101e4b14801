/** The rights that an account has on a live server, to be compared with its wall. Plain data, read by `catalog/`. */
import type { Oid } from '../sql/catalog/catalog.ts';
import type { FilteredCommand } from './wall.ts';

export type RightSource = 'account' | 'PUBLIC' | 'ownership' | 'membership';

export interface ExistingRight {
  readonly relation: Oid;
  /** Absent: a right on the whole relation, future columns included. */
  readonly column?: string;
  readonly privilege: string;
  readonly by: RightSource;
}

export interface ExistingPolicy {
  readonly relation: Oid;
  readonly name: string;
  readonly command: FilteredCommand | 'ALL';
  readonly permissive: boolean;
  /** By name; PUBLIC means every account. */
  readonly accounts: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
}

export interface ExistingAccount {
  readonly exists: boolean;
  /** `superuser`, `bypassrls` and the like. */
  readonly attributes: readonly string[];
  readonly login: boolean;
  readonly memberOf: readonly string[];
  /** Objects, as the server describes them. */
  readonly owns: readonly string[];
  /** Other kinds of objects on which the account was granted a right. */
  readonly further: readonly string[];
  readonly rights: readonly ExistingRight[];
  /** User-defined functions that it may execute. */
  readonly functions: readonly { readonly fn: Oid; readonly by: RightSource; readonly definer: boolean }[];
  readonly schemas: readonly { readonly schema: string; readonly privilege: 'USAGE' | 'CREATE' }[];
  /** TEMPORARY on the database. */
  readonly temporary: boolean;
  /** Rights that ALTER DEFAULT PRIVILEGES will give it on future tables. */
  readonly defaults: readonly string[];
  /** Relations with row security switched on. */
  readonly rowSecurity: readonly Oid[];
  /** Policies that Rowgate made, and restrictive ones that apply to the account. */
  readonly policies: readonly ExistingPolicy[];
  /** In this database. */
  readonly settings: ReadonlyMap<string, string>;
  readonly searchPath?: readonly string[];
  readonly views: readonly { readonly name: string; readonly query: string; readonly barrier: boolean }[];
  readonly checks: readonly {
    readonly name: string;
    readonly arguments: string;
    readonly body: string;
    readonly definer: boolean;
  }[];
}

/** A wall's SQL as the server prints it, for comparison; undefined for what the server does not accept. */
export interface Canonical {
  /** In the order of the wall's filters. */
  readonly filters: readonly ({ readonly using: string | null; readonly check: string | null } | undefined)[];
  readonly views: readonly (string | undefined)[];
  /** Argument types. */
  readonly checks: readonly (string | undefined)[];
}
