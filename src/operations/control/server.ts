/** The control socket: authenticates the client, reads one request from each connection, and answers it. */
import { Buffer } from 'node:buffer';
import { chownSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { claimSocketFile, setSocketMode } from '../../net/unix-socket.ts';
import { ProofFolder } from './proof.ts';
import {
  type ControlReply,
  type ControlRequest,
  failed,
  LONGEST_REQUEST,
  PROTOCOL_VERSION,
  parseRequest,
} from './protocol.ts';
import { groupId, userName } from './user-name.ts';

export interface ControlOptions {
  readonly path: string;
  /** A group that may use it too; without one, only the guard's own user and root. */
  readonly group?: string;
  readonly log: Logger;
  /** The guard's. */
  readonly timeZone: string;
  /** `by`: `ines`, or `ines (as root)`. */
  answer(request: ControlRequest, by: string): Promise<ControlReply>;
}

export interface RunningControl {
  close(): Promise<void>;
}

/** From the connection to the end of the request. */
const REQUEST_MS = 10_000;
/** The most connections without a request so far. */
const MOST_SILENT = 16;
const MOST_CONNECTIONS = 64;

const READING: ReadonlySet<string> = new Set([
  'top',
  'locks.list',
  'limits.show',
  'limits.raises',
  'permit.list',
  'break-glass.list',
]);

/** Throws if the path is taken or unsafe, or if the group does not exist. */
export async function openControl(options: ControlOptions): Promise<RunningControl> {
  const { path, group, log } = options;
  const gid = group === undefined ? undefined : groupId(group);
  await claimSocketFile(path);
  const proofs = new ProofFolder(path, gid);
  const open = new Set<Socket>();
  /** Oldest first. */
  const silent = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    silent.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      silent.delete(socket);
    });
    socket.on('error', (error) => log.debug({ err: error }, 'control connection'));
    if (open.size > MOST_CONNECTIONS) {
      socket.destroy();
      return;
    }
    makeRoom(silent);
    const asked = (): void => void silent.delete(socket);
    void serve(socket, proofs, options, asked).catch((error) => log.error({ err: error }, 'control connection'));
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(path, done);
  });
  server.on('error', (error) => log.error({ err: error }, 'control socket'));
  if (gid !== undefined) chownSync(path, -1, gid);
  setSocketMode(path, gid === undefined ? 0o600 : 0o660);
  return {
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((done) => server.close(done));
      proofs.close();
    },
  };
}

/** An idle connection gives way to a new one, so that idle clients cannot keep operators from locking a principal. */
function makeRoom(silent: Set<Socket>): void {
  const [oldest] = silent;
  if (!oldest || silent.size <= MOST_SILENT) return;
  silent.delete(oldest);
  oldest.destroy();
}

/** `asked` is called when the request has been read. */
async function serve(socket: Socket, proofs: ProofFolder, options: ControlOptions, asked: () => void): Promise<void> {
  const challenge = proofs.challenge();
  socket.write(`${JSON.stringify({ rowgate: PROTOCOL_VERSION, challenge, timeZone: options.timeZone })}\n`);
  const line = await readLine(socket);
  asked();
  if (line === undefined) {
    proofs.forget(challenge);
    socket.destroy();
    return;
  }
  // The client is authenticated before its request is read.
  const uid = proofs.answered(challenge);
  proofs.forget(challenge);
  socket.end(`${JSON.stringify(await replyTo(line, uid, options))}\n`);
  socket.setTimeout(REQUEST_MS, () => socket.destroy());
}

async function replyTo(line: string, uid: number | undefined, { answer, log }: ControlOptions): Promise<ControlReply> {
  if (uid === undefined) return failed('refused', 'the request does not prove who asks');
  const request = parseRequest(line);
  if (!request) return failed('call', 'the request is not one of this version of rowgate');
  const user = await userName(uid);
  // Root and the guard's own user could act as any user anyway, so their word is taken for who called sudo or is logged in at the console.
  const isTold = uid === 0 || uid === process.getuid?.();
  const by = isTold && request.behalf !== undefined ? `${request.behalf} (as ${user})` : user;
  try {
    // Commands that only read are sent every second by `top`: logged at the debug level.
    log[READING.has(request.command) ? 'debug' : 'info']({ by, command: request.command }, 'control request');
    return await answer(request, by);
  } catch (error) {
    log.error({ err: error, command: request.command }, 'control request failed');
    return failed('failed', error instanceof Error ? error.message : String(error));
  }
}

/** One line without its end; undefined if it is too long, too slow, or the client is gone. Nothing after the line is read. */
function readLine(socket: Socket): Promise<string | undefined> {
  return new Promise((done) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (line: string | undefined): void => {
      clearTimeout(timer);
      socket.removeAllListeners('data');
      socket.pause();
      done(line);
    };
    const timer = setTimeout(() => settle(undefined), REQUEST_MS);
    socket.once('close', () => settle(undefined));
    socket.once('end', () => settle(undefined));
    socket.on('data', (chunk: Buffer) => {
      const end = chunk.indexOf(0x0a);
      const part = end < 0 ? chunk : chunk.subarray(0, end);
      size += part.length;
      if (size > LONGEST_REQUEST) settle(undefined);
      chunks.push(part);
      if (end >= 0 && size <= LONGEST_REQUEST) settle(Buffer.concat(chunks).toString('utf8'));
    });
  });
}
