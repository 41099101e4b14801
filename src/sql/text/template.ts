/** Text with holes: SQL in which attributes, limits and the row's own alias are filled in later. Never holds a value itself. */

/** `attribute`: a value of the principal. `limit`: rows that may still come, as bigint; an `argument` of EXECUTE, which passes it on. `row`: the alias of the relation's own columns. */
export type Slot =
  | { readonly kind: 'attribute'; readonly name: string; readonly type: string; readonly typeOid: number }
  | { readonly kind: 'limit'; readonly argument?: true }
  | { readonly kind: 'row' };

export type Template = readonly (string | Slot)[];
