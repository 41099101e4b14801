/** What a verification says: where something is wrong with a log, and what kind of wrong. */

export type FindingKind =
  /** A record is not what was written there; its hash, or that of the record behind it, says so. */
  | 'edited'
  | 'removed'
  /** A record stands elsewhere than it was written. */
  | 'reordered'
  | 'duplicated'
  /** A record, or text that is none, which was never written there. */
  | 'inserted'
  /** Records are missing at the beginning or at the end of a file, or of the log. */
  | 'cut'
  /** The chain was computed anew: it fits, but not what a seal says. */
  | 'rewritten'
  | 'seal-missing'
  | 'seal-forged'
  /** Sealed by a key that is not trusted. */
  | 'key-changed'
  | 'file-missing'
  /** A file of another log lies under a name of this one. */
  | 'foreign-file'
  | 'anchor-not-met'
  /** A line among the anchors names this guard, and its signature is not the guard's. */
  | 'anchor-forged'
  /** A compressed file cannot be unpacked to its end. */
  | 'damaged'
  /** A file cannot be read, or is no log. */
  | 'unreadable';

export type NoteKind =
  /** The guard ended in the middle of a line, and went on behind it. */
  | 'torn'
  /** The last line is not whole: it is being written, or was torn. */
  | 'unfinished'
  /** A file was deleted because its time was over, as a record says. */
  | 'retention'
  /**
   * A guard ended, and the records before were not sealed. What was written by somebody else while no guard ran would look so: the next guard's seals
   * vouch for what it found.
   */
  | 'unsealed'
  /** A file from before there was a chain. */
  | 'unchained'
  /** The last file was closed, and there is none behind it. */
  | 'no-open-file';

export interface LinePlace {
  /** The file's name, without its folder. */
  readonly file: string;
  /** From 1; absent where it is the whole file. */
  readonly line?: number;
}

export interface Finding extends LinePlace {
  readonly kind: FindingKind;
  /** The record, or the first of those that it is about. */
  readonly seq?: number;
  /** The last of them, where they are several. */
  readonly until?: number;
  readonly message: string;
}

export interface Note extends LinePlace {
  readonly kind: NoteKind;
  readonly seq?: number;
  readonly message: string;
}

/** `record 7`, `records 7 to 9` */
export function records(from: number, to: number): string {
  return from === to ? `record ${from}` : `records ${from} to ${to}`;
}
