/** The interface for compiling a policy's SQL against a relation of the catalog, with the problems and their positions. */
import type { Catalog, Column, Relation } from '../../sql/catalog/catalog.ts';
import type { Template } from '../../sql/text/template.ts';
import type { CanaryKey } from '../model/canaries.ts';
import type { AttributeType, Condition, SqlNeeds } from '../model/policy.ts';
import type { RuleRef } from './rule.ts';

export interface SqlSource {
  readonly sql: string;
  /** The same condition for one row, correlated (`rewriting.md` §2), if it differs from `sql`. */
  readonly okSql?: string;
  readonly rule: RuleRef;
}

/** `offset` counts characters in `sql`. */
export interface SqlProblem {
  readonly message: string;
  readonly offset: number;
}

export interface SqlEnvironment {
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
  readonly relation: Relation;
  /** The attributes that `:name` may refer to. */
  readonly attributes: ReadonlyMap<string, AttributeType>;
}

export type CompileCondition = (source: SqlSource, env: SqlEnvironment) => Condition | readonly SqlProblem[];
export interface CompiledMask {
  readonly mask: Template;
  /** It can fail for some value (`rewriting.md` §2, class 3). */
  readonly leaky: boolean;
  readonly needs?: SqlNeeds;
}

export type CompileMask = (
  source: SqlSource,
  env: SqlEnvironment & { readonly column: Column },
) => CompiledMask | readonly SqlProblem[];

/** Principals of unrestricted roles, all of them, or none. */
export type RequireCertificate = 'none' | 'unrestricted' | 'all';

/**
 * By key as its file writes it (`subjects.ts`): the relations that have held data of its subject since the guard started. A partition that was
 * detached, or lost its parent, holds the same people's data as before, whatever the catalog now says.
 */
export type RelationsByKey = ReadonlyMap<string, ReadonlySet<string>>;

/** What a policy is compiled against. */
export interface PolicyEnvironment {
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
  /** IANA name: the days of `valid_until` end in this zone. */
  readonly timeZone: string;
  /** False: no authority signs client certificates, so a subject in one proves nothing. */
  readonly clientCa?: boolean;
  /** The principals that must be bound to a client certificate. Absent: none. */
  readonly requireCertificate?: RequireCertificate;
  /** Absent: there is none, and no subject may have canaries. */
  readonly canaryKey?: CanaryKey | undefined;
  /** The result of an earlier reading. */
  readonly families?: RelationsByKey | undefined;
  readonly compileCondition: CompileCondition;
  readonly compileMask: CompileMask;
}
