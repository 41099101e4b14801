/** A client of SASL OAUTHBEARER, written from RFC 7628 and the manual alone: the test controls every byte. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ConnectionClosed, SocketReader } from '../../src/net/socket-reader.ts';

export interface BearerOptions {
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** Settings in the startup packet. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The authority of the guard's certificate; absent: in the clear. */
  readonly ca?: Buffer;
  /** A unix socket's path, in the place of `port`. */
  readonly path?: string;
  /** Sent before anything else: a proxy's header. */
  readonly prefix?: Buffer;
  /** Each byte of a message by itself. */
  readonly dribbling?: boolean;
}

/** The server's messages, and their order. */
export interface BearerOutcome {
  /** Names of messages: `sasl`, `continue`, `ok`, `error`, … */
  readonly said: string[];
  /** The mechanisms that it offered. */
  readonly offered: readonly string[];
  /** The server's answer to a token that it refuses. */
  readonly challenge?: Record<string, unknown>;
  /** By the field's letter. */
  readonly error: Readonly<Record<string, string>>;
  /** The session, if the client was let in. */
  readonly session?: BearerSession;
}

export class BearerSession {
  constructor(
    private readonly socket: Socket,
    private readonly reader: SocketReader,
  ) {}

  /** By the simple protocol: rows as texts, up to ReadyForQuery or the end. */
  async query(sql: string): Promise<{ rows: (string | null)[][]; error: Readonly<Record<string, string>> }> {
    this.socket.write(message('Q', zeroEnded(sql)));
    const rows: (string | null)[][] = [];
    let error = {};
    for (;;) {
      const read = await this.next();
      if (read === undefined || read.type === 'Z') return { rows, error };
      if (read.type === 'D') rows.push(dataRow(read.body));
      if (read.type === 'E') error = fieldsOf(read.body);
    }
  }

  /** Sends a query and reads nothing. */
  begin(sql: string): void {
    this.socket.write(message('Q', zeroEnded(sql)));
  }

  /** The next message, whenever it comes; undefined at the end. */
  async next(): Promise<{ type: string; body: Buffer } | undefined> {
    try {
      const { type, bytes } = await this.reader.readMessage(undefined, 100_000_000);
      return { type: String.fromCharCode(type), body: bytes.subarray(5) };
    } catch (error) {
      if (error instanceof ConnectionClosed) return undefined;
      throw error;
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

/** The client's first message with a token. */
export function withToken(token: string): string {
  return `n,,\x01auth=Bearer ${token}\x01\x01`;
}

/** Asks where to get one. */
export const ASK = 'n,,\x01auth=\x01\x01';

/** `first`: the client's first message; absent: none is sent with the mechanism's name. */
export async function bearerLogin(options: BearerOptions, first: string | undefined): Promise<BearerOutcome> {
  return exchange(options, (kind) => {
    if (kind === 'sasl') return initialResponse('OAUTHBEARER', first);
    return message('p', Buffer.from('\x01'));
  });
}

/** Answers each request of the server as `answer` has it; it is asked with `sasl`, `continue` or `password`. */
export async function exchange(
  options: BearerOptions,
  answer: (kind: string, data: string) => Uint8Array | undefined,
): Promise<BearerOutcome> {
  const socket = await opened(options);
  const reader = new SocketReader(socket);
  const { user, database, settings = {} } = options;
  const parameters = Object.entries({ user, database, ...settings }).flat();
  const body = Buffer.concat([int32(3 << 16), ...parameters.map(zeroEnded), Buffer.from([0])]);
  socket.write(Buffer.concat([int32(body.length + 4), body]));
  const session = new BearerSession(socket, reader);
  const said: string[] = [];
  let offered: readonly string[] = [];
  let challenge: Record<string, unknown> | undefined;
  let error: Readonly<Record<string, string>> = {};
  for (;;) {
    const read = await session.next();
    if (!read) break;
    const kind = read.type === 'R' ? requestOf(read.body) : (NAMES[read.type] ?? read.type);
    if (kind !== 'status') said.push(kind);
    const data = read.body.toString('latin1', 4);
    if (kind === 'sasl') offered = data.split('\0').filter((name) => name !== '');
    if (kind === 'continue' && data.startsWith('{')) challenge = JSON.parse(data);
    if (kind === 'error') error = fieldsOf(read.body);
    if (kind === 'ready') return { said, offered, error, session };
    const reply = ['sasl', 'continue', 'password'].includes(kind) ? answer(kind, data) : undefined;
    if (reply && options.dribbling) await dribble(socket, reply);
    else if (reply) socket.write(reply);
  }
  socket.destroy();
  return { said, offered, error, ...(challenge && { challenge }) };
}

export function initialResponse(mechanism: string, data: string | undefined): Buffer {
  const bytes = Buffer.from(data ?? '', 'utf8');
  return message('p', Buffer.concat([zeroEnded(mechanism), int32(data === undefined ? -1 : bytes.length), bytes]));
}

export function passwordMessage(password: string): Buffer {
  return message('p', zeroEnded(password));
}

export function message(type: string, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

const NAMES: Readonly<Record<string, string>> = { E: 'error', Z: 'ready', S: 'status', K: 'key', N: 'notice' };
const REQUESTS: Readonly<Record<number, string>> = { 0: 'ok', 3: 'password', 10: 'sasl', 11: 'continue', 12: 'final' };

function requestOf(body: Buffer): string {
  return REQUESTS[body.readUInt32BE(0)] ?? 'unknown';
}

async function dribble(socket: Socket, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) {
    socket.write(Uint8Array.of(byte));
    await new Promise((sent) => setImmediate(sent));
  }
}

async function opened({ port, path, prefix, ca }: BearerOptions): Promise<Socket> {
  const socket = path === undefined ? connect({ port, host: '127.0.0.1' }) : connect(path);
  socket.on('error', () => {});
  socket.setNoDelay(true);
  if (prefix) socket.write(prefix);
  if (!ca) return socket;
  socket.write(Buffer.concat([int32(8), int32(80877103)]));
  await new Promise((answered) => socket.once('data', answered));
  const secure = connectTls({ socket, ca, servername: 'localhost', ALPNProtocols: ['postgresql'] });
  secure.on('error', () => {});
  await new Promise((done) => secure.once('secureConnect', done));
  return secure;
}

function fieldsOf(body: Buffer): Record<string, string> {
  const fields = body.toString('utf8').split('\0');
  return Object.fromEntries(fields.filter((field) => field !== '').map((field) => [field.charAt(0), field.slice(1)]));
}

function dataRow(body: Buffer): (string | null)[] {
  const row: (string | null)[] = [];
  for (let at = 2; at < body.length; ) {
    const length = body.readInt32BE(at);
    row.push(length < 0 ? null : body.toString('utf8', at + 4, at + 4 + length));
    at += 4 + Math.max(0, length);
  }
  return row;
}

function zeroEnded(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
