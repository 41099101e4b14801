/** What resolution finds in a statement: query levels, the names visible in them, expressions, and where policy and rewriting must look. */
import type { Refusal } from '../../errors.ts';
import type { Catalog, Column, Fn, Oid, Operator, Relation, Type } from '../catalog.ts';
import type { ParsedText } from '../parse.ts';
import type { Body, Node } from '../tree.ts';

/** One column of a relation, as the asking role may see it. */
export interface ViewColumn {
  readonly column: Column;
  readonly access: 'granted' | 'withheld';
  /** Shown in another form: behind a mask. */
  readonly masked: boolean;
  /** True where what stands behind the name is an expression that can tell (`rewriting.md` §2, class 3). */
  readonly tells: boolean;
}

/** A relation, as the asking role may see it. */
export interface RelationView {
  readonly relation: Relation;
  readonly columns: readonly ViewColumn[];
  /** Must stand as a subquery: columns are withheld or masked, or rows are filtered. */
  readonly guarded: boolean;
  /** Rows may be hidden: expressions beside it must be guarded. How its filter is evaluated; `fence` is a view, whose filter we do not see. */
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
  /** Types of $1 … as far as they are known; 0 or absent: not. */
  readonly parameterTypes: readonly Oid[];
}

/** A name under which columns are visible. */
export interface Entry {
  /** Alias or relation name; undefined for a join without alias. */
  readonly name: string | undefined;
  /** Schema by which `schema.name` finds it: of a relation without alias. */
  readonly schema: string | undefined;
  readonly columns: EntryColumn[];
  /** May be named (`name.column`). */
  nameVisible: boolean;
  /** Its columns may be named alone. */
  columnsVisible: boolean;
  readonly source: Source;
  readonly level: Level;
  /** Set where rows behind it are hidden: what `ok` is made of. */
  guard: Guard | undefined;
  /** The name that rewriting gives it instead, where two share theirs. */
  rename?: string;
}

export interface EntryColumn {
  readonly name: string;
  /** 0: cannot be told. */
  readonly type: Oid;
  readonly tells: boolean;
  readonly access: 'granted' | 'withheld';
  /** For a join's column: where it comes from; absent for a merged one. */
  readonly from?: { readonly entry: Entry; readonly column: EntryColumn };
  readonly merged?: boolean;
  /** A system catalog's column as it stands, unmasked: what it names, the role was shown. */
  readonly catalog?: boolean;
  /** A system column: it can be named, but stands in no star, whole row or join. */
  readonly implicit?: boolean;
}

export type Source =
  | { readonly kind: 'relation'; readonly view: RelationView; readonly node: Node; readonly use: 'read' | 'target' }
  | { readonly kind: 'query'; readonly level: Level }
  | { readonly kind: 'cte'; readonly cte: Cte; readonly node: Node }
  | { readonly kind: 'function' }
  | { readonly kind: 'join'; readonly arms: readonly Entry[] }
  /** `excluded`, `old` and `new`: rows of the target. */
  | { readonly kind: 'excluded'; readonly of: Entry };

/** Something that can say `ok`: all rows behind this entry are ones that the role may see. Its name is unique in the statement. */
export interface Guard {
  readonly name: string;
  readonly entry: Entry;
  /** Filled in while rewriting: an expression asks for it. */
  needed: boolean;
  /** Filled in while rewriting: the relation's filter must be done before anything beside it runs. */
  fenced: boolean;
}

export interface Cte {
  readonly name: string;
  readonly node: Body<'CommonTableExpr'>;
  /** `named`: not read yet; `reading`: inside its own query, where `columns` stand once the first arm is read. */
  state: 'named' | 'reading' | 'read';
  level: Level | undefined;
  /** The first arm of a recursive one, while the second is read. */
  firstArm: Level | undefined;
  columns: EntryColumn[] | undefined;
  /** Columns that SEARCH and CYCLE add behind its own. */
  extra: EntryColumn[];
  /** Its references inside its own query. */
  readonly recursions: Entry[];
  /** Reads it: for WITH RECURSIVE, where a name may be used before its place. */
  readonly read: () => void;
}

/** The CTE names visible at one place. */
export interface CteScope {
  readonly byName: ReadonlyMap<string, Cte>;
  readonly outer: CteScope | undefined;
}

/** One SELECT, VALUES, set operation or data-modifying statement. */
export interface Level {
  readonly kind: 'select' | 'values' | 'set' | 'write';
  readonly select: Body<'SelectStmt'> | undefined;
  /** Arms of a set operation. */
  readonly arms: readonly Level[];
  /** What the FROM clause makes visible; entries of joins come behind those of their arms. */
  readonly entries: Entry[];
  /** Names of outer queries. */
  readonly outer: Scope | undefined;
  readonly ctes: CteScope | undefined;
  readonly outputs: OutputColumn[];
  aggregated: boolean;
  /** The expressions of GROUP BY; of `GROUP BY 1` and `GROUP BY name` the target that is meant. */
  readonly groupKeys: Node[];
  /** GROUPING SETS, ROLLUP or CUBE. */
  groupingSets: boolean;
  /** Expressions of this level's clauses. */
  readonly roots: Root[];
  /** Subqueries in its expressions. */
  readonly subqueries: Level[];
  /** Name of the column by which this level says `ok` to the level around it; set while rewriting. */
  exports: string | undefined;
}

/** Names visible at one place: some entries of a level, then those outside it. */
export interface Scope {
  readonly level: Level;
  readonly entries: readonly Entry[];
  readonly outer: Scope | undefined;
  /** When a subquery that stands here runs: see `Root`. */
  readonly phase?: Root['phase'];
}

export interface OutputColumn {
  readonly name: string;
  readonly type: Oid;
  readonly tells: boolean;
  /** As of an EntryColumn. */
  readonly catalog: boolean;
}

/** Where an expression stands: `row`: computed from rows as they are joined; `group`: after grouping, where the level has any. */
export interface Root {
  readonly node: Node;
  readonly phase: 'row' | 'group';
  /** A function in FROM: it cannot itself be wrapped, only its arguments. */
  readonly inFrom: boolean;
  readonly scope: Scope;
  /** The target of a select list, whose name must survive. */
  readonly target: Body<'ResTarget'> | undefined;
}

/** What is known of an expression. */
export interface Expression {
  /** 705 (unknown) for an untyped literal or parameter; 0 where it cannot be told. */
  readonly type: Oid;
  /** The node itself, its operands aside, can neither fail nor be watched: leakproof by the server's catalog, or pure structure. */
  readonly sound: boolean;
  /** Made of literals and immutable functions alone: computed once, before any row is read. */
  readonly constant: boolean;
  readonly barrier: 'none' | 'aggregate' | 'window' | 'set-returning' | 'subquery';
  /** A call that does nothing where an argument is NULL. */
  readonly strict?: boolean;
}

export type Action = 'select' | 'insert' | 'update' | 'delete' | 'lock';

/** What the statement touches, for the policy to judge; `at` is a character of the text, from 0. */
export type Use =
  | { readonly kind: 'relation'; readonly relation: Relation; readonly action: Action; readonly at: number }
  | { readonly kind: 'column'; readonly relation: Relation; readonly column: string; readonly at: number }
  | {
      readonly kind: 'function';
      readonly name: string;
      /** The function found; several where argument types cannot be told: then all must be granted. */
      readonly candidates: readonly Fn[];
      /** The text of each argument that is a plain literal. */
      readonly literals: readonly (string | undefined)[];
      /** Of the first argument: a system catalog's column as it stands; else the text of a constant, cast or not. */
      readonly subject?: { readonly catalog: boolean; readonly text: string | undefined };
      readonly at: number;
    }
  | { readonly kind: 'operator'; readonly name: string; readonly candidates: readonly Operator[]; readonly at: number }
  | { readonly kind: 'type'; readonly type: Type; readonly at: number }
  | { readonly kind: 'sample'; readonly relation: Relation; readonly at: number }
  | { readonly kind: 'collects'; readonly what: string; readonly level: Level; readonly at: number };

/** Places that rewriting must look at. */
export interface Marks {
  /** RangeVars of relations, with their entry. */
  readonly relations: { readonly node: Node; readonly entry: Entry; readonly level: Level }[];
  readonly cteReferences: { readonly node: Node; readonly entry: Entry; readonly level: Level }[];
  readonly functions: { readonly body: Body<'FuncCall'>; readonly fn: Fn }[];
  readonly types: { readonly body: Body<'TypeName'>; readonly type: Type }[];
  /** References that name their relation's schema or database, or an entry that is renamed. */
  readonly qualified: { readonly body: Body<'ColumnRef'>; readonly entry: Entry; readonly drop: number }[];
  readonly stars: {
    readonly target: Body<'ResTarget'>;
    readonly columns: readonly StarColumn[];
    readonly level: Level;
    readonly list: Node[];
  }[];
  readonly wholeRows: { readonly node: Node; readonly entry: Entry }[];
  /** References to columns of an entry, for functional dependency. */
  readonly references: Map<Node, { readonly entry: Entry; readonly column: EntryColumn }>;
  /** The SelectStmt of each derived table and CTE, whose list may get one more column. */
  readonly expressions: Map<Node, Expression>;
  /** Subqueries inside expressions. */
  readonly sublinks: Map<Node, Level>;
  /** Functions, casts and values whose result moves with time or settings: a policy's conditions may not hold them. */
  readonly unstable: { readonly what: string; readonly at: number }[];
  /** USING and NATURAL columns whose comparison can tell: it has no place where it could be guarded. */
  readonly tellingMerges: { readonly level: Level; readonly name: string }[];
  /** Places where something can fail that has no expression of its own to guard. */
  readonly fallible: Fallible[];
  /** Types that untyped literals took by their place. */
  readonly literals: Map<Node, Oid>;
  /** Plain or guarded: every level of the statement. */
  readonly levels: Level[];
}

/** `afterRows`: it runs when the rows of its own level are there; else beside them. */
export interface Fallible {
  readonly scope: Scope;
  readonly afterRows: boolean;
}

export interface StarColumn {
  readonly entry: Entry;
  readonly column: EntryColumn;
}

/** The whole finding for one statement. */
export interface Analysis {
  readonly parsed: ParsedText;
  readonly level: Level | undefined;
  readonly uses: readonly Use[];
  /** In the order found. */
  readonly refusals: readonly Refusal[];
  readonly marks: Marks;
  /** The highest $n. */
  readonly parameters: number;
  /** Types as the statement settled them; 705 where it did not. */
  readonly parameterTypes: readonly Oid[];
}
