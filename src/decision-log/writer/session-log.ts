/** What a session asks of the log. */
import type { SessionEntry } from '../../session/log-entries.ts';

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

/** Tells once, and before others who ask later. */
export interface Recorded {
  tell(told: (recorded: boolean) => void): void;
}

export interface SessionLog {
  /** False where the record is not certainly in the log: what it is about must then not happen. Never throws. */
  append(entry: SessionEntry): boolean;
  /**
   * Undefined where the decisions so far are where the log's durability wants them: on the disk (`strict`), or handed to the system. Otherwise
   * tells when they are; false where nobody can say that they will be.
   */
  reachDisk(): Recorded | undefined;
  /** Where that was false: whether the decision of this id is there all the same. */
  isOnDisk(id: string): boolean;
}
