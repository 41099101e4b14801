/** The records of a session in a log with group commit: which of its decisions have reached the disk. */
import { SmallMap } from '../../core/small-map.ts';
import type { SessionEntry } from '../../session/log-entries.ts';
import type { Recorded, SessionLog } from '../record-sink.ts';

/** The lines of the log, by position since it was opened. */
export interface LogPositions {
  /** Of the last line. */
  readonly position: number;
  isOnDisk(position: number): boolean;
  /** Resolves when the line and all before it are on disk; with false if that is not known. */
  reachesDisk(position: number): Promise<boolean>;
}

export class SessionOnDisk implements SessionLog {
  /** Decisions to run something that are not known to be on disk, in order. */
  private readonly young = new SmallMap<string, number>();
  private last = 0;

  constructor(
    private readonly records: Pick<SessionLog, 'append'>,
    private readonly lines: LogPositions,
  ) {}

  append(entry: SessionEntry): boolean {
    const { lines } = this;
    const written = this.records.append(entry);
    if (!written || entry.kind !== 'decision') return written;
    this.young.dropWhile((at) => lines.isOnDisk(at));
    this.last = lines.position;
    // Refusals need not be on disk before anything, and a client can cause any number of them.
    if (entry.effect !== 'refuse' && entry.effect !== 'lock') this.young.set(entry.id, this.last);
    return true;
  }

  reachDisk(): Recorded | undefined {
    const { lines, last } = this;
    if (lines.isOnDisk(last)) {
      this.young.clear();
      return undefined;
    }
    const reaches = lines.reachesDisk(last).then((reached) => {
      if (reached) this.young.dropWhile((at) => at <= last);
      return reached;
    });
    return { tell: (told) => void reaches.then(told) };
  }

  isOnDisk(id: string): boolean {
    return !this.young.has(id);
  }
}
