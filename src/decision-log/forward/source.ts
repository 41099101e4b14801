/** The complete records of one log from a position on, each with the decision that it belongs to, and the position after it. */
import type { Buffer } from 'node:buffer';
import { LRUCache } from 'lru-cache';
import type { LogRecord } from '../fields.ts';
import { Follower, type LinesOfFile } from './follower.ts';
import type { Position } from './position.ts';

export interface ForwardedRecord {
  readonly record: LogRecord;
  /** For an outcome and similar records: who asked what. Absent if the decision is too far back. */
  readonly decision: LogRecord | undefined;
  /** After the record. */
  readonly position: Position;
}

/** Notices about a log. */
export interface SourceNotices {
  /** Records that were deleted or moved before they were read; both numbers are included. */
  lost(from: number, until: number): void;
  said(message: string): void;
}

/** The most decisions without an outcome to remember. Some never have one. */
const MOST_DECISIONS = 5_000;
/** Records further before the position are not read: an outcome with an older decision is sent without it. */
const FARTHEST = 100_000;
/** The beginning of a complete statement record, up to its number. */
const HEAD = /^\{"time":"[^"]+","kind":"(?:decision|outcome)","guard":"[^"]+","seq":([0-9]+)/;
const LONGEST_HEAD = 256;

export class RecordStream {
  private readonly follower: Follower;
  private readonly decisions = new LRUCache<string, LogRecord>({ max: MOST_DECISIONS });
  private lines: LinesOfFile | undefined;
  private index = 0;
  private last: Position | undefined;

  constructor(
    log: string,
    private readonly from: Position | undefined,
    private readonly notices: SourceNotices,
  ) {
    this.last = from;
    this.follower = new Follower(log, from, (message) => notices.said(message));
  }

  /** Undefined if there is none now. `breathe` is called between lines, so that reading far does not delay other work. */
  async next(breathe: () => Promise<void>): Promise<ForwardedRecord | undefined> {
    for (;;) {
      const line = this.lines?.lines[this.index];
      if (!this.lines || !line) {
        this.lines = await this.follower.read();
        this.index = 0;
        if (!this.lines) return undefined;
        continue;
      }
      this.index += 1;
      await breathe();
      const entry = this.entry(this.lines.file, line);
      if (entry) return entry;
    }
  }

  close(): Promise<void> {
    return this.follower.close();
  }

  private entry(file: LinesOfFile['file'], { bytes, end }: LinesOfFile['lines'][number]): ForwardedRecord | undefined {
    const { from } = this;
    const behind = from && file.first === from.file && file.chain === from.chain ? from.offset : 0;
    const isOld = end <= behind;
    if (isOld && isFarBefore(bytes, from?.seq)) return undefined;
    const record = parse(bytes);
    if (!record) return undefined;
    const decision = this.join(record);
    if (isOld) return undefined;
    const seq = record.seq as number;
    this.tellGap(file, seq);
    const position: Position = { chain: file.chain, file: file.first, offset: end, seq };
    this.last = position;
    return { record, decision, position };
  }

  private join(record: LogRecord): LogRecord | undefined {
    const { kind, id } = record;
    if (typeof id !== 'string') return undefined;
    if (kind === 'decision') this.decisions.set(id, record);
    const decision = kind === 'decision' ? undefined : this.decisions.get(id);
    if (kind === 'outcome') this.decisions.delete(id);
    return decision;
  }

  private tellGap({ chain }: LinesOfFile['file'], seq: number): void {
    if (this.last && this.last.chain === chain && seq > this.last.seq + 1)
      this.notices.lost(this.last.seq + 1, seq - 1);
  }
}

function isFarBefore(bytes: Buffer, seq = 0): boolean {
  const number = HEAD.exec(bytes.toString('latin1', 0, LONGEST_HEAD))?.[1];
  return number !== undefined && Number(number) < seq - FARTHEST;
}

/** Undefined if it is not a record: a crash left it incomplete. */
function parse(bytes: Buffer): LogRecord | undefined {
  try {
    const record: unknown = JSON.parse(bytes.toString('utf8'));
    const isRecord = typeof record === 'object' && record !== null && 'seq' in record && 'kind' in record;
    return isRecord && Number.isSafeInteger(record.seq) ? (record as LogRecord) : undefined;
  } catch {
    return undefined;
  }
}
