/**
 * One guard owns a folder. The owner listens on a socket in it, which the kernel closes when the process ends. Ownership is decided by whether the
 * socket answers, so that a guard in another container is noticed as well.
 * Each owner takes the next number, `owner-7` after `owner-6`, and the last one's socket stays in place. A dead owner therefore stays dead, and of
 * several guards that find it dead only one can create the next name.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, linkSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename, join } from 'node:path';
import { isAnswered } from '../../../net/unix-socket.ts';

const OWNER = /^owner-([1-9][0-9]*)$/;
/** Sockets of processes that have not got a number yet. */
const COMING = /^coming-/;
/** A rename takes less than this. */
const COMING_MS = 60_000;
const MOST_TRIES = 20;

/** Another guard has the folder. */
export class FolderTaken extends Error {}

export interface Ownership {
  /** Whether the folder is still the one that was taken. Then no other guard can have it. */
  isHeld(): boolean;
  giveUp(): Promise<void>;
}

/** Throws FolderTaken. */
export async function ownFolder(folder: string): Promise<Ownership> {
  const place = new SocketPlace(folder);
  const coming = `coming-${randomUUID()}`;
  let server: Server | undefined;
  let number: number;
  let socket: string | undefined;
  try {
    server = await listen(place.socket(coming));
    socket = fileOf(place.file(coming));
    number = await takeNumber(place, coming);
    for (const name of readdirSync(folder)) {
      if (numberOf(name) < number || isLeftBehind(place.file(name))) rmSync(place.file(name), { force: true });
    }
  } catch (error) {
    server?.close();
    place.close();
    throw error;
  } finally {
    rmSync(place.file(coming), { force: true });
  }
  const listening = server;
  // At most once: the descriptor's number may belong to another file later.
  let left: Promise<void> | undefined;
  const leave = async (): Promise<void> => {
    await new Promise((done) => listening.close(done));
    place.close();
  };
  return {
    // Checked by path: a folder that replaced this one has no such socket.
    isHeld: () => socket !== undefined && fileOf(place.file(`owner-${number}`)) === socket,
    giveUp: () => (left ??= leave()),
  };
}

/** Identifies the file that has this name now. */
function fileOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.dev} ${stat.ino}`;
}

async function takeNumber(place: SocketPlace, coming: string): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const last = lastNumber(place.folder);
    // An owner that answers keeps the folder: two guards would each grant the whole budget.
    if (last > 0 && (await isAnswered(place.socket(`owner-${last}`)))) break;
    const number = last + 1;
    try {
      linkSync(place.file(coming), place.file(`owner-${number}`));
    } catch (error) {
      if (codeOf(error) === 'EEXIST') continue;
      throw error;
    }
    // Other owners may have come and gone since the check, so that this number is too old.
    if (lastNumber(place.folder) === number) return number;
    rmSync(place.file(`owner-${number}`), { force: true });
  }
  throw new FolderTaken(
    `another guard has ${place.folder}: give each a "state" of its own, or let them share one by redis://`,
  );
}

function lastNumber(folder: string): number {
  return Math.max(0, ...readdirSync(folder).map(numberOf).filter(Number.isFinite));
}

/** NaN for other files. */
function numberOf(name: string): number {
  return Number(OWNER.exec(name)?.[1] ?? Number.NaN);
}

function isLeftBehind(path: string): boolean {
  const stat = COMING.test(basename(path)) ? statSync(path, { throwIfNoEntry: false }) : undefined;
  return stat !== undefined && Date.now() - stat.mtimeMs > COMING_MS;
}

/** A socket's path must be short, a folder's need not be: on Linux, /proc/self/fd shortens it. */
class SocketPlace {
  private readonly opened: number;

  constructor(readonly folder: string) {
    this.opened = openSync(folder, 'r');
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  socket(name: string): string {
    return process.platform === 'linux' ? `/proc/self/fd/${this.opened}/${name}` : this.file(name);
  }

  close(): void {
    closeSync(this.opened);
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((done, failed) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', failed);
    // `exclusive`, also in a worker: else the primary would bind the path, in its own /proc/self and for all workers.
    server.listen({ path, exclusive: true }, () => {
      server.unref();
      done(server);
    });
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
