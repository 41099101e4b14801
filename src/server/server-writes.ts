/**
 * The one way to a session's server: bytes wait, in their order, until the decisions that they were sent by are where the log wants them.
 * The relay has the rest of the socket.
 */
import type { Socket } from 'node:net';
import type { SessionLog } from '../decision-log/record-sink.ts';

/** What may be held; a client that sends more is held back. */
const MOST_HELD = 256 * 1024;
/** The memory of an entry, in addition to its bytes. */
const ENTRY_BYTES = 128;

interface Held {
  readonly bytes: Uint8Array;
  /** The decisions that they were sent by are not there yet. */
  waits: boolean;
  /** Told when they have gone, or never will. */
  readonly settled?: () => void;
}

interface ServerWritesOptions {
  readonly socket: Socket;
  readonly records: Pick<SessionLog, 'reachDisk'>;
  /** `isFull` has changed. */
  flow(): void;
  /** The held messages could not be recorded: they are dropped, and so are all that follow. Called once. */
  notRecorded(): void;
}

export class ServerWrites {
  private held: Held[] = [];
  private heldBytes = 0;
  private socketFull = false;
  private closed = false;

  constructor(private readonly options: ServerWritesOptions) {
    options.socket.on('drain', () => {
      this.socketFull = false;
      options.flow();
    });
  }

  /** No more should come for now. */
  get isFull(): boolean {
    return this.socketFull || this.heldBytes > MOST_HELD;
  }

  write(bytes: Uint8Array): void {
    if (this.closed) return;
    const recorded = this.options.records.reachDisk();
    // Nothing overtakes what waits.
    if (recorded === undefined && this.held.length === 0) {
      this.put(bytes);
      return;
    }
    this.hold({ bytes, waits: recorded !== undefined });
    recorded?.tell(this.told);
  }

  /** Resolves when what is held now has gone, or never will. */
  settled(): Promise<void> {
    if (this.held.length === 0) return Promise.resolve();
    return new Promise((settled) => this.hold({ bytes: new Uint8Array(0), waits: false, settled }));
  }

  /** Ends the connection to the server, after what was sent; held messages are never sent. */
  end(): void {
    this.drop();
    this.options.socket.end();
  }

  private hold(entry: Held): void {
    this.held.push(entry);
    this.heldBytes += entry.bytes.length + ENTRY_BYTES;
    if (this.isFull) this.options.flow();
  }

  /** For the first that waits: they are called in order. */
  private readonly told = (recorded: boolean): void => {
    if (this.closed) return;
    if (!recorded) {
      this.drop();
      this.options.notRecorded();
      return;
    }
    const first = this.held.find(({ waits }) => waits);
    if (first) first.waits = false;
    this.release();
  };

  private release(): void {
    const wasFull = this.isFull;
    for (let first = this.held[0]; first && !first.waits && !this.closed; first = this.held[0]) {
      this.held.shift();
      this.heldBytes -= first.bytes.length + ENTRY_BYTES;
      this.put(first.bytes);
      first.settled?.();
    }
    if (wasFull) this.options.flow();
  }

  private drop(): void {
    const { held } = this;
    this.closed = true;
    this.held = [];
    this.heldBytes = 0;
    for (const { settled } of held) settled?.();
  }

  private put(bytes: Uint8Array): void {
    const { socket, flow } = this.options;
    if (!socket.writable || bytes.length === 0) return;
    this.socketFull = !socket.write(bytes);
    if (this.socketFull) flow();
  }
}
