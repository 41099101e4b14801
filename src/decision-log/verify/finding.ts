/** The result of a verification: the place and kind of each problem. */

export type FindingKind =
  /** A record is not the original: its hash, or that of the next record, shows it. */
  | 'edited'
  | 'removed'
  /** A record is not where it was written. */
  | 'reordered'
  | 'duplicated'
  /** A record, or other text, that was never written there. */
  | 'inserted'
  /** Records are missing at the beginning or end of a file, or of the log. */
  | 'cut'
  /** The chain was recomputed: it is consistent, but contradicts a seal. */
  | 'rewritten'
  | 'seal-missing'
  | 'seal-forged'
  /** A key that is not trusted made the seal. */
  | 'key-changed'
  | 'file-missing'
  /** A file of another log has a name of this one. */
  | 'foreign-file'
  | 'anchor-not-met'
  /** A line among the anchors names this guard, but the guard did not sign it. */
  | 'anchor-forged'
  /** A compressed file cannot be decompressed completely. */
  | 'damaged'
  /** A file cannot be read, or is not a log. */
  | 'unreadable';

export type NoteKind =
  /** The guard ended inside a line, and continued after it. */
  | 'torn'
  /** The last line is incomplete: it is being written, or the guard ended inside it. */
  | 'unfinished'
  /** A file was deleted at the end of its retention, as a record says. */
  | 'retention'
  /**
   * A guard ended without sealing the last records. A forgery made while no guard ran would look the same: the next guard's seals cover what it
   * found.
   */
  | 'unsealed'
  /** The last file was closed, and no file follows. */
  | 'no-open-file';

export interface LinePlace {
  /** The file's name, without its folder. */
  readonly file: string;
  /** From 1; absent if it concerns the whole file. */
  readonly line?: number;
}

export interface Finding extends LinePlace {
  readonly kind: FindingKind;
  /** The record, or the first one concerned. */
  readonly seq?: number;
  /** The last one, if there are several. */
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
