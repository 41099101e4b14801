/** The values of a row: NULL is null, and what has not come yet undefined. */
export interface RowValues {
  value(column: number): Uint8Array | null | undefined;
}
