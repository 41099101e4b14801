/** How much of a guard's logs a collector has accepted: a small file that is replaced as a whole. */
import { readFileSync } from 'node:fs';
import { writeDurably } from '../disk/durably.ts';

export interface Position {
  /** The chain's id; absent in a log from before there were chains. */
  readonly chain?: string | undefined;
  /** The number of the file's first record: its name changes when it is closed, and again when it is compressed. */
  readonly file: number;
  /** Bytes of the uncompressed file that are done. */
  readonly offset: number;
  /** The last accepted record; 0 before the first. */
  readonly seq: number;
}

export class Positions {
  private readonly byLog: Map<string, Position>;
  private changed = true;
  /** Nothing was sent to this collector before. */
  readonly isNew: boolean;

  /**
   * `to`: the collector, for people who read the file. `mayBeNew`: false if a missing file means that it was lost. Throws if the file holds something
   * else.
   */
  constructor(
    private readonly path: string,
    private readonly to: string,
    mayBeNew = true,
  ) {
    const read = readFrom(path);
    this.byLog = new Map(Object.entries(read ?? {}));
    this.isNew = mayBeNew && read === undefined;
  }

  /** `log`: the name of its open file. */
  of(log: string): Position | undefined {
    return this.byLog.get(log);
  }

  set(log: string, position: Position): void {
    this.byLog.set(log, position);
    this.changed = true;
  }

  /** The names of all logs, past ones included. */
  logs(): readonly string[] {
    return [...this.byLog.keys()];
  }

  /** Throws if it cannot be written; the old content is then still there. */
  save(): void {
    if (!this.changed) return;
    writeDurably(this.path, `${JSON.stringify({ to: this.to, logs: Object.fromEntries(this.byLog) })}\n`);
    this.changed = false;
  }
}

function readFrom(path: string): Record<string, Position> | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { logs } = JSON.parse(text) as { logs: Record<string, Position> };
  const isWhole = Object.values(logs).every(({ file, offset, seq }) => [file, offset, seq].every(Number.isSafeInteger));
  if (!isWhole) throw new Error(`${path} holds no positions`);
  return logs;
}
