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
  readonly closed: boolean;
  end(): void;
}

const PATIENCE_MS = 15_000;

export function attacker(client: pg.Client, oids: ReadonlyMap<string, number>): Attacker {
  const socket = (client as unknown as { connection: { stream: Socket } }).connection.stream;
  socket.removeAllListeners('data');
  let buffer = Buffer.alloc(0);
  let closed = false;
  let wake = (): void => {};
  socket.on('data', (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    wake();
  });
  socket.on('close', () => {
    closed = true;
    wake();
  });
  const readies = (wanted: number): Promise<void> =>
    new Promise((done, failed) => {
      const timer = setTimeout(() => failed(new Error(`no answer: ${typesOf(buffer)}`)), PATIENCE_MS);
      wake = () => {
        const count = framesOf(buffer).filter((frame) => frame.type === 'Z').length;
        if (count < wanted && !closed) return;
        clearTimeout(timer);
        done();
      };
      wake();
    });
  return {
    get closed() {
      return closed;
    },
    async send(step, protocol, values = []) {
      buffer = Buffer.alloc(0);
      const { bytes, syncs } = messageOf(step, protocol, values, oids);
      socket.write(bytes);
      await readies(syncs);
      return { bytes: buffer.toString('latin1'), frames: framesOf(buffer), closed };
    },
    end: () => socket.destroy(),
  };
}

function messageOf(
  step: Step,
  protocol: Protocol,
  values: readonly (string | null)[],
  oids: ReadonlyMap<string, number>,
): { bytes: Buffer; syncs: number } {
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

function framesOf(bytes: Buffer): ReceivedFrame[] {
  const frames: ReceivedFrame[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    if (at + 1 + length > bytes.length) break;
    frames.push({ type: String.fromCharCode(bytes[at]!), body: bytes.subarray(at + 5, at + 1 + length) });
    at += 1 + length;
  }
  return frames;
}

const typesOf = (bytes: Buffer): string =>
  framesOf(bytes)
    .map((frame) => frame.type)
    .join('');

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
      if (type === 'D') rows.push(text);
      else {
        flush();
        lines.push(text);
      }
    }
    flush();
    return lines;
  });
}
