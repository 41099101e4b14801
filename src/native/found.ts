/** What a live server has of an account: plain data, read by `catalog/`, compared with the wall that should stand there. */
import type { Oid } from '../sql/catalog/catalog.ts';
import type { FilteredCommand } from './wall.ts';

/** From where an account has a right. */
export type RightSource = 'account' | 'PUBLIC' | 'ownership' | 'membership';

export interface FoundRight {
  readonly relation: Oid;
  /** Absent: on the whole, columns of tomorrow included. */
  readonly column?: string;
  readonly privilege: string;
  readonly by: RightSource;
}

export interface FoundPolicy {
  readonly relation: Oid;
  readonly name: string;
  readonly command: FilteredCommand | 'ALL';
  readonly permissive: boolean;
  /** By name; PUBLIC for everyone. */
  readonly accounts: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
}

export interface FoundAccount {
  readonly exists: boolean;
  /** `superuser`, `bypassrls` and the like. */
  readonly attributes: readonly string[];
  readonly login: boolean;
  readonly memberOf: readonly string[];
  /** Objects, as the server describes them. */
  readonly owns: readonly string[];
  /** Objects beside tables, sequences, functions and schemas of users on which it was granted something. */
  readonly further: readonly string[];
  readonly rights: readonly FoundRight[];
  /** Users' functions that it may execute. */
  readonly functions: readonly { readonly fn: Oid; readonly by: RightSource; readonly definer: boolean }[];
  readonly schemas: readonly { readonly schema: string; readonly privilege: 'USAGE' | 'CREATE' }[];
  /** TEMPORARY on the database. */
  readonly temporary: boolean;
  /** What tables made later will be granted to it. */
  readonly defaults: readonly string[];
  /** Relations with row security switched on. */
  readonly rowSecurity: readonly Oid[];
  /** Of Rowgate's making, and restrictive ones that hold for the account. */
  readonly policies: readonly FoundPolicy[];
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

/** A wall's SQL as the server writes it, to compare what it has with; undefined where it does not take it. */
export interface Canonical {
  /** By the filter's place in the wall. */
  readonly filters: readonly ({ readonly using: string | null; readonly check: string | null } | undefined)[];
  readonly views: readonly (string | undefined)[];
  /** Argument types. */
  readonly checks: readonly (string | undefined)[];
}
