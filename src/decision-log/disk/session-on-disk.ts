/** The records of a session in a log that groups its syncs: which of its decisions have reached the disk. */
import { SmallMap } from '../../core/small-map.ts';
import type { SessionEntry } from '../../session/log-entries.ts';
import type { Recorded, SessionLog } from '../writer/session-log.ts';

/** The lines of the log, by their place since it was opened. */
export interface Lines {
  /** Of the last one. */
  readonly position: number;
  isOnDisk(position: number): boolean;
  /** Resolves when it and all before it are there; with false where nobody can say so. */
  reachesDisk(position: number): Promise<boolean>;
}

export class SessionOnDisk implements SessionLog {
  /** Decisions to run something of which nobody has said that they are there, in their order. */
  private readonly young = new SmallMap<string, number>();
  private last = 0;

  constructor(
    private readonly records: Pick<SessionLog, 'append'>,
    private readonly lines: Lines,
  ) {}

  append(entry: SessionEntry): boolean {
    const { lines } = this;
    const written = this.records.append(entry);
    if (!written || entry.kind !== 'decision') return written;
    this.young.dropWhile((at) => lines.isOnDisk(at));
    this.last = lines.position;
    // Of refusals nobody asks, and a client can have as many as it likes while the disk stands still.
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
