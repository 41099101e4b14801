/** Reads exact numbers of bytes from a socket, for the talk before login on either side. What follows stays in the socket, untouched. */
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { LOGIN_LIMITS } from '../protocol/frame-reader.ts';
import { HEADER_BYTES } from '../protocol/message-cursor.ts';
import { ProtocolError } from '../protocol/protocol-error.ts';
import { type StartupPacket, StartupReader } from '../protocol/startup.ts';

/** The other side went away, or broke the connection. */
export class ConnectionClosed extends Error {}

/** One typed message, header included, as the decoders of `protocol/` take it. */
export interface Message {
  readonly type: number;
  readonly bytes: Buffer;
}

export class SocketReader {
  private failure: Error | undefined;
  private wake: (() => void) | undefined;
  private readonly onReadable = () => this.wake?.();
  private readonly onEnd = () => this.fail(new ConnectionClosed('connection closed'));

  /** `turn`: what came is taken when it resolves; without it at once. */
  constructor(
    readonly socket: Socket,
    readonly turn?: () => Promise<void>,
  ) {
    socket.on('readable', this.onReadable);
    for (const event of ['end', 'close', 'error']) socket.on(event, this.onEnd);
    if (socket.destroyed) this.onEnd();
  }

  /** Exactly `count` bytes, not one more. One call at a time. Throws ConnectionClosed, or what `fail` was given. */
  async read(count: number): Promise<Buffer> {
    for (;;) {
      if (this.failure) throw this.failure;
      const bytes: Buffer | null = count === 0 ? Buffer.alloc(0) : this.socket.read(count);
      if (bytes?.length === count) return bytes;
      // At its end a stream gives what is left, however short.
      if (bytes || this.socket.readableEnded) throw new ConnectionClosed('connection closed');
      await new Promise<void>((wake) => {
        this.wake = wake;
      });
      await this.turn?.();
    }
  }

  /** Something has come, or the other side has ended. Throws as `read` does. */
  async arrival(): Promise<void> {
    if (this.socket.readableLength === 0) this.socket.unshift(await this.read(1));
  }

  /** A packet without type byte. Throws ProtocolError where it cannot be one. */
  async readStartup(): Promise<StartupPacket> {
    const reader = new StartupReader();
    const header = await this.read(4);
    reader.push(header);
    let packet = reader.next(); // refuses a length over the cap
    if (!packet) {
      reader.push(await this.read(header.readUInt32BE(0) - header.length));
      packet = reader.next();
    }
    if (!packet) throw new ProtocolError('invalid startup packet layout');
    return packet;
  }

  /** `expected`: another type is refused at its first byte, whatever length it states. `longest`: in bytes. */
  async readMessage(expected?: number, longest = LOGIN_LIMITS.maxFrame): Promise<Message> {
    const header = await this.read(HEADER_BYTES);
    const type = header.readUInt8(0);
    if (expected !== undefined && type !== expected)
      throw new ProtocolError(`unexpected message type ${type} during login`);
    const length = header.readUInt32BE(1) + 1;
    // Nothing is held on the word of a stranger beyond the cap.
    if (length < HEADER_BYTES || length > longest) throw new ProtocolError('invalid message length');
    const body = await this.read(length - HEADER_BYTES);
    return { type, bytes: Buffer.concat([header, body]) };
  }

  /** True where bytes have come that nobody has read. */
  hasUnread(): boolean {
    return this.socket.readableLength > 0;
  }

  /** Throws where the other side has gone meanwhile. */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** Makes the read under way, and every later one, throw this. */
  fail(error: Error): void {
    this.failure ??= error;
    this.wake?.();
  }

  /** Lets go of the socket: to wrap it in TLS, or to hand it to the relay. */
  detach(): void {
    this.socket.off('readable', this.onReadable);
    for (const event of ['end', 'close', 'error']) this.socket.off(event, this.onEnd);
  }
}
