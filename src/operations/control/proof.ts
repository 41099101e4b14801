/**
 * Proves who is at the other end of the control socket. Node does not tell the peer of a unix socket. So the client makes a folder beside the socket,
 * with a random name that the guard chose; the folder's owner is the client's user.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmdirSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';

/** `rowgate.sock.d`: where clients make their folders. A user who may not write there cannot send a request. */
function proofFolderOf(socket: string): string {
  return `${socket}.d`;
}

/** With mode 0700 only the owner of a folder (and root) can move it here. */
const PROOF_MODE = 0o700;
const STICKY = 0o1000;

/** The client's side. Throws if the folder cannot be made. Returns the function that removes it. */
export function showProof(socket: string, challenge: string): () => void {
  const folder = proofFolderOf(socket);
  // Never through a symbolic link: its maker could relay the proof to another guard.
  if (!lstatSync(folder).isDirectory()) throw new Error(`${folder} is no folder`);
  const proof = join(folder, challenge);
  mkdirSync(proof, { mode: PROOF_MODE });
  return () => rmdirQuietly(proof);
}

export class ProofFolder {
  private readonly folder: string;
  private readonly made: Stats;

  /** Makes the folder; `gid`: a group that may ask as well. Throws if another user could control the folder. */
  constructor(socket: string, gid: number | undefined) {
    this.folder = proofFolderOf(socket);
    const parent = lstatSync(dirname(this.folder));
    if ((parent.mode & 0o002) !== 0 && (parent.mode & STICKY) === 0) {
      throw new Error(`every user may write to ${dirname(this.folder)}`);
    }
    try {
      mkdirSync(this.folder, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const found = lstatSync(this.folder);
    // The owner of the folder could rename what lies in it, so it must be the guard's.
    if (!found.isDirectory() || found.uid !== process.getuid?.())
      throw new Error(`${this.folder} belongs to another user`);
    chmodSync(this.folder, 0o700);
    for (const left of readdirSync(this.folder)) rmdirQuietly(join(this.folder, left));
    if (gid !== undefined) {
      chownSync(this.folder, -1, gid);
      // Sticky, so that members of the group cannot rename each other's folders.
      chmodSync(this.folder, 0o1770);
    }
    this.made = lstatSync(this.folder);
  }

  /** A random name that cannot be guessed. */
  challenge(): string {
    return randomBytes(16).toString('hex');
  }

  /** The user id of the owner of the folder with this name; undefined if there is none, or if it proves nothing. */
  answered(challenge: string): number | undefined {
    const stat = lookedAt(join(this.folder, challenge));
    // Only a folder is proof. A file can be linked or moved here by anyone who may write to its old folder. Moving a folder needs write permission on
    // it, and mode 0700 gives that to its owner alone.
    if (!stat?.isDirectory() || (stat.mode & 0o777) !== PROOF_MODE) return undefined;
    // It must be on the same file system: on one that a user has mounted (FUSE), that user chooses the owner.
    if (stat.dev !== this.made.dev) return undefined;
    return this.isStillOurs() ? stat.uid : undefined;
  }

  forget(challenge: string): void {
    rmdirQuietly(join(this.folder, challenge));
  }

  close(): void {
    rmdirQuietly(this.folder);
  }

  /** Checked after the proof was read, so that what was at our path was in our own folder. */
  private isStillOurs(): boolean {
    const now = lstatSync(this.folder, { throwIfNoEntry: false });
    const { dev, ino, uid, mode } = this.made;
    return now?.dev === dev && now.ino === ino && now.uid === uid && now.mode === mode;
  }
}

/** Undefined also on a file system that only its owner can see into. */
function lookedAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function rmdirQuietly(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // already gone, or not empty: left in place
  }
}
