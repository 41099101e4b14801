/** The compiled policy: what the guard asks. Made by `compile.ts` from the YAML files and the live catalog; immutable. */
import type { Column, Fn, Oid, Relation } from '../../sql/catalog/catalog.ts';
import type { Template } from '../../sql/text/template.ts';
import type { Approver } from '../compile/approvers.ts';
import type { RuleRef } from '../source/rule.ts';
import type { Canaries } from './canaries.ts';
import type { During, LimitEffect, Limits, Lock, Throttle } from './limits.ts';
import type { TokenRule } from './token-rule.ts';

/** What the SQL of a condition or mask touches: what the account that runs it needs at the server. */
export interface SqlNeeds {
  /** Columns of the row itself. */
  readonly columns: readonly string[];
  /** What its subqueries read. */
  readonly elsewhere: readonly ElsewhereRead[];
  /** Outside pg_catalog, those behind operators and casts included. */
  readonly functions: readonly Fn[];
  /** Of its types. */
  readonly schemas: readonly string[];
}

export interface ElsewhereRead {
  readonly relation: Relation;
  readonly columns: readonly string[];
  /** The rows of it that are read: those for which all of these hold; absent where that cannot be told. */
  readonly rows?: readonly Condition[];
}

/** A row condition, ready to stand inside a guarded subquery: names qualified, inner aliases renamed, row columns behind a `row` slot. */
export interface Condition {
  /** Boolean SQL expression in parentheses. */
  readonly filter: Template;
  /** The same question asked of one row, without a join (`rewriting.md` §2): what `ok` is made of. Equal to `filter` for a plain condition. */
  readonly ok: Template;
  /** `scan`: judged on the row alone while it is read; `join`: holds a subquery, which the planner may turn into a join. */
  readonly evaluated: 'scan' | 'join';
  readonly rule: RuleRef;
  /** Columns of the relation itself that it reads. */
  readonly reads: readonly string[];
  /** Of a policy's condition; absent on system catalogs. */
  readonly needs?: SqlNeeds;
}

export interface ColumnGrant {
  readonly column: Column;
  /** SQL over the row's own columns (behind a `row` slot), already cast to the column's type; absent where the column is seen as it is. */
  readonly mask?: Template;
  /** The mask can fail on some value (`rewriting.md` §2, class 3): it is guarded by the row filter where it is exported. */
  readonly maskTells?: boolean;
  readonly maskNeeds?: SqlNeeds;
  readonly rule: RuleRef;
}

export interface SelectGrant {
  /** By column name, in the table's own order. */
  readonly columns: ReadonlyMap<string, ColumnGrant>;
  /** All ANDed. Empty: every row. */
  readonly conditions: readonly Condition[];
  /** Every column of the relation, none masked, no condition: the relation may stand as itself. */
  readonly whole: boolean;
  readonly rule: RuleRef;
}

export interface WriteGrant {
  readonly columns: ReadonlySet<string>;
  readonly conditions: readonly Condition[];
  /** Every column and no condition. */
  readonly whole: boolean;
  readonly rule: RuleRef;
}

export interface RelationGrant {
  readonly relation: Relation;
  /** Columns that say whom a row is about, of whatever subject. */
  readonly subjectKeys?: readonly string[];
  readonly select?: SelectGrant;
  readonly insert?: WriteGrant;
  readonly update?: WriteGrant;
  readonly delete?: WriteGrant;
  readonly rule: RuleRef;
  /** True for system catalogs: filtered by what the role was granted, and holding no rows of data. */
  readonly system: boolean;
}

/** The words that `statements:` in a role may hold. */
export type StatementOption =
  | 'copy_to'
  | 'copy_from'
  | 'explain'
  | 'explain_analyze'
  | 'listen'
  | 'notify'
  | 'lock'
  | 'call';

export type AttributeType = {
  readonly name: string;
  readonly type: string;
  readonly typeOid: Oid;
  readonly fromToken: boolean;
};

/** A table that a session of the role may make for itself. */
export interface TemporaryTable {
  /** In no catalog; its OID is none of the server's. */
  readonly relation: Relation;
  readonly rule: RuleRef;
}

export interface RolePolicy {
  readonly name: string;
  readonly mode: 'enforce' | 'observe';
  readonly access: 'restricted' | 'unrestricted';
  readonly attributes: ReadonlyMap<string, AttributeType>;
  /** By relation OID; what is not here does not exist for the role. */
  readonly relations: ReadonlyMap<Oid, RelationGrant>;
  /** By name; each has its grant among `relations`. */
  readonly temporary?: ReadonlyMap<string, TemporaryTable>;
  /** Users' types that it finds in pg_type: those of what it was granted, and those of known extensions. Absent: none. */
  readonly types?: ReadonlySet<Oid>;
  /** Schemas that it finds in pg_namespace, but for the server's own. Absent: none. */
  readonly schemas?: readonly string[];
  /** Granted beyond the built-in safe set. */
  readonly functions: ReadonlySet<Oid>;
  /** Where each of them is granted. */
  readonly functionRules?: ReadonlyMap<Oid, RuleRef>;
  readonly statements: ReadonlySet<StatementOption>;
  readonly collect: 'deny' | 'allow';
  readonly minGroup: number | undefined;
  /** Counts are shown as multiples of it, and nothing else that is aggregated. */
  readonly roundTo?: number;
  readonly limits: Limits;
  /** Of each person behind a token. */
  readonly limitsPerUser?: Limits;
  /** Whom the database is about. */
  readonly subjects?: readonly Subject[];
  /** Names of those whose people a limit of the role, or of a principal in it, counts. */
  readonly limitedSubjects?: ReadonlySet<string>;
  /** Those of them of whom no more than a limit allows can be shown or told, at any time. */
  readonly boundedSubjects?: ReadonlySet<string>;
  /** Times in which other limits hold; the last that names a limit counts. */
  readonly during?: readonly During[];
  /** What a limit does that does not say it; absent: `deny`. */
  readonly whenExceeded?: LimitEffect;
  readonly throttle?: Throttle;
  readonly lock?: Lock;
  /** So many approvers must sign a larger limit; absent: none. */
  readonly raise?: { readonly approvals: number };
  /** Where the role is defined. */
  readonly rule: RuleRef;
  /** Set where an error at start closed this role: nobody may log in by it. */
  readonly disabled?: string;
}

export interface BreakGlass {
  /** So many different approvers must sign. */
  readonly approvals: number;
  /** The longest that it may be open, milliseconds. */
  readonly for: number;
  /** Names of those whose signatures count; absent: every approver's. */
  readonly approvers?: readonly string[] | undefined;
}

export interface Principal {
  readonly name: string;
  readonly role: string;
  /** Typed attribute values as the text that PostgreSQL's input function takes; arrays as `{…}` literals. */
  readonly attributes: ReadonlyMap<string, string>;
  /** SCRAM verifiers `SCRAM-SHA-256$…`. */
  readonly verifiers: readonly string[];
  /** `sha256:…`, in small letters, or `subject:` and a name as `formatDistinguishedName` writes it. */
  readonly certificate?: string;
  /** How the people behind this account are known; absent: nobody is. */
  readonly token?: TokenRule;
  /** CIDR blocks, and `local` for unix sockets; empty: from anywhere. */
  readonly from: readonly string[];
  /** It is closed until an opening of it was signed; absent: it is open. */
  readonly breakGlass?: BreakGlass;
  /** Milliseconds since the epoch, end of that day in the guard's time zone. */
  readonly validUntil?: number;
  /** Limits beside the role's. */
  readonly limits: Limits;
  /** Times in which others of its own hold. */
  readonly during?: readonly During[];
  readonly rule: RuleRef;
  readonly disabled?: string;
}

/** A column of a relation, as subjects name them. */
export interface ColumnRef {
  readonly relation: Relation;
  readonly column: Column;
}

/** Keys of a subject that its file names and the database does not have, or not so that they could be read. */
export interface LostKeys {
  /** The first of all keys is among them. */
  readonly first: boolean;
  /** Relations that hold data of the subject, though it cannot be told whose: they are withheld. */
  readonly relations: ReadonlySet<Oid>;
}

/** A kind of person that the database is about (`subjects.yaml`). */
export interface Subject {
  readonly name: string;
  /** Those that are there. The first is the key of the table with one row for each person, unless that is lost. */
  readonly keys: readonly ColumnRef[];
  readonly lost: LostKeys;
  readonly canaries: readonly string[];
  readonly categories: ReadonlyMap<string, readonly ColumnRef[]>;
  readonly rule: RuleRef;
}

export interface Policy {
  /** `sha256:…` over the files' names and contents. */
  readonly hash: string;
  readonly roles: ReadonlyMap<string, RolePolicy>;
  readonly principals: ReadonlyMap<string, Principal>;
  readonly subjects?: ReadonlyMap<string, Subject>;
  /** Who may approve export permits, larger limits and openings, by name. */
  readonly approvers?: ReadonlyMap<string, Approver>;
  /** Absent where there are none. */
  readonly canaries?: Canaries;
}

/** A value that the policy grants to a role for a relation and a column seen in a RowDescription (promise P5). */
export function mayRead(role: RolePolicy, table: Oid, attnum: number): boolean {
  if (role.access === 'unrestricted') return true;
  const select = role.relations.get(table)?.select;
  if (!select) return false;
  // The whole row: the server names column 0.
  if (attnum === 0) return select.whole;
  for (const grant of select.columns.values()) {
    if (grant.column.attnum === attnum) return grant.mask === undefined;
  }
  return false;
}

/** What the role was granted of the database itself: neither system catalogs nor its sessions' own tables. */
export function grantsOfTables(role: RolePolicy): RelationGrant[] {
  return [...role.relations.values()].filter(({ system, relation }) => !system && relation.persistence !== 't');
}
