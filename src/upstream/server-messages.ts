/** Reads the server's messages one by one, before a client has the session. Bytes after the last message taken stay in the socket. */
import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { ConnectionClosed } from '../net/socket-reader.ts';
import { type Frame, FrameReader, LOGIN_LIMITS } from '../protocol/frame-reader.ts';

export class ServerMessages {
  private readonly frames = new FrameReader(LOGIN_LIMITS);
  private ended = false;
  private wake: (() => void) | undefined;
  private readonly onReadable = (): void => {
    // Takes all available bytes: the messages are many and small.
    const chunk: Buffer | null = this.socket.read();
    if (chunk) this.frames.push(chunk);
    this.wake?.();
  };
  private readonly onEnd = (): void => {
    this.ended = true;
    this.wake?.();
  };

  constructor(readonly socket: Socket) {
    socket.on('readable', this.onReadable);
    for (const event of ['end', 'close', 'error']) socket.on(event, this.onEnd);
    if (socket.destroyed) this.onEnd();
  }

  /** One call at a time. Throws ConnectionClosed after the last message, and ProtocolError for an impossible length. */
  async next(): Promise<Frame> {
    for (;;) {
      const frame = this.frames.next();
      if (frame) return frame;
      if (this.ended) throw new ConnectionClosed('connection closed');
      await new Promise<void>((wake) => {
        this.wake = wake;
      });
    }
  }

  /** Releases the socket: to hand it to a relay. */
  detach(): void {
    this.socket.off('readable', this.onReadable);
    for (const event of ['end', 'close', 'error']) this.socket.off(event, this.onEnd);
    const rest = this.frames.rest();
    if (rest.length > 0) this.socket.unshift(rest);
  }
}
