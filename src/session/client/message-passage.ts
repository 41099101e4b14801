/** How a client's message passes that may come in pieces. */

/** Changes a message while it passes. */
export interface MessagePassage {
  /** @returns what goes on of the first piece; the rest is asked for by `push`. */
  begin(piece: Uint8Array): Uint8Array[];
  push(piece: Uint8Array): Uint8Array[];
}

/** As it is. */
export const UNCHANGED: MessagePassage = { begin: (piece) => [piece], push: (piece) => [piece] };
