/** What resolution builds of a statement: relations as the role sees them, query levels, the names visible in them, expressions. */
import type { Catalog, Column, Oid, Relation, WriteEvent } from '../catalog/catalog.ts';
import type { Body, Node } from '../parse/tree.ts';

/** One column of a relation, as the asking role may see it. */
export interface ViewColumn {
  readonly column: Column;
  readonly access: 'granted' | 'withheld';
  /** Shown masked. */
  readonly masked: boolean;
  /** True if the column is computed by a leaky expression (`rewriting.md` §2, class 3). */
  readonly leaky: boolean;
}

/** A relation, as the asking role may see it. */
export interface RelationView {
  readonly relation: Relation;
  readonly columns: readonly ViewColumn[];
  /** Must be sent as a subquery: columns are withheld or masked, or rows are filtered. */
  readonly guarded: boolean;
  /**
   * Rows may be hidden: expressions beside it must be guarded. The value tells how its filter is evaluated; `fence` is a view, whose filter is not
   * known.
   */
  readonly hides: 'no' | 'scan' | 'join' | 'fence';
  /** A system catalog. */
  readonly system: boolean;
}

/** What resolution must know of the world; pure. */
export interface Env {
  readonly catalog: Catalog;
  /** Without pg_catalog, which always comes first. */
  readonly searchPath: readonly string[];
  /** undefined: not granted. */
  viewOf(relation: Relation): RelationView | undefined;
  /** The same of a relation that a statement writes; `hides` is then of the rows that it may find there. Absent: nothing is written. */
  targetOf?(relation: Relation, write: Writing): RelationView;
  /** A table of the session's own, by its name. */
  temporary?(name: string): Relation | undefined;
  /** Types of $1 … as far as they are known; 0 or absent: not. */
  readonly parameterTypes: readonly Oid[];
}

/** What a statement does with its target. */
export interface Writing {
  readonly command: 'InsertStmt' | 'UpdateStmt' | 'DeleteStmt' | 'MergeStmt';
  readonly events: readonly WriteEvent[];
}

/** A name under which columns are visible. */
export interface RangeTableEntry {
  /** Alias or relation name; undefined for a join without alias. */
  readonly name: string | undefined;
  /** Schema by which `schema.name` finds it: of a relation without alias. */
  readonly schema: string | undefined;
  readonly columns: RangeTableColumn[];
  /** May be named (`name.column`). */
  nameVisible: boolean;
  /** Its columns may be named alone. */
  columnsVisible: boolean;
  readonly source: RangeTableSource;
  readonly level: QueryLevel;
  /** Set if its rows may be hidden: the source of `ok`. */
  guard: RowGuard | undefined;
  /** Of a relation that is read through a guarded subquery: how the names begin of columns that are added to it there. */
  readonly prefix?: string;
  /** System columns of such a relation that the statement names: they are added, under names that nothing else can mean. */
  systemColumns?: Set<RangeTableColumn>;
  /** Filled in while rewriting: a column of Rowgate's own follows its columns. */
  carries?: boolean;
  /** Filled in while rewriting: names of columns of it that share theirs, by which each can be meant. */
  distinct?: Map<RangeTableColumn, string>;
  /** The name that rewriting gives it instead, where two share theirs. */
  rename?: string;
  /** Another item of its FROM clause has its name, which only an alias of a join around one of them allows. */
  hasTwin?: true;
}

export interface RangeTableColumn {
  readonly name: string;
  /** 0: cannot be told. */
  readonly type: Oid;
  readonly leaky: boolean;
  readonly access: 'granted' | 'withheld';
  /** For a join's column: where it comes from; absent for a merged one. */
  readonly from?: { readonly entry: RangeTableEntry; readonly column: RangeTableColumn };
  readonly merged?: boolean;
  /** The column of an arm that a merged one is, if the join does not change it. */
  readonly same?: { readonly entry: RangeTableEntry; readonly column: RangeTableColumn } | undefined;
  /** An unchanged, unmasked column of a system catalog: the role may see what it names. */
  readonly catalog?: boolean | undefined;
  /** A system column: it can be named, but is part of no star, whole row or join. */
  readonly implicit?: boolean | undefined;
  /** What SEARCH and CYCLE add, below the query that has the WITH clause: it can be named, but is part of no star. */
  readonly starless?: boolean | undefined;
  /** A collation of its own: neither no collation nor the database's default. */
  readonly collation?: Oid | undefined;
}

export type RangeTableSource =
  | { readonly kind: 'relation'; readonly view: RelationView; readonly node: Node; readonly use: 'read' | 'target' }
  | { readonly kind: 'query'; readonly level: QueryLevel }
  | { readonly kind: 'cte'; readonly cte: Cte; readonly node: Node }
  /** `scalar`: it gives no rows but values, so that its name alone is the value. */
  /** `node`: the RangeFunction that calls it, where one does. */
  | { readonly kind: 'function'; readonly scalar?: boolean; readonly node?: Node }
  /** `plain`: nothing in it was merged or renamed, so that its columns say themselves where they come from. */
  | {
      readonly kind: 'join';
      readonly arms: readonly RangeTableEntry[];
      readonly plain: boolean;
      /** Names of the columns that USING or NATURAL merges. */
      readonly shared: readonly string[];
      readonly join: Body<'JoinExpr'>;
    }
  /** `excluded`, `old` and `new`: rows of the target. */
  | { readonly kind: 'excluded'; readonly of: RangeTableEntry };

/** Something that can provide `ok`: whether the role may see all rows of this entry. No other visible entry has its name. */
export interface RowGuard {
  readonly name: string;
  readonly entry: RangeTableEntry;
  /** Filled in while rewriting: an expression asks for it. */
  needed: boolean;
  /** Filled in while rewriting: the relation's filter must be done before anything beside it runs. */
  fenced: boolean;
  /** The same, where even a filter that is judged in one scan with it may come too late. */
  walled?: boolean;
}

export interface Cte {
  readonly name: string;
  readonly node: Body<'CommonTableExpr'>;
  /** `named`: not read yet; `reading`: inside its own query, where `columns` are known after the first arm is read. */
  state: 'named' | 'reading' | 'read';
  level: QueryLevel | undefined;
  /** The first arm of a recursive one, while the second is read. */
  firstArm: QueryLevel | undefined;
  columns: RangeTableColumn[] | undefined;
  /** Columns that SEARCH and CYCLE add after its own. */
  readonly extra: readonly RangeTableColumn[];
  /** The SELECT that has its WITH clause; undefined for a statement that writes. */
  readonly home: Body<'SelectStmt'> | undefined;
  /** Its references inside its own query. */
  readonly recursions: RangeTableEntry[];
  /** Reads it: for WITH RECURSIVE, where a name may be used before its place. */
  readonly read: () => void;
}

/** The CTE names visible at one place. */
export interface CteScope {
  readonly byName: ReadonlyMap<string, Cte>;
  readonly outer: CteScope | undefined;
}

/** The context of a query: the names around it. */
export interface ExpressionPlace {
  readonly outer: Scope | undefined;
  readonly ctes: CteScope | undefined;
  /** An arm of a set operation, or the source of an INSERT: its untyped parameters get their types from the context. */
  readonly open?: boolean;
}

/** One SELECT, VALUES, set operation or data-modifying statement. */
export interface QueryLevel {
  readonly kind: 'select' | 'values' | 'set' | 'write';
  readonly select: Body<'SelectStmt'> | undefined;
  /** Arms of a set operation. */
  readonly arms: readonly QueryLevel[];
  /** What the FROM clause makes visible; entries of joins come after those of their arms. */
  readonly entries: RangeTableEntry[];
  /** Names of outer queries. */
  readonly outer: Scope | undefined;
  readonly ctes: CteScope | undefined;
  readonly outputs: OutputColumn[];
  /** Around the FROM item that is being read. */
  joins: number;
  /** As of its place. */
  readonly open: boolean;
  aggregated: boolean;
  /** The expressions of GROUP BY; of `GROUP BY 1` and `GROUP BY name` the target that is meant. */
  readonly groupKeys: Node[];
  /** GROUPING SETS, ROLLUP or CUBE. */
  groupingSets: boolean;
  /** Expressions of this level's clauses. */
  readonly roots: RootExpression[];
  /** Subqueries in its expressions. */
  readonly subqueries: QueryLevel[];
  /** Name of the column by which this level says `ok` to the level around it; set while rewriting. */
  exports: string | undefined;
}

/** Names visible at one place: some entries of a level, then those outside it. */
export interface Scope {
  readonly level: QueryLevel;
  readonly entries: readonly RangeTableEntry[];
  readonly outer: Scope | undefined;
  /** When a subquery at this place runs: see `Root`. */
  readonly phase?: RootExpression['phase'];
  /** Expressions here run in a statement that writes, for rows that passed all its filters. */
  readonly late?: boolean;
}

export interface OutputColumn {
  readonly name: string;
  readonly type: Oid;
  readonly leaky: boolean;
  /** As of an RangeTableColumn. */
  readonly catalog: boolean;
  /** The same, of a column that it shows as it is. */
  readonly collation?: Oid | undefined;
  /** The parameter that it is, where nothing has given that a type yet. */
  readonly untyped?: number | undefined;
  /** The column that it shows as it is. */
  readonly source?: { readonly entry: RangeTableEntry; readonly column: RangeTableColumn } | undefined;
  /** The expression that computes it, if it is not an item of a star. */
  readonly node?: Node;
  /** It is an untyped literal, and so far text only for us. */
  readonly literal?: boolean;
}

/** The phase of an expression: `row`: computed from rows as they are joined; `group`: after grouping, if the level has any. */
export interface RootExpression {
  readonly node: Node;
  readonly phase: 'row' | 'group';
  /** A function in FROM: it cannot itself be wrapped, only its arguments. */
  readonly inFrom: boolean;
  /** Of type record, where `(…).*` or a query around may ask for its columns: the server would not know them behind a CASE. */
  readonly record?: boolean;
  /** For a FULL JOIN's condition: the entries on its left and on its right. */
  readonly sides?: readonly [readonly RangeTableEntry[], readonly RangeTableEntry[]];
  readonly scope: Scope;
  /** The target of a select list, whose name must survive. */
  readonly target: Body<'ResTarget'> | undefined;
}

/** What is known of an expression. */
export interface Expression {
  /** 705 (unknown) for an untyped literal or parameter; 0 where it cannot be told. */
  readonly type: Oid;
  /** The node itself, without its operands, can neither fail nor be watched: leakproof by the server's catalog, or pure structure. */
  readonly leakproof: boolean;
  /** Made of literals and immutable functions alone: computed once, before any row is read. */
  readonly constant: boolean;
  readonly barrier: 'none' | 'aggregate' | 'window' | 'set-returning' | 'subquery';
  /** A call that does nothing where an argument is NULL. */
  readonly strict?: boolean;
  /** Of an aggregate: what it takes names a column of its query, in a subquery or not. */
  readonly namesOwn?: boolean;
}
