/** Objects that a server’s catalog describes, as plain data: relations, types, functions, operators, casts, and what each names and reaches. */

export type Oid = number;

export interface Column {
  readonly attnum: number;
  readonly name: string;
  readonly type: Oid;
  readonly typmod: number;
  /** `format_type(type, typmod)`, with the schema unless it is pg_catalog: `integer`, `character varying(40)`, `public.mood`. */
  readonly typeName: string;
  /** pg_attribute.attcollation: 0 if the type has none, 100 for the database's default. */
  readonly collation: Oid;
  readonly notNull: boolean;
  /** '' | 's' (stored) | 'v' (virtual) */
  readonly generated: '' | 's' | 'v';
  /** '' | 'a' (always) | 'd' (by default) */
  readonly identity: '' | 'a' | 'd';
}

export interface Relation {
  readonly oid: Oid;
  readonly schema: string;
  readonly name: string;
  /** Its name at the server, if it is another: that of a temporary table that Rowgate knows by its policy. */
  readonly sentName?: string;
  /** pg_class.relkind: r table, p partitioned, v view, m materialized view, f foreign, S sequence, t toast, i/I index, c composite */
  readonly kind: string;
  readonly persistence: 'p' | 'u' | 't';
  /** OID of the row type in pg_type, 0 if there is none. */
  readonly rowType: Oid;
  /** User columns (attnum > 0, not dropped) in table order. */
  readonly columns: readonly Column[];
  /** attnums of the primary key; empty if there is none. */
  readonly primaryKey: readonly number[];
  /** OIDs of inheritance parents (partitions too). */
  readonly parents: readonly Oid[];
  /** Row type that a typed table (CREATE TABLE … OF) was made from, else 0. */
  readonly ofType: Oid;
  readonly rowSecurity: boolean;
  /** For a sequence: the table and column whose values it makes (`serial`, identity, OWNED BY). */
  readonly ownedBy: { readonly relation: Oid; readonly column: number } | null;
  /** Events with a trigger that may change or swallow the row, enabled or not: BEFORE or INSTEAD OF, FOR EACH ROW. */
  readonly rowTriggers: readonly WriteEvent[];
  /** Events that a rewrite rule answers to. */
  readonly rules: readonly WriteEvent[];
  /** What ON CONFLICT ON CONSTRAINT can name: primary key, unique and exclusion constraints, with their attnums (0: an expression). */
  readonly constraints: readonly { readonly name: string; readonly columns: readonly number[] }[];
  /** Unique indexes and those of exclusion constraints. */
  readonly uniqueIndexes: readonly UniqueIndex[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Of a view outside the system's schemas: what its query is made of. */
  readonly view?: ViewParts;
}

export interface UniqueIndex {
  /** attnums; 0: an expression. Negative: of a column by another comparison than its own, which may hold of values that differ. */
  readonly columns: readonly number[];
  /** One row at most has given values of all columns: it is unique, not partial, and valid, and so is what says that they are not NULL. */
  readonly whole: boolean;
  /** It may be checked as late as COMMIT; until then two rows may be alike. */
  readonly deferrable: boolean;
}

export interface ForeignKey {
  readonly columns: readonly number[];
  readonly relation: Oid;
  readonly referenced: readonly number[];
  readonly deferrable: boolean;
  /** pg_constraint.confupdtype and confdeltype: a none, r restrict, c cascade, n set null, d set default. */
  readonly onUpdate: string;
  readonly onDelete: string;
}

/** The rule that makes a view one, taken apart (pg_rewrite.ev_action): names of parse nodes, OIDs of operators and of relations. */
export interface ViewParts {
  readonly nodes: readonly string[];
  readonly operators: readonly Oid[];
  readonly relations: readonly Oid[];
  /** That it calls by name. */
  readonly functions: readonly Oid[];
  /** null: the server writes to no table through it. */
  readonly writes: ViewWrites | null;
}

/** How the server writes through an automatically updatable view (manual, CREATE VIEW, "Updatable Views"). */
export interface ViewWrites {
  /** The one relation behind it, which may be a view itself. */
  readonly base: Oid;
  /** Its columns that are columns of that relation: the attnums here and there. */
  readonly columns: readonly (readonly [attnum: number, base: number])[];
  /** By an INSTEAD rule too, but not by a trigger. */
  readonly events: readonly WriteEvent[];
  /** It has a WHERE. */
  readonly filters: boolean;
  /** WITH (security_barrier). */
  readonly barrier: boolean;
  /** WITH CHECK OPTION. */
  readonly check: 'none' | 'local' | 'cascaded';
}

export type WriteEvent = 'insert' | 'update' | 'delete';

export interface Type {
  readonly oid: Oid;
  readonly schema: string;
  readonly name: string;
  /** pg_type.typtype: b base, c composite, d domain, e enum, p pseudo, r range, m multirange */
  readonly kind: string;
  readonly category: string;
  readonly preferred: boolean;
  /** Element type of a true array (typsubscript = array), else 0. */
  readonly element: Oid;
  /** The array type over this one, 0 if there is none. */
  readonly array: Oid;
  /** The type under a domain (which may be a domain, too), else 0. */
  readonly base: Oid;
  /** Type modifier that a domain gives its base, else -1. */
  readonly baseTypmod: number;
  /** A domain with a constraint (CHECK or NOT NULL) of its own; its base may have more. */
  readonly constrained: boolean;
  /** Its DEFAULT is more than a constant. */
  readonly computesDefault: boolean;
  /** A range or multirange that calls the server's own functions alone. */
  readonly ownFunctions: boolean;
  /** Of a range or multirange: what it is a range of, else 0. */
  readonly subtype: Oid;
  /** Of a range: its multirange; of a multirange: its range; else 0. */
  readonly multirange: Oid;
  /** pg_proc OIDs of the text input and output functions, 0 if there is none. */
  readonly input: Oid;
  readonly output: Oid;
  /** pg_class OID of a composite type, else 0. */
  readonly relation: Oid;
}

export interface Fn {
  readonly oid: Oid;
  readonly schema: string;
  readonly name: string;
  /** f function, a aggregate, w window, p procedure */
  readonly kind: string;
  /** Declared types of what a call passes: IN, INOUT and VARIADIC arguments, of a procedure OUT ones as well. */
  readonly args: readonly Oid[];
  /** Names of the input arguments ('' where unnamed), for named notation. */
  readonly argNames: readonly string[];
  /** How many of the trailing arguments have defaults. */
  readonly defaults: number;
  /** Element type of a VARIADIC last argument, else 0; `2276` is VARIADIC "any". */
  readonly variadic: Oid;
  readonly result: Oid;
  readonly returnsSet: boolean;
  /** Names and types of OUT/TABLE columns; empty if the result type has them all. */
  readonly outColumns: readonly { readonly name: string; readonly type: Oid }[];
  readonly leakproof: boolean;
  readonly volatility: 'i' | 's' | 'v';
  readonly strict: boolean;
  readonly securityDefiner: boolean;
  /** pg_aggregate.aggkind for aggregates: n normal, o ordered-set, h hypothetical; else ''. */
  readonly aggKind: '' | 'n' | 'o' | 'h';
  /** pg_aggregate.aggnumdirectargs: of an ordered-set aggregate, the arguments before WITHIN GROUP; else 0. */
  readonly directArgs: number;
  /** Name of the extension that owns it, '' if none does. */
  readonly extension: string;
  /**
   * Why a function of users finds the same names whatever the session's search_path is: by a `path` of its own, or its `text` names the server's own
   * objects alone (that of a trigger, if those of its table's row are of the server's types). Absent: it may find others.
   */
  readonly fixedNames?: 'path' | 'text';
}

export interface Operator {
  readonly oid: Oid;
  readonly schema: string;
  readonly name: string;
  /** 0 for a prefix operator. */
  readonly left: Oid;
  readonly right: Oid;
  readonly result: Oid;
  /** pg_proc OID that implements it. */
  readonly fn: Oid;
  readonly extension: string;
  /** Joins or indexes may run other functions in its place: HASHES, MERGES, or in an operator family. */
  readonly searched: boolean;
}

export interface Cast {
  readonly source: Oid;
  readonly target: Oid;
  /** pg_proc OID, 0 where the method is binary or inout. */
  readonly fn: Oid;
  /** e explicit, a assignment, i implicit */
  readonly context: 'e' | 'a' | 'i';
  /** f function, i inout, b binary-coercible */
  readonly method: 'f' | 'i' | 'b';
}

/** A default operator class: what `=`, ORDER BY, GROUP BY and DISTINCT use for a type (manual, section 36.16). */
export interface Opclass {
  readonly method: 'btree' | 'hash';
  /** pg_opclass.opcintype */
  readonly type: Oid;
  /** Operators of its family over that type, by strategy number: btree 1 <, 2 <=, 3 =, 4 >=, 5 >; hash 1 =. */
  readonly operators: readonly { readonly strategy: number; readonly operator: Oid }[];
  /** Support functions over that type, by number: btree 1 compares; hash 1 and 2 hash. */
  readonly functions: readonly { readonly number: number; readonly fn: Oid }[];
}

/**
 * Something that runs by itself when its object is used, with what the server records that it reads: the query of a view or rule, the expression of a
 * default or generated column, the check of a domain, a trigger, the parsed body of a function.
 */
export interface Reach {
  readonly kind: 'rule' | 'default' | 'domain' | 'trigger' | 'function';
  /** OID of the relation, type (domain) or function. */
  readonly of: Oid;
  /** Of a default: the attnum. */
  readonly column?: number;
  /** Of a rule or trigger: by what it runs; a view's query by `select`. */
  readonly events?: readonly ('select' | 'insert' | 'update' | 'delete')[];
  /** attnum 0: the rows, and no column in particular. */
  readonly reads: readonly { readonly relation: Oid; readonly attnum: number }[];
  /** Users' functions. */
  readonly calls: readonly Oid[];
}

/** The text of a user's function: the server does not record what it reads. */
export interface FunctionBody {
  readonly fn: Oid;
  /** pg_language.lanname */
  readonly language: string;
  /** `sql`: the body; `plpgsql`: the whole CREATE FUNCTION; of other languages empty. */
  readonly source: string;
  /** The function's own setting of search_path, as it is written. */
  readonly searchPath?: string;
}

/** An object: OID of its catalog, its own OID, and a column's number or 0. */
export type ObjectName = readonly [catalog: Oid, oid: Oid, attnum: number];

/** An object that belongs to a relation or a domain, with everything that its definition names. */
export interface Dependent {
  /** `view`: the rule that makes it one; `policy`: of row security; `partitioning`: the key of a partitioned table. */
  readonly kind:
    | 'index'
    | 'constraint'
    | 'default'
    | 'trigger'
    | 'statistics'
    | 'view'
    | 'policy'
    | 'sequence'
    | 'partitioning';
  /** In its own catalog: pg_class for an index or a sequence, and for `partitioning` the table itself. */
  readonly oid: Oid;
  /** The relation that it belongs to, 0 for a domain's constraint. */
  readonly relation: Oid;
  /** Of a constraint its name, of a default its column's, else ''. */
  readonly name: string;
  /** Of a domain's constraint: the domain; else 0. */
  readonly type: Oid;
  /** Users' objects alone, and columns of the relation. */
  readonly names: readonly ObjectName[];
  /** Functions that its expressions call, the server's own too; empty for a view, whose query contains them. */
  readonly calls: readonly Oid[];
}

/** A collation that users have made (pg_collation). */
export interface Collation {
  readonly oid: Oid;
  readonly schema: string;
  readonly name: string;
}
