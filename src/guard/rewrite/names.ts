/** Names that only rewriting makes. Client text may not use them. */

/** Every name that Rowgate puts into a statement begins so; a client's text that uses it is refused. */
export const RESERVED_PREFIX = 'rowgate_';

/** The alias of a guarded relation's own rows inside its subquery. */
export const ROW = 'rowgate_row';

/** With a number: the one column of what is parsed in a guarded subquery's place. Never sent. */
export const PIECE = 'rowgate_piece_';

/** One more column of a query or of a guarded subquery, under a name that no client may use. */
export interface CarriedColumn {
  readonly text: string;
  readonly name: string;
}
