/** A client that sends what it likes and keeps every byte that comes back. It logs in by node-postgres, then takes the socket over. */
import type { Socket } from 'node:net';
import type pg from 'pg';
import { serialize } from 'pg-protocol';
import type { Frame, Step } from './cases.ts';

export interface Answer {
  /** Everything that the server's side sent, as text. */
  readonly bytes: string;
  readonly frames: readonly ReceivedFrame[];
  /** The connection was ended. */
  readonly closed: boolean;
}

export interface ReceivedFrame {
  readonly type: string;
  readonly body: Buffer;
}

export type Protocol = 'simple' | 'extended';

export interface Attacker {
  /** Sends one message and waits until the server's side is ready again, or gone. */
  send(step: Step, protocol: Protocol, values?: readonly (string | null)[]): Promise<Answer>;
  /** Sends several messages, texts by the simple protocol, without waiting between them; an answer for each. */
  sendAll(steps: readonly Step[]): Promise<Answer[]>;
  readonly closed: boolean;
  end(): void;
}

const PATIENCE_MS = 15_000;

/** DataRow and CopyData. */
const ROWS: ReadonlySet<string> = new Set(['D', 'd']);

export function attacker(client: pg.Client, oids: ReadonlyMap<string, number>): Attacker {
  const socket = (client as unknown as { connection: { stream: Socket } }).connection.stream;
  socket.removeAllListeners('data');
  let received: ReceivedFrame[] = [];
  let rest = Buffer.alloc(0);
  let ready = 0;
  let closed = false;
  let wake = (): void => {};
  socket.on('data', (chunk) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const { frames, length } = framesOf(bytes);
    received.push(...frames);
    ready += frames.filter(({ type }) => type === 'Z').length;
    rest = bytes.subarray(length);
    wake();
  });
  socket.on('close', () => {
    closed = true;
    wake();
  });
  const readies = (wanted: number): Promise<void> =>
    new Promise((done, failed) => {
      const late = (): void => failed(new Error(`no answer: ${received.map(({ type }) => type).join('')}`));
      const timer = setTimeout(late, PATIENCE_MS);
      wake = () => {
        if (ready < wanted && !closed) return;
        clearTimeout(timer);
        done();
      };
      wake();
    });
  const send = async (messages: readonly Message[]): Promise<Answer[]> => {
    received = [];
    rest = Buffer.alloc(0);
    ready = 0;
    socket.write(Buffer.concat(messages.map(({ bytes }) => bytes)));
    await readies(messages.reduce((sum, { syncs }) => sum + syncs, 0));
    let at = 0;
    return messages.map(({ syncs }, i) => {
      const start = at;
      // What came behind the last ReadyForQuery, or before the end, belongs to the last message.
      if (i === messages.length - 1) at = received.length;
      else for (let left = syncs; left > 0 && at < received.length; at += 1) if (received[at]!.type === 'Z') left -= 1;
      const frames = received.slice(start, at);
      const bytes = frames.map(({ type, body }) => `${type} ${body.toString('latin1')}`).join('');
      return { bytes: i === messages.length - 1 ? bytes + rest.toString('latin1') : bytes, frames, closed };
    });
  };
  return {
    get closed() {
      return closed;
    },
    send: async (step, protocol, values = []) => (await send([messageOf(step, protocol, values, oids)]))[0]!,
    sendAll: (steps) => send(steps.map((step) => messageOf(step, 'simple', [], oids))),
    end: () => socket.destroy(),
  };
}

interface Message {
  readonly bytes: Buffer;
  /** How many ReadyForQuery answer it. */
  readonly syncs: number;
}

function messageOf(
  step: Step,
  protocol: Protocol,
  values: readonly (string | null)[],
  oids: ReadonlyMap<string, number>,
): Message {
  if (typeof step !== 'string') {
    const syncs = step.filter((f) => 'sync' in f || 'query' in f || 'call' in f || 'raw' in f).length;
    return { bytes: Buffer.concat(step.map((frame) => frameBytes(frame, oids))), syncs };
  }
  if (protocol === 'simple') return { bytes: serialize.query(step), syncs: 1 };
  const frames: Frame[] = [{ parse: step }, { bind: values }, { describe: 'P' }, { execute: '' }, { sync: true }];
  return { bytes: Buffer.concat(frames.map((frame) => frameBytes(frame, oids))), syncs: 1 };
}

function frameBytes(frame: Frame, oids: ReadonlyMap<string, number>): Buffer {
  if ('parse' in frame)
    return serialize.parse({
      text: frame.parse,
      name: frame.name ?? '',
      types: (frame.types ?? []).map((type) => oids.get(`type ${type}`) ?? 0),
    });
  if ('bind' in frame)
    return serialize.bind({ portal: frame.portal ?? '', statement: frame.name ?? '', values: [...frame.bind] });
  if ('describe' in frame) return serialize.describe({ type: frame.describe, name: frame.name ?? '' });
  if ('execute' in frame) return serialize.execute({ portal: frame.execute, rows: frame.rows ?? 0 });
  if ('close' in frame) return serialize.close({ type: frame.close, name: frame.name ?? '' });
  if ('sync' in frame) return serialize.sync();
  if ('flush' in frame) return serialize.flush();
  if ('query' in frame) return serialize.query(frame.query);
  if ('copied' in frame) return serialize.copyData(Buffer.from(String(frame.copied).replace(/\s/g, ''), 'hex'));
  if ('done' in frame) return serialize.copyDone();
  if ('raw' in frame) return Buffer.from(frame.raw.replace(/\s/g, ''), 'hex');
  return functionCall(typeof frame.call === 'number' ? frame.call : (oids.get(frame.call) ?? 0), frame.values ?? []);
}

/** FunctionCall (manual, section 54.7), arguments and result as text. */
function functionCall(oid: number, values: readonly string[]): Buffer {
  const words = (...numbers: number[]): Buffer => {
    const out = Buffer.alloc(numbers.length * 2);
    numbers.forEach((n, i) => void out.writeInt16BE(n, i * 2));
    return out;
  };
  const long = (n: number): Buffer => {
    const out = Buffer.alloc(4);
    out.writeInt32BE(n);
    return out;
  };
  const args = values.flatMap((value) => [long(Buffer.byteLength(value)), Buffer.from(value)]);
  const body = Buffer.concat([long(oid), words(0, values.length), ...args, words(0)]);
  return Buffer.concat([Buffer.from('F'), long(body.length + 4), body]);
}

/** The whole messages at the start of the bytes, and the length of them together. */
function framesOf(bytes: Buffer): { frames: ReceivedFrame[]; length: number } {
  const frames: ReceivedFrame[] = [];
  let at = 0;
  while (at + 5 <= bytes.length) {
    const length = bytes.readUInt32BE(at + 1);
    if (at + 1 + length > bytes.length) break;
    frames.push({ type: String.fromCharCode(bytes[at]!), body: bytes.subarray(at + 5, at + 1 + length) });
    at += 1 + length;
  }
  return { frames, length: at };
}

/** SQLSTATE of the last ErrorResponse; undefined where there is none. */
export function sqlstateOf(answers: readonly Answer[]): string | undefined {
  const error = answers
    .flatMap((a) => a.frames)
    .filter((frame) => frame.type === 'E')
    .at(-1);
  return error && /\0C(.{5})\0/.exec(`\0${error.body.toString('utf8')}`)?.[1];
}

/** What came back, without what differs between any two databases and any two decisions; rows without their order. */
export function comparable(answers: readonly Answer[], database: string): string[] {
  return answers.flatMap((answer) => {
    const lines: string[] = [];
    let rows: string[] = [];
    const flush = (): void => {
      lines.push(...rows.sort());
      rows = [];
    };
    for (const { type, body } of answer.frames) {
      const text = `${type} ${body.toString('utf8')}`
        .replaceAll(database, 'DATABASE')
        .replace(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, 'ID');
      if (ROWS.has(type)) rows.push(text);
      else {
        flush();
        lines.push(text);
      }
    }
    flush();
    return lines;
  });
}

/** As `comparable`, of what was fetched in pieces: which row comes first is open, and which came before an error. */
export function comparableInPieces(answers: readonly Answer[], database: string): string[] {
  const frames = answers.flatMap((answer) => answer.frames);
  const rows = frames.filter(({ type }) => ROWS.has(type));
  const rest = frames.filter(({ type }) => !ROWS.has(type));
  const failed = rest.some(({ type }) => type === 'E');
  return comparable([{ bytes: '', frames: [...rest, ...(failed ? [] : rows)], closed: false }], database);
}

export function withoutRows(answer: Answer): Answer {
  return { ...answer, frames: answer.frames.filter(({ type }) => !ROWS.has(type)) };
}
