/** What a call or an operator turns out to be: the answers of `operator.ts` and `function.ts`. */
import type { Column, Fn, Oid, Operator } from '../catalog/catalog.ts';
import type { Coercion } from './coercion.ts';

export type Resolved = Found | CastCall | ColumnCall | None | Ambiguous | Untellable;

/** The server runs this function. */
export interface Found {
  readonly kind: 'found';
  readonly fn: Fn;
  /** Set where an operator led to it. */
  readonly operator?: Operator;
  /** Result type, polymorphism resolved; 0 where a default of a polymorphic argument would settle it. */
  readonly result: Oid;
  /** OUT and TABLE columns, polymorphism resolved. */
  readonly outColumns: readonly { readonly name: string; readonly type: Oid }[];
  /** For each argument of the call, in its order: the type that the function receives, polymorphism resolved. */
  readonly argTypes: readonly Oid[];
  /** For each argument of the call: how it becomes that type. */
  readonly coercions: readonly Coercion[];
}

/** `text(x)`, `float8(x)`: a call by name, a cast in truth. */
interface CastCall {
  readonly kind: 'cast';
  readonly result: Oid;
  readonly coercion: Coercion;
}

/** `ine(p)`: a call by name, a column of a row in truth. */
interface ColumnCall {
  readonly kind: 'column';
  readonly name: string;
  /** Absent for a system column, and where the row is of type `record`: then its columns are not known here. */
  readonly column?: Column;
  /** 0 where the row is of type `record`. */
  readonly relation: Oid;
  readonly result: Oid;
}

/** The server refuses it: nothing of that name takes these arguments, or it may not be called in this form. */
interface None {
  readonly kind: 'none';
  readonly why: 'no candidate' | 'polymorphic type not settled' | 'called in the wrong form';
}

/** The server refuses it: several fit equally. */
interface Ambiguous {
  readonly kind: 'ambiguous';
}

/** An argument's type is not known: the server may run any of these, or cast to `castTo`, or take a column of a row, or refuse. */
interface Untellable {
  readonly kind: 'untellable';
  readonly candidates: readonly Fn[];
  readonly castTo?: Oid;
  /** The call may be a column of its one argument, which then is a row. */
  readonly mayBeColumn: boolean;
}
