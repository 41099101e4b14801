/**
 * Who is at the other end of the control socket. Node does not tell the peer of a unix socket, so the client shows it: it makes a folder,
 * of a name that the guard has just thought of, beside the socket; the owner of that folder is who the client is.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmdirSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';

/** `rowgate.sock.d`: where clients make theirs. Who may not write there can ask for nothing. */
function proofFolderOf(socket: string): string {
  return `${socket}.d`;
}

/** Nobody's folder can be put here by anybody else: mode 0700, so that only its owner (and root) could have moved it. */
const PROOF_MODE = 0o700;
const STICKY = 0o1000;

/** The client's side. Throws where the folder cannot be made; returns how to take it away again. */
export function showProof(socket: string, challenge: string): () => void {
  const folder = proofFolderOf(socket);
  // Not through a link: whoever made that one would have us speak for them at another guard.
  if (!lstatSync(folder).isDirectory()) throw new Error(`${folder} is no folder`);
  const proof = join(folder, challenge);
  mkdirSync(proof, { mode: PROOF_MODE });
  return () => rmdirQuietly(proof);
}

export class ProofFolder {
  private readonly folder: string;
  private readonly made: Stats;

  /** Makes the folder; `gid`: a group whose members may ask as well. Throws where it could be anybody's. */
  constructor(socket: string, gid: number | undefined) {
    this.folder = proofFolderOf(socket);
    const parent = lstatSync(dirname(this.folder));
    if ((parent.mode & 0o002) !== 0 && (parent.mode & STICKY) === 0) {
      throw new Error(`everybody may write to ${dirname(this.folder)}`);
    }
    try {
      mkdirSync(this.folder, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const found = lstatSync(this.folder);
    // A folder that somebody else put here is theirs: they could rename what lies in it.
    if (!found.isDirectory() || found.uid !== process.getuid?.())
      throw new Error(`${this.folder} belongs to somebody else`);
    chmodSync(this.folder, 0o700);
    for (const left of readdirSync(this.folder)) rmdirQuietly(join(this.folder, left));
    if (gid !== undefined) {
      chownSync(this.folder, -1, gid);
      // Sticky, so that nobody renames what another member of the group has made.
      chmodSync(this.folder, 0o1770);
    }
    this.made = lstatSync(this.folder);
  }

  /** A name that never was and that nobody can guess. */
  challenge(): string {
    return randomBytes(16).toString('hex');
  }

  /** The user id of whoever made the folder of this name; undefined where nobody has, or where it proves nothing. */
  answered(challenge: string): number | undefined {
    const stat = lookedAt(join(this.folder, challenge));
    // A folder alone proves it: files can be linked, and moved here by whoever may write where they lay; to move a folder
    // elsewhere its own write permission is needed, which a mode of 0700 gives to the owner alone.
    if (!stat?.isDirectory() || (stat.mode & 0o777) !== PROOF_MODE) return undefined;
    // Of the folder's own file system: whose a folder in one that a user has mounted here is, that user says (FUSE).
    if (stat.dev !== this.made.dev) return undefined;
    return this.isStillOurs() ? stat.uid : undefined;
  }

  forget(challenge: string): void {
    rmdirQuietly(join(this.folder, challenge));
  }

  close(): void {
    rmdirQuietly(this.folder);
  }

  /** Asked after the proof was looked at: what stood at our path was in our folder. */
  private isStillOurs(): boolean {
    const now = lstatSync(this.folder, { throwIfNoEntry: false });
    const { dev, ino, uid, mode } = this.made;
    return now?.dev === dev && now.ino === ino && now.uid === uid && now.mode === mode;
  }
}

/** Undefined also where it lies in a file system that shows itself to nobody else. */
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
    // gone already, or something lies in it: then it stays
  }
}
