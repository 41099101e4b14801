/** Reads exact numbers of bytes from a socket, for the messages before login on either side. Later bytes stay in the socket. */
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { LOGIN_LIMITS } from '../protocol/frame-reader.ts';
import { HEADER_BYTES } from '../protocol/message-cursor.ts';
import { ProtocolError } from '../protocol/protocol-error.ts';
import { type StartupPacket, StartupReader } from '../protocol/startup.ts';

/** The other side went away, or broke the connection. */
export class ConnectionClosed extends Error {}

/** One typed message, header included, as the decoders of `protocol/` take it. */
export interface TypedMessage {
  readonly type: number;
  readonly bytes: Buffer;
}

export class SocketReader {
  private failure: Error | undefined;
  private wake: (() => void) | undefined;
  private readonly onReadable = () => this.wake?.();
  private readonly onEnd = () => this.fail(new ConnectionClosed('connection closed'));

  /** `turn`: bytes are taken when it resolves; without it, at once. */
  constructor(
    readonly socket: Socket,
    readonly turn?: () => Promise<void>,
  ) {
    socket.on('readable', this.onReadable);
    for (const event of ['end', 'close', 'error']) socket.on(event, this.onEnd);
    if (socket.destroyed) this.onEnd();
  }

  /** Exactly `count` bytes. One call at a time. Throws ConnectionClosed, or the error that `fail` was given. */
  async read(count: number): Promise<Buffer> {
    for (;;) {
      if (this.failure) throw this.failure;
      const bytes: Buffer | null = count === 0 ? Buffer.alloc(0) : this.socket.read(count);
      if (bytes?.length === count) return bytes;
      // After its end a stream returns what is left, even if that is shorter than asked for.
      if (bytes || this.socket.readableEnded) throw new ConnectionClosed('connection closed');
      await new Promise<void>((wake) => {
        this.wake = wake;
      });
      await this.turn?.();
    }
  }

  /** Resolves when bytes have come or the other side has ended. Throws as `read` does. */
  async arrival(): Promise<void> {
    if (this.socket.readableLength === 0) this.socket.unshift(await this.read(1));
  }

  /** A packet without a type byte. Throws ProtocolError if it is malformed. */
  async readStartup(): Promise<StartupPacket> {
    const reader = new StartupReader();
    const header = await this.read(4);
    reader.push(header);
    let packet = reader.next(); // throws if the length is over the cap
    if (!packet) {
      reader.push(await this.read(header.readUInt32BE(0) - header.length));
      packet = reader.next();
    }
    if (!packet) throw new ProtocolError('invalid startup packet layout');
    return packet;
  }

  /** `expected`: any other type is refused at its first byte, whatever length follows. `longest`: in bytes. */
  async readMessage(expected?: number, longest = LOGIN_LIMITS.maxFrame): Promise<TypedMessage> {
    const header = await this.read(HEADER_BYTES);
    const type = header.readUInt8(0);
    if (expected !== undefined && type !== expected)
      throw new ProtocolError(`unexpected message type ${type} during login`);
    const length = header.readUInt32BE(1) + 1;
    // Before login no more memory is reserved than the cap, whatever length the message states.
    if (length < HEADER_BYTES || length > longest) throw new ProtocolError('invalid message length');
    const body = await this.read(length - HEADER_BYTES);
    return { type, bytes: Buffer.concat([header, body]) };
  }

  /** Whether the socket holds bytes that have not been read. */
  hasUnread(): boolean {
    return this.socket.readableLength > 0;
  }

  /**
   * Waits `ms` milliseconds, or until the other side closes. Bytes that arrive meanwhile stay in the socket. @returns whether the connection is still
   * open.
   */
  async stays(ms: number): Promise<boolean> {
    const isGone = () => this.failure instanceof ConnectionClosed;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, ms);
      this.wake = () => {
        // A stream emits its end only if it is read.
        if (this.socket.readableLength === 0) this.socket.read(0);
        if (!isGone()) return;
        clearTimeout(timer);
        done();
      };
      this.wake();
    });
    this.wake = undefined;
    return !isGone();
  }

  /** Throws if the other side has closed. */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** Makes the pending read, and every later one, throw this error. */
  fail(error: Error): void {
    this.failure ??= error;
    this.wake?.();
  }

  /** Releases the socket: to wrap it in TLS, or to hand it to the relay. */
  detach(): void {
    this.socket.off('readable', this.onReadable);
    for (const event of ['end', 'close', 'error']) this.socket.off(event, this.onEnd);
  }
}
