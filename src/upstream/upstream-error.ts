/** Why there is no connection to the database server, and what identifies one that there is. */
import type { LoginRefusal } from '../core/login-refusal.ts';

/** Why there is no connection: what the client may know, and what the operator needs. */
export interface UpstreamFailure {
  readonly refusal: LoginRefusal;
  readonly detail: string;
  /** The server would not have the password: a newer one may do. */
  readonly wrongPassword?: boolean;
}

/** Thrown inside, caught at the boundary of `Upstream`. */
export class UpstreamError extends Error {
  constructor(
    readonly refusal: LoginRefusal,
    detail: string,
    /** Another host may do better. False where the server has answered, and would answer so elsewhere: a wrong password. */
    readonly elsewhere = false,
    readonly wrongPassword = false,
  ) {
    super(detail);
  }
}

/** Identifies a session of the server to its cancel requests. */
export interface UpstreamKey {
  readonly processId: number;
  readonly secretKey: Uint8Array;
}
