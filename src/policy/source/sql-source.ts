/** What is asked of SQL in a policy: it is compiled against a relation of the catalog, or says what is wrong and where. */
import type { Catalog, Column, Relation } from '../../sql/catalog/catalog.ts';
import type { Template } from '../../sql/text/template.ts';
import type { CanaryKey } from '../model/canaries.ts';
import type { AttributeType, Condition, SqlNeeds } from '../model/policy.ts';
import type { RuleRef } from './rule.ts';

export interface SqlSource {
  readonly sql: string;
  /** The same condition asked of one row, correlated (`rewriting.md` §2), where it differs from `sql`. */
  readonly okSql?: string;
  readonly rule: RuleRef;
}

/** `offset` counts characters into `sql`. */
export interface SqlProblem {
  readonly message: string;
  readonly offset: number;
}

export interface SqlEnvironment {
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
  readonly relation: Relation;
  /** What `:name` may stand for. */
  readonly attributes: ReadonlyMap<string, AttributeType>;
}

export type CompileCondition = (source: SqlSource, env: SqlEnvironment) => Condition | readonly SqlProblem[];
export interface CompiledMask {
  readonly mask: Template;
  /** It can fail on some value (`rewriting.md` §2, class 3). */
  readonly tells: boolean;
  readonly needs?: SqlNeeds;
}

export type CompileMask = (
  source: SqlSource,
  env: SqlEnvironment & { readonly column: Column },
) => CompiledMask | readonly SqlProblem[];

/** Principals of unrestricted roles, all of them, or none. */
export type RequireCertificate = 'none' | 'unrestricted' | 'all';

/**
 * By key as its file writes it (`subjects.ts`): the relations that have held data of its subject since the guard began. A partition
 * that was detached, or whose parent was dropped, holds the same people as before, whatever the catalog says of it now.
 */
export type Families = ReadonlyMap<string, ReadonlySet<string>>;

/** What a policy is compiled against. */
export interface PolicyEnvironment {
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
  /** IANA name: `valid_until` ends with a day there. */
  readonly timeZone: string;
  /** False: no authority says whose a client's certificate is, so that a subject in it proves nothing. */
  readonly clientCa?: boolean;
  /** Whose principals must be bound to a client certificate. Absent: nobody's. */
  readonly requireCertificate?: RequireCertificate;
  /** Absent: there is none, and no subject may have canaries. */
  readonly canaryKey?: CanaryKey | undefined;
  /** What an earlier reading has found. */
  readonly families?: Families | undefined;
  readonly compileCondition: CompileCondition;
  readonly compileMask: CompileMask;
}
