/** A client made of bytes: it sends what it is given and shows the answers as short words. The other end may be a session or a server. */
import type { Socket } from 'node:net';
import pg from 'pg';
import { decodeCommandComplete } from '../../src/protocol/command-complete.ts';
import { decodeErrorFields, type ErrorFields } from '../../src/protocol/error-response.ts';
import { type Frame, FrameReader, SERVER_LIMITS } from '../../src/protocol/frame-reader.ts';
import { Backend, Frontend } from '../../src/protocol/message-types.ts';
import { decodeReadyForQuery } from '../../src/protocol/ready-for-query.ts';

/** A socket to the server after login, and how to cancel what runs on it. */
export interface LoggedIn {
  readonly socket: Socket;
  /** The server's process. */
  readonly pid: number;
  /** Resolves when the server has closed the cancel connection. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

/** Logs in with node-postgres and takes its socket over. */
export async function logIn(url: string): Promise<LoggedIn> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  const { connection } = client as unknown as { connection: { stream: Socket } };
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const socket = connection.stream;
  socket.removeAllListeners('data');
  socket.removeAllListeners('end');
  socket.removeAllListeners('close');
  socket.removeAllListeners('error');
  socket.on('error', () => {});
  return {
    socket,
    pid: processID,
    cancel: () => cancel(url, processID, secretKey),
    close: () =>
      new Promise((resolve) => {
        if (socket.destroyed) return resolve();
        socket.once('close', () => resolve());
        socket.destroy();
      }),
  };
}

async function cancel(url: string, processId: number, secretKey: number): Promise<void> {
  const { connect } = await import('node:net');
  const { hostname, port } = new URL(url);
  const packet = Buffer.alloc(16);
  packet.writeInt32BE(16, 0);
  packet.writeInt32BE(80877102, 4);
  packet.writeInt32BE(processId, 8);
  packet.writeInt32BE(secretKey, 12);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(packet));
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.resume();
  });
}

/** The frames that the client received. */
export class Received {
  readonly frames: Frame[] = [];
  readonly bytes: Buffer[] = [];
  closed = false;
  private readonly reader = new FrameReader({ ...SERVER_LIMITS, maxFrame: 0x7fffffff, streamed: new Map() });
  private wake: (() => void)[] = [];

  push(chunk: Uint8Array): void {
    this.bytes.push(Buffer.from(chunk));
    this.reader.push(Uint8Array.from(chunk));
    for (let frame = this.reader.next(); frame; frame = this.reader.next()) this.frames.push(frame);
    this.notify();
  }

  close(): void {
    this.closed = true;
    this.notify();
  }

  /** Resolves once `done` holds, or the connection is closed. */
  async until(done: () => boolean, ms = 60_000): Promise<void> {
    const deadline = Date.now() + ms;
    while (!done() && !this.closed) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`nothing came for ${ms} ms behind: ${this.words().join(' ')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** How many ReadyForQuery came. */
  get ready(): number {
    return this.frames.filter((frame) => frame.type === Backend.ReadyForQuery).length;
  }

  words(): string[] {
    return this.frames.map(word);
  }

  errors(): ErrorFields[] {
    return this.frames
      .filter((frame) => frame.type === Backend.ErrorResponse)
      .map((frame) => decodeErrorFields(frame.bytes));
  }

  private notify(): void {
    const waiting = this.wake;
    this.wake = [];
    for (const resolve of waiting) resolve();
  }
}

const names = new Map<number, string>(Object.entries(Backend).map(([name, type]) => [type, name]));

/** `ErrorResponse:42501`, `ReadyForQuery:T`, `CommandComplete:SELECT 1`, or the message's name alone. */
function word(frame: Frame): string {
  const name = names.get(frame.type) ?? `?${frame.type}`;
  switch (frame.type) {
    case Backend.ErrorResponse:
    case Backend.NoticeResponse: {
      const fields = decodeErrorFields(frame.bytes);
      return `${name}:${fields.get('C')}${fields.get('V') === 'FATAL' ? ':FATAL' : ''}`;
    }
    case Backend.ReadyForQuery:
      return `${name}:${decodeReadyForQuery(frame.bytes)}`;
    case Backend.CommandComplete:
      return `${name}:${decodeCommandComplete(frame.bytes)}`;
    default:
      return name;
  }
}

/** A client of PostgreSQL itself, or of a session in front of it. */
export interface Peer {
  readonly received: Received;
  /** The server's process. */
  readonly pid: number;
  send(bytes: Uint8Array): void;
  /** The client's CancelRequest; resolves when the server has closed its connection. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

/** Each is answered with a ReadyForQuery. */
const ENDS: ReadonlySet<number> = new Set([Frontend.Query, Frontend.Sync, Frontend.FunctionCall]);

/** Sends messages, waits for as many ReadyForQuery as they ask for, and gives what came in words. */
export async function ask(peer: Peer, ...messages: readonly Uint8Array[]): Promise<string[]> {
  const { received } = peer;
  const from = received.frames.length;
  const asked = messages.filter(([type]) => ENDS.has(type!)).length;
  const ready = received.ready + asked;
  peer.send(Buffer.concat(messages));
  await received.until(() => received.ready >= ready);
  return received.words().slice(from);
}

/** Straight to the server. */
export async function direct(url: string): Promise<Peer> {
  const server = await logIn(url);
  const received = new Received();
  server.socket.on('data', (chunk) => received.push(chunk));
  server.socket.on('close', () => received.close());
  return {
    received,
    pid: server.pid,
    send: (bytes) => void server.socket.write(bytes),
    cancel: server.cancel,
    close: () => server.close(),
  };
}
