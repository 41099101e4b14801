/** Why there is no connection to the database server; and the key of an open one. */
import type { LoginRefusal } from '../core/login-refusal.ts';

/** Why there is no connection: what the client may know, and what the operator needs. */
export interface UpstreamFailure {
  readonly refusal: LoginRefusal;
  readonly detail: string;
  /** The server refused the password: a newer one may be accepted. */
  readonly wrongPassword?: boolean;
}

/** Thrown internally, and caught at the boundary of `Upstream`. */
export class UpstreamError extends Error {
  constructor(
    readonly refusal: LoginRefusal,
    detail: string,
    /** Another host may succeed. False if every host would answer alike: a wrong password. */
    readonly elsewhere = false,
    readonly wrongPassword = false,
  ) {
    super(detail);
  }
}

/** Identifies a session at the server in cancel requests. */
export interface UpstreamKey {
  readonly processId: number;
  readonly secretKey: Uint8Array;
}
