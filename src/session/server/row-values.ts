/** The values of a row: NULL is null, and those that have not come yet are undefined. */
export interface RowValues {
  value(column: number): Uint8Array | null | undefined;
}
