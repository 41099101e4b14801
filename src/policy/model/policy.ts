/** The compiled policy, which the guard uses. `compile.ts` makes it from the YAML files and the live catalog; immutable. */
import type { Column, Fn, Oid, Relation } from '../../sql/catalog/catalog.ts';
import type { Template } from '../../sql/text/template.ts';
import type { Approver } from '../compile/approvers.ts';
import type { SettingRule } from '../compile/grantable-settings.ts';
import type { RuleRef } from '../source/rule.ts';
import type { Canaries } from './canaries.ts';
import type { During, LimitEffect, Limits, Lock, Throttle } from './limits.ts';
import type { TokenRule } from './token-rule.ts';

/** The commands that a grant of a table may allow. */
export const TABLE_COMMANDS = ['select', 'insert', 'update', 'delete'] as const;
export type TableCommand = (typeof TABLE_COMMANDS)[number];

/** What the SQL of a condition or mask uses: the account that runs it needs rights on this at the server. */
export interface SqlNeeds {
  /** Columns of the row itself. */
  readonly columns: readonly string[];
  /** The relations that its subqueries read. */
  readonly elsewhere: readonly ElsewhereRead[];
  /** Functions outside pg_catalog, including those behind operators and casts. */
  readonly functions: readonly Fn[];
  /** Schemas of its types. */
  readonly schemas: readonly string[];
  /** Operators that the session's `search_path` chooses, because their form takes no schema; absent: none. */
  readonly operators?: readonly OperatorByPath[];
  /** The path finds something else in it, too: it means the same under one path alone. */
  readonly byPath?: true;
}

/** `operator`: the one that the policy means; undefined if it may be one of several. */
export interface OperatorByPath {
  readonly name: string;
  /** Of the operands, undefined: a prefix operator's left one. */
  readonly types: readonly (Oid | undefined)[];
  readonly operator: Oid | undefined;
}

export interface ElsewhereRead {
  readonly relation: Relation;
  readonly columns: readonly string[];
  /** The rows that are read: those that meet all of these; absent if that is not known. */
  readonly rows?: readonly Condition[];
}

/** A row condition, ready to be put into a guarded subquery: names qualified, inner aliases renamed, row columns behind a `row` slot. */
export interface Condition {
  /** Boolean SQL expression in parentheses. */
  readonly filter: Template;
  /** The same condition for one row, without a join (`rewriting.md` §2): `ok` consists of these. Equal to `filter` for a plain condition. */
  readonly ok: Template;
  /** `scan`: evaluated on the row alone while it is read; `join`: contains a subquery, which the planner may turn into a join. */
  readonly evaluated: 'scan' | 'join';
  readonly rule: RuleRef;
  /** Columns of the relation itself that it reads. */
  readonly reads: readonly string[];
  /** Absent on system catalogs. */
  readonly needs?: SqlNeeds;
}

export interface ColumnGrant {
  readonly column: Column;
  /** SQL over the row's own columns (behind a `row` slot), cast to the column's type; absent if the column is shown unchanged. */
  readonly mask?: Template;
  /** The mask can fail for some value (`rewriting.md` §2, class 3): it is guarded by the row filter where it is exported. */
  readonly maskLeaks?: boolean;
  readonly maskNeeds?: SqlNeeds;
  readonly rule: RuleRef;
}

export interface SelectGrant {
  /** By column name, in the table's order. */
  readonly columns: ReadonlyMap<string, ColumnGrant>;
  /** Joined with AND. Empty: every row. */
  readonly conditions: readonly Condition[];
  /** Every column, none masked, no condition: the forwarded text may name the relation directly. */
  readonly whole: boolean;
  readonly rule: RuleRef;
}

export interface WriteGrant {
  readonly columns: ReadonlySet<string>;
  readonly conditions: readonly Condition[];
  /** Every column and no condition. */
  readonly whole: boolean;
  readonly rule: RuleRef;
  /** Of a view alone. */
  readonly through?: WriteThroughView;
}

/**
 * How a write to a view is held to the policy. `open`: the role also holds everything behind the view, unrestricted. `held`: `conditions` and
 * `columns` include those of the relations behind it; `plain` are columns that reveal no computed value.
 */
export type WriteThroughView =
  | { readonly kind: 'refused'; readonly why: string; readonly hint: string }
  | { readonly kind: 'open' }
  | {
      readonly kind: 'held';
      /** Expressions of the statement cannot see rows that the view's query hides. */
      readonly fenced: boolean;
      readonly plain: ReadonlySet<string>;
    };

/** Why the server itself writes to no table through a view. */
export const NOT_UPDATABLE = 'it is not automatically updatable';

export interface RelationGrant {
  readonly relation: Relation;
  /** Columns that tell whose data a row is, for any subject. */
  readonly subjectKeys?: readonly string[];
  readonly select?: SelectGrant;
  readonly insert?: WriteGrant;
  readonly update?: WriteGrant;
  readonly delete?: WriteGrant;
  /** Of a sequence that `sequences` grants. */
  readonly sequence?: ReadonlySet<SequenceRight>;
  readonly rule: RuleRef;
  /** True for system catalogs: filtered by the role's grants, and without rows of data. */
  readonly system: boolean;
  /** A system catalog that `catalogs` grants: unfiltered. Absent: no. */
  readonly named?: true;
}

/** PostgreSQL's privileges of sequences. */
export type SequenceRight = 'usage' | 'select' | 'update';

/** Words that `statements:` in a role may hold. */
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

/** A temporary table that sessions of the role may create. */
export interface TemporaryTable {
  /** In no catalog; its OID is larger than any of the server's. */
  readonly relation: Relation;
  readonly rule: RuleRef;
}

export interface RolePolicy {
  readonly name: string;
  readonly mode: 'enforce' | 'observe';
  readonly access: 'restricted' | 'unrestricted';
  readonly attributes: ReadonlyMap<string, AttributeType>;
  /** By relation OID; a relation that is not here does not exist for the role. */
  readonly relations: ReadonlyMap<Oid, RelationGrant>;
  /** By name; the grant of each is in `relations`. */
  readonly temporary?: ReadonlyMap<string, TemporaryTable>;
  /** User-defined types that it finds in pg_type: those of its grants, and of known extensions. Absent: none. */
  readonly types?: ReadonlySet<Oid>;
  /** Those of them that were granted by name. Absent: none. */
  readonly grantedTypes?: ReadonlySet<Oid>;
  /** Users' collations that were granted by name. Absent: none. */
  readonly collations?: ReadonlySet<Oid>;
  /** Schemas that it finds in pg_namespace, besides the server's own. Absent: none. */
  readonly schemas?: readonly string[];
  /** Schemas in which its policy names tables, also where none of them is there at the moment. */
  readonly namedSchemas?: readonly string[];
  /** Constraints that it finds in pg_constraint, without those whose schema and name a withheld one shares. Absent: none. */
  readonly constraints?: readonly { readonly schema: string; readonly name: string }[];
  /** Settings that it may change beyond the default ones, by lower-case name. Absent: none. */
  readonly settings?: ReadonlyMap<string, SettingRule>;
  /** Granted in addition to the built-in safe functions. */
  readonly functions: ReadonlySet<Oid>;
  /** The line of each granted function. */
  readonly functionRules?: ReadonlyMap<Oid, RuleRef>;
  readonly statements: ReadonlySet<StatementOption>;
  readonly collect: 'deny' | 'allow';
  readonly minGroup: number | undefined;
  /** Counts are rounded to multiples of it; other aggregates are refused. */
  readonly roundTo?: number;
  readonly limits: Limits;
  /** Limits of each end user. */
  readonly limitsPerUser?: Limits;
  /** The data subjects of the database. */
  readonly subjects?: readonly Subject[];
  /** Names of the subjects that a limit of the role, or of one of its principals, counts. */
  readonly limitedSubjects?: ReadonlySet<string>;
  /** Subjects for which a limit bounds, at every time, how many can be shown or disclosed. */
  readonly boundedSubjects?: ReadonlySet<string>;
  /** Times with other limits; the last one that names a limit counts. */
  readonly during?: readonly During[];
  /** The effect of limits that do not set one; absent: `deny`. */
  readonly whenExceeded?: LimitEffect;
  readonly throttle?: Throttle;
  readonly lock?: Lock;
  /** How many approvers must sign a raise; absent: none. */
  readonly raise?: { readonly approvals: number };
  /** The line that defines the role. */
  readonly rule: RuleRef;
  /** Set if an error closed this role at start: its principals may not log in. */
  readonly disabled?: string;
}

export interface BreakGlass {
  /** How many different approvers must sign. */
  readonly approvals: number;
  /** The longest time that it may be open, in milliseconds. */
  readonly for: number;
  /** Names of approvers whose signatures count; absent: every approver's. */
  readonly approvers?: readonly string[] | undefined;
}

export interface Principal {
  readonly name: string;
  readonly role: string;
  /** Attribute values as text for PostgreSQL's input functions; arrays as `{…}` literals. */
  readonly attributes: ReadonlyMap<string, string>;
  /** SCRAM verifiers `SCRAM-SHA-256$…`. */
  readonly verifiers: readonly string[];
  /** `sha256:…` in lower case, or `subject:` and a name in the form of `formatDistinguishedName`. */
  readonly certificate?: string;
  /** How end users prove who they are; absent: the account has none. */
  readonly token?: TokenRule;
  /** CIDR blocks, and `local` for unix sockets; empty: from anywhere. */
  readonly from: readonly string[];
  /** The principal is closed until an opening of it is signed; absent: it is open. */
  readonly breakGlass?: BreakGlass;
  /** Milliseconds since the epoch, the end of that day in the guard's time zone. */
  readonly validUntil?: number;
  /** Overrides the role's mode. */
  readonly mode?: RolePolicy['mode'];
  /** Limits in addition to the role's. */
  readonly limits: Limits;
  /** Times with other limits of its own. */
  readonly during?: readonly During[];
  readonly rule: RuleRef;
  readonly disabled?: string;
}

/** The role as it applies to this principal; undefined if there is none. */
export function roleOf({ roles }: Pick<Policy, 'roles'>, { role: name, mode }: Principal): RolePolicy | undefined {
  const role = roles.get(name);
  return role && mode !== undefined && mode !== role.mode ? { ...role, mode } : role;
}

/** A column of a relation, as subjects name it. */
export interface ColumnRef {
  readonly relation: Relation;
  readonly column: Column;
}

/** Keys that a subject's file names, and that are missing or unreadable in the database. */
export interface LostKeys {
  /** Whether the first of all keys is among them. */
  readonly first: boolean;
  /** Relations that hold data of the subject that can no longer be attributed: they are withheld. */
  readonly relations: ReadonlySet<Oid>;
}

/** A kind of data subject (`subjects.yaml`). */
export interface Subject {
  readonly name: string;
  /** The existing keys. The first belongs to the table with one row for each person, unless that key is lost. */
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
  /** Who may approve permits, raises and openings, by name. */
  readonly approvers?: ReadonlyMap<string, Approver>;
  /** Absent if there are none. */
  readonly canaries?: Canaries;
}

/** Whether the policy lets the role read a relation and column named in a RowDescription (promise P5). */
export function mayRead(role: RolePolicy, table: Oid, attnum: number): boolean {
  if (role.access === 'unrestricted') return true;
  const select = role.relations.get(table)?.select;
  if (!select) return false;
  // Column number 0 in a RowDescription means the whole row.
  if (attnum === 0) return select.whole;
  for (const grant of select.columns.values()) {
    if (grant.column.attnum === attnum) return grant.mask === undefined;
  }
  return false;
}

/** The role's grants on tables of the database: without system catalogs and temporary tables. */
export function grantsOfTables(role: RolePolicy): RelationGrant[] {
  return [...role.relations.values()].filter(({ system, relation }) => !system && relation.persistence !== 't');
}
