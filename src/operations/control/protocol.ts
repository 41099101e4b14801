/** The protocol of the control socket: JSON lines, one request for each connection. Pure. */
import { z } from 'zod';

export const PROTOCOL_VERSION = 1;
/** The most bytes of a request. */
export const LONGEST_REQUEST = 64 * 1024;

/** The first line, which the guard sends. */
export const greeting = z.object({
  rowgate: z.literal(PROTOCOL_VERSION),
  /** The client proves its user by making a folder with this name beside the socket. */
  challenge: z.string().regex(/^[0-9a-f]{32}$/),
  /** For all times that the client shows or receives. */
  timeZone: z.string(),
});

const request = z.strictObject({
  version: z.literal(PROTOCOL_VERSION),
  command: z.string().max(64),
  arguments: z.record(z.string(), z.unknown()),
  /**
   * The user on whose behalf the request is sent: who called sudo, or is logged in at the console. Only root and the guard's own user are trusted to
   * say so.
   */
  behalf: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}$/)
    .optional(),
});

export type ControlRequest = z.output<typeof request>;

/** Why a request was not carried out. `call`: the request itself was malformed. */
export interface ControlError {
  readonly kind: 'call' | 'refused' | 'failed';
  readonly message: string;
  readonly hint?: string;
}

export type ControlReply =
  | { readonly version: 1; readonly ok: true; readonly result: unknown }
  | { readonly version: 1; readonly ok: false; readonly error: ControlError };

/** Undefined if the line is not a request. */
export function parseRequest(line: string): ControlRequest | undefined {
  const parsed = request.safeParse(parseJson(line));
  return parsed.success ? parsed.data : undefined;
}

/** The reply of a command that succeeded. */
export function done(result: unknown): ControlReply {
  return { version: PROTOCOL_VERSION, ok: true, result };
}

/** The reply of a command that did not; `message` and `hint` in PostgreSQL's style. */
export function failed(kind: ControlError['kind'], message: string, hint?: string): ControlReply {
  return { version: PROTOCOL_VERSION, ok: false, error: { kind, message, ...(hint !== undefined && { hint }) } };
}

/** Undefined if the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
