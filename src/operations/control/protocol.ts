/** What is said over the control socket: JSON lines, one request a connection. Pure. */
import { z } from 'zod';

export const PROTOCOL_VERSION = 1;
/** Bytes of a request. */
export const LONGEST_REQUEST = 64 * 1024;

/** The guard's first line. */
export const greeting = z.object({
  rowgate: z.literal(PROTOCOL_VERSION),
  /** The client makes a folder of this name beside the socket, and so shows who it is. */
  challenge: z.string().regex(/^[0-9a-f]{32}$/),
  /** Of all times that the client shows or is given. */
  timeZone: z.string(),
});

const request = z.strictObject({
  version: z.literal(PROTOCOL_VERSION),
  command: z.string().max(64),
  arguments: z.record(z.string(), z.unknown()),
  /** For whom root speaks: the user who called sudo. Nobody but root is believed it. */
  behalf: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}$/)
    .optional(),
});

export type ControlRequest = z.output<typeof request>;

/** Why something was not done. `call`: the request itself was wrong. */
export interface ControlError {
  readonly kind: 'call' | 'refused' | 'failed';
  readonly message: string;
  readonly hint?: string;
}

export type ControlReply =
  | { readonly version: 1; readonly ok: true; readonly result: unknown }
  | { readonly version: 1; readonly ok: false; readonly error: ControlError };

/** Undefined where it is none. */
export function parseRequest(line: string): ControlRequest | undefined {
  const parsed = request.safeParse(parseJson(line));
  return parsed.success ? parsed.data : undefined;
}

export function done(result: unknown): ControlReply {
  return { version: PROTOCOL_VERSION, ok: true, result };
}

export function failed(kind: ControlError['kind'], message: string, hint?: string): ControlReply {
  return { version: PROTOCOL_VERSION, ok: false, error: { kind, message, ...(hint !== undefined && { hint }) } };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
