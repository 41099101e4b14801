/** Whether the last that a client sent is a Terminate, in however many pieces it came. */

/** Terminate, the client's last message: its type and its length. */
const TERMINATE = [0x58, 0, 0, 0, 4] as const;

export class TerminateWatch {
  /** This many of its first bytes are the last that came. Its first byte occurs nowhere else in it, so one count is sufficient. */
  private seen = 0;

  see(chunk: Uint8Array): void {
    const from = Math.max(0, chunk.length - TERMINATE.length);
    let seen = from > 0 ? 0 : this.seen;
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (byte === TERMINATE[seen]) seen += 1;
      else seen = byte === TERMINATE[0] ? 1 : 0;
    }
    this.seen = seen;
  }

  get said(): boolean {
    return this.seen === TERMINATE.length;
  }
}
