/** What resolution finds in a statement: its uses, which policy judges, and marks at the places where rewriting must look. */
import type { Refusal } from '../../core/refusal.ts';
import type { Fn, Oid, Operator, Relation, Type, WriteEvent } from '../catalog/catalog.ts';
import type { ParsedText } from '../parse/parse.ts';
import type { Body, Node } from '../parse/tree.ts';
import type { Found } from '../types/resolved.ts';
import type { Expression, QueryLevel, RangeTableColumn, RangeTableEntry, Scope } from './range-table.ts';

/** The whole finding for one statement. */
export interface Analysis {
  readonly parsed: ParsedText;
  readonly level: QueryLevel | undefined;
  readonly uses: readonly Use[];
  /** In the order found. */
  readonly refusals: readonly Refusal[];
  readonly marks: Marks;
  /** The highest $n. */
  readonly parameters: number;
  /** Types as the statement settled them; 705 where it did not. */
  readonly parameterTypes: readonly Oid[];
}

/** Marks an argument that is a plain parameter: one value of the client's for all rows. */
export const PARAMETER = Symbol('parameter');

export type Action = 'select' | 'insert' | 'update' | 'delete' | 'lock';

/** What a function that looks things up by OID or name is asked about. */
export interface LookedUpObject {
  /** An unchanged column of a system catalog. */
  readonly catalog: boolean;
  /** The text of a constant, cast or not. */
  readonly text: string | undefined;
  /** `pg_get_serial_sequence('table', 'column')` of constants. */
  readonly serial?: { readonly table: string; readonly column: string };
}

/** What the statement touches, for the policy to judge; `at` is a character of the text, from 0. */
export type Use =
  | { readonly kind: 'relation'; readonly relation: Relation; readonly action: Action; readonly at: number }
  | { readonly kind: 'column'; readonly relation: Relation; readonly column: string; readonly at: number }
  | {
      readonly kind: 'written';
      readonly relation: Relation;
      readonly column: string;
      readonly action: 'insert' | 'update';
      /** DEFAULT stands for it in every row, as if it were not named. */
      readonly defaulted?: boolean;
      readonly at: number;
    }
  | {
      readonly kind: 'function';
      readonly name: string;
      /** The function found; several where argument types cannot be told: then all must be granted. */
      readonly candidates: readonly Fn[];
      /** The text of each argument that is a plain literal. Only asked for if it matters. */
      readonly literals: () => readonly (string | typeof PARAMETER | undefined)[];
      /** Of the first argument; the same. */
      readonly subject?: () => LookedUpObject;
      readonly at: number;
    }
  | {
      readonly kind: 'operator';
      /** With its schema where that was written. */
      readonly name: string;
      /** The operand types by which it was found; undefined: the left one of a prefix operator; for ANY and ALL, an element's. */
      readonly types: readonly (Oid | undefined)[];
      readonly candidates: readonly Operator[];
      readonly at: number;
    }
  | { readonly kind: 'type'; readonly type: Type; readonly at: number }
  | {
      readonly kind: 'sample';
      readonly relation: Relation;
      readonly drawn: DrawnSample | undefined;
      readonly at: number;
    }
  | { readonly kind: 'collects'; readonly what: string; readonly level: QueryLevel; readonly at: number };

/** Places that rewriting must look at. */
export interface Marks {
  /** RangeVars of relations, with their entry. */
  readonly relations: { readonly node: Node; readonly entry: RangeTableEntry; readonly level: QueryLevel }[];
  readonly cteReferences: { readonly node: Node; readonly entry: RangeTableEntry; readonly level: QueryLevel }[];
  readonly functions: { readonly body: Body<'FuncCall'>; readonly fn: Fn }[];
  /** Resolved calls, by their body; `argTypes` are the types that the found function takes. */
  readonly calls: Map<object, Pick<Found, 'fn' | 'argTypes' | 'outColumns'>>;
  /** By the body of the FuncCall that it has become. */
  readonly callsAsFields: Map<object, CallAsField>;
  /** The bodies of the A_Indirections that they have become. */
  readonly fieldsAsCalls: Map<object, FieldAsCall>;
  readonly types: { readonly body: Body<'TypeName'>; readonly type: Type }[];
  /** What COLLATE names, and at which character of the text. */
  readonly collationNames: { readonly names: readonly string[]; readonly at: number }[];
  /** Character of the text of each aggregate that names columns, but none of its own query. */
  readonly outerAggregates: number[];
  /** References that name their relation's schema or database, or an entry that is renamed. */
  readonly qualified: { readonly body: Body<'ColumnRef'>; readonly entry: RangeTableEntry; readonly drop: number }[];
  readonly stars: {
    /** Its value is `*`, `t.*` or `(t).*`. */
    readonly target: Body<'ResTarget'>;
    readonly columns: readonly StarColumn[];
    readonly level: QueryLevel;
    readonly list: Node[];
  }[];
  /** TABLESAMPLE. */
  readonly samples: Map<RangeTableEntry, { readonly node: Node; readonly drawn: DrawnSample | undefined }>;
  /** `ownType`: a function takes it as a row of its table's type, not as a `record`. */
  readonly wholeRows: { readonly node: Node; readonly entry: RangeTableEntry; ownType?: boolean }[];
  /** `(t).field`, possibly with more behind it: an A_Indirection whose argument is a whole row, from which only the field is read. */
  readonly rowFields: { readonly node: Node; readonly entry: RangeTableEntry; readonly column: RangeTableColumn }[];
  /** `ROW(t.*)`: an item of the row's list that expands to many. */
  readonly rowStars: { readonly row: Body<'RowExpr'>; readonly item: Node; readonly columns: readonly StarColumn[] }[];
  /** References to system columns of relations that are read through a guarded subquery. */
  readonly systemColumns: { readonly node: Node; readonly entry: RangeTableEntry; readonly column: RangeTableColumn }[];
  /** Subqueries and joins with an alias, the inner ones first. */
  readonly aliased: { readonly body: Body<'RangeSubselect'> | Body<'JoinExpr'>; readonly entry: RangeTableEntry }[];
  /** References to columns of an entry, for functional dependency. */
  readonly references: Map<Node, { readonly entry: RangeTableEntry; readonly column: RangeTableColumn }>;
  /** Collations that fields of rows have by their row's type. */
  readonly collations: Map<Node, Oid>;
  /** Every expression that was resolved. */
  readonly expressions: Map<Node, Expression>;
  /** Subqueries inside expressions. */
  readonly sublinks: Map<Node, QueryLevel>;
  /** Functions, casts and values whose result depends on time or settings: a policy's conditions must not contain them. */
  readonly unstable: { readonly what: string; readonly at: number }[];
  /** USING and NATURAL columns whose comparison is leaky: it has no expression that could be guarded. */
  readonly tellingMerges: { readonly level: QueryLevel; readonly name: string }[];
  /** Places where something can fail that has no expression of its own to guard. */
  readonly fallible: Fallible[];
  /** Numbers of parameters used as LIKE patterns where the only possible failure is a pattern that ends in its escape character. */
  readonly patterns: Set<number>;
  /** The same of parameters that are a part of a pattern, and not its end. */
  readonly patternParts: Set<number>;
  /** Types that untyped literals took by their place. */
  readonly literals: Map<Node, Oid>;
  /** Statements that write a relation, the inner ones of WITH first. */
  readonly writes: Write[];
  /** Plain or guarded: every level of the statement. */
  readonly levels: QueryLevel[];
}

/** A sample for which each row is drawn by itself; `below`: the UUID that a random one of version 4 is less than, as often as that is to be. */
export interface DrawnSample {
  readonly below: string;
}

/** A call that is written as a field. */
export interface CallAsField {
  /** PostgreSQL's error where no function takes the row. */
  readonly otherwise: string;
  /** What had been found before its row was read; absent: its row is not read yet. */
  readonly before?: { readonly touched: number; readonly wholeRows: number; readonly sublinks: number };
}

/** A field that is written as a call. */
export interface FieldAsCall {
  readonly name: string;
  /** Of the call. */
  readonly location: number | undefined;
}

/** A statement that writes, at the top or in WITH. */
export interface Write {
  readonly node: Node;
  readonly command: 'InsertStmt' | 'UpdateStmt' | 'DeleteStmt' | 'MergeStmt';
  readonly level: QueryLevel;
  /** For an INSERT: the query whose rows it inserts. */
  source?: QueryLevel;
  /** undefined if it was refused. */
  readonly target: RangeTableEntry | undefined;
  /** How the text names the target. */
  readonly name: Body<'RangeVar'>;
  /** What it may do with rows of the target. */
  readonly events: readonly WriteEvent[];
  /** Columns that a SET of it names. */
  readonly sets: Set<string>;
  /** INSERTs without a list of columns, and the columns that they mean. */
  readonly lists: {
    readonly body: Body<'InsertStmt'> | Body<'MergeWhenClause'>;
    readonly columns: readonly string[];
  }[];
}

/** `afterRows`: it runs when the rows of its own level exist; otherwise while they are made. */
export interface Fallible {
  readonly scope: Scope;
  readonly afterRows: boolean;
}

export interface StarColumn {
  readonly entry: RangeTableEntry;
  readonly column: RangeTableColumn;
}
