/** What a session asks of the log. */
import type { SessionEntry } from '../session/entries.ts';

/** Who a session is, in each of its decisions. Read anew for each record: `application` may change under way. */
export interface SessionContext {
  readonly session: string;
  readonly principal: string;
  readonly user?: string | undefined;
  readonly role: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly client: string;
  readonly certificate?: string | undefined;
  readonly database: string;
  readonly application: string;
}

export interface SessionLog {
  /** False where the record is not certainly in the log: what it is about must then not happen. Never throws. */
  append(entry: SessionEntry): boolean;
  /**
   * Undefined where the decisions so far are on the disk, or the log is not `strict`. Otherwise resolves when they are; with false where
   * nobody can say that they will be.
   */
  reachDisk(): Promise<boolean> | undefined;
  /** Of a `strict` log: whether the decision of this id has reached the disk, as `reachDisk` has said. */
  isOnDisk(id: string): boolean;
}
