/** How far the logs of a guard have been taken by one collector: a small file that is replaced as a whole. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

export interface Position {
  /** Of the chain; absent in a log from before there was one. */
  readonly chain?: string | undefined;
  /** The number of the first record in the file: its name changes when it is closed, and again when it is compressed. */
  readonly file: number;
  /** Bytes of the file, unpacked, that are behind. */
  readonly offset: number;
  /** The last record that was taken; 0 before the first. */
  readonly seq: number;
}

export class Positions {
  private readonly byLog: Map<string, Position>;
  private changed = true;
  /** Nothing was sent to this collector before. */
  readonly isNew: boolean;

  /** `to`: the collector, for whoever reads the file. `mayBeNew`: false where the file was lost. Throws where the file holds something else. */
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

  /** The names of the logs that there are, or have been. */
  logs(): readonly string[] {
    return [...this.byLog.keys()];
  }

  /** Throws where it cannot be written; what was there before is still there then. */
  save(): void {
    if (!this.changed) return;
    const unfinished = `${this.path}.new`;
    const file = openSync(unfinished, 'w', 0o600);
    try {
      writeSync(file, `${JSON.stringify({ to: this.to, logs: Object.fromEntries(this.byLog) })}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(unfinished, this.path);
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
