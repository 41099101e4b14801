/** The file of a unix socket: what a dead guard left is taken away, what belongs to anybody else is not touched. Closing the socket removes it. */
import { Buffer } from 'node:buffer';
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

/** How long a process that may be alive has to take a connection. */
const PROBE_MS = 1_000;

/** What fits into sockaddr_un. */
const LONGEST_PATH = process.platform === 'linux' ? 107 : 103;

/**
 * Makes room for a socket at `path`, before somebody listens there: for several processes that listen together, once for all.
 * Throws EADDRINUSE where somebody listens, EEXIST where another kind of file is in the way, and ENAMETOOLONG.
 */
export async function claimSocketFile(path: string): Promise<void> {
  // Node cuts a longer one short, and would listen somewhere else.
  if (Buffer.byteLength(path) > LONGEST_PATH) throw coded('ENAMETOOLONG', `longer than ${LONGEST_PATH} bytes`);
  const found = kindOf(path);
  if (found === undefined) return;
  if (found === 'other') throw coded('EEXIST', `${path} is no socket`);
  // Only the socket to which nobody answers is removed: else two guards would stand behind one path.
  if (await isAnswered(path)) throw coded('EADDRINUSE', `somebody listens on ${path}`);
  unlinkSync(path);
}

/** As with PostgreSQL everybody may connect where `mode` says no less: the password is what counts. */
export function setSocketMode(path: string, mode: number): void {
  chmodSync(path, mode);
}

function kindOf(path: string): 'socket' | 'other' | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat && (stat.isSocket() ? 'socket' : 'other');
}

/** Anything but a clear refusal counts as an answer: a process that is too busy to accept is alive. */
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
