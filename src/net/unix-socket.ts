/** The file of a unix socket. A file that a dead guard left is removed; any other file is left alone. Closing the socket removes its file. */
import { Buffer } from 'node:buffer';
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

/** A process that does not accept within this time is taken for dead. */
const PROBE_MS = 1_000;

/** What fits into sockaddr_un. */
const LONGEST_PATH = process.platform === 'linux' ? 107 : 103;

/**
 * Makes room for a socket at `path` before listening. Processes that listen on one path together call it once.
 * Throws EADDRINUSE if a process listens there, EEXIST if the file is not a socket, and ENAMETOOLONG.
 */
export async function claimSocketFile(path: string): Promise<void> {
  // Node would cut a longer path and listen on another one.
  if (Buffer.byteLength(path) > LONGEST_PATH) throw coded('ENAMETOOLONG', `longer than ${LONGEST_PATH} bytes`);
  const found = kindOf(path);
  if (found === undefined) return;
  if (found === 'other') throw coded('EEXIST', `${path} is no socket`);
  // A socket that answers is never removed: else two guards would serve one path.
  if (await isAnswered(path)) throw coded('EADDRINUSE', `a process listens on ${path}`);
  unlinkSync(path);
}

/** Like PostgreSQL's, the socket is open to every user unless `mode` restricts it: the password protects it. */
export function setSocketMode(path: string, mode: number): void {
  chmodSync(path, mode);
}

function kindOf(path: string): 'socket' | 'other' | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat && (stat.isSocket() ? 'socket' : 'other');
}

/** Anything but a refused connection counts as an answer: a process that is too busy to accept is alive. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    const settle = (answered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      done(answered);
    };
    const timer = setTimeout(() => settle(true), PROBE_MS);
    socket.once('connect', () => settle(true));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      settle(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
