/** What a recording of a suite consists of. */

export interface Statement {
  readonly text: string;
  /** What a COPY FROM STDIN sends. */
  readonly data?: string;
  /** By the extended protocol: types of parameters, and values, text or binary. */
  readonly bound?: { readonly types: readonly number[]; readonly values: readonly (string | Buffer | null)[] };
  /** The SQLSTATE that it had where it was recorded, '' without an error. */
  readonly code: string;
  /** And its command tag. */
  readonly tag?: string;
}

/** Between two statements another session begins. */
export const RECONNECT = 'reconnect';

export type Step = Statement | typeof RECONNECT;
