/** A raw client of the control socket: it sends any lines, with any proof of its user. */
import { mkdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { ControlReply } from '../../src/operations/control/protocol.ts';

export interface Raw {
  readonly socket: Socket;
  readonly challenge: string;
  /** The folder for the proof. */
  readonly proof: string;
  send(text: string | Buffer): void;
  /** Undefined where the guard closed the connection without one. */
  reply(): Promise<ControlReply | undefined>;
}

/** Connected, and challenged. */
export async function speakTo(path: string): Promise<Raw> {
  const socket = connect(path);
  let text = '';
  let closed = false;
  const waiting: (() => void)[] = [];
  const tell = () => {
    for (const go of waiting.splice(0)) go();
  };
  socket.setEncoding('utf8');
  socket.on('data', (chunk) => {
    text += chunk;
    tell();
  });
  socket.on('close', () => {
    closed = true;
    tell();
  });
  socket.on('error', () => {});
  const line = async (): Promise<unknown> => {
    while (!text.includes('\n')) {
      if (closed) return undefined;
      await new Promise<void>((go) => waiting.push(go));
    }
    const end = text.indexOf('\n');
    const found = text.slice(0, end);
    text = text.slice(end + 1);
    return JSON.parse(found);
  };
  const hello = (await line()) as { challenge: string } | undefined;
  if (!hello) throw new Error('the connection was closed');
  return {
    socket,
    challenge: hello.challenge,
    proof: join(`${path}.d`, hello.challenge),
    send: (sent) => void socket.write(sent),
    reply: async () => (await line()) as ControlReply | undefined,
  };
}

export const ASK = `${JSON.stringify({ version: 1, command: 'who', arguments: {} })}\n`;

/** With the proof of this process's own user. */
export async function proven(path: string): Promise<Raw> {
  const raw = await speakTo(path);
  mkdirSync(raw.proof, { mode: 0o700 });
  return raw;
}
