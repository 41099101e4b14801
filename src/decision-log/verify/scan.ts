/** Reads one log file and collects runs of records, other text, and seals. What they mean for the whole log is judged elsewhere. */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { type LinesRead, LONGEST_LINE, NoRegularFile } from '../read/lines.ts';
import type { FileScan, RetentionRecord, SegmentRecord, Unsealed } from './file-scan.ts';
import { readLogFile, type VerifiedFile } from './files.ts';
import type { Finding } from './finding.ts';
import type { KeyRing } from './keys.ts';
import { hashAtEnd, isWhole, readRetention, readSeal, readSegment, TAIL } from './line.ts';
import { type RecordPrefix, recordPrefix } from './record-prefix.ts';
import type { Junk, RecordRun } from './runs.ts';
import { type Recall, SealReader } from './seals.ts';
import type { SignedHeads } from './signed-heads.ts';

/** The most that is read of a file in which everything is wrong. */
const MOST_ITEMS = 2_000;
const MOST_JUNK = 256 * 1024 * 1024;
const MOST_RUBBISH = 1_000_000;
const MOST_KEPT = 32 * 1024 * 1024;
/** How many records back a seal may refer. */
const RECALLED = 1 << 16;
const HEAD = 43;
/** Of records about the chain, and those that begin a run of the guard. */
const ABOUT_THE_CHAIN: ReadonlySet<string> = new Set(['start', 'segment', 'seal', 'retention']);

class Scanner {
  readonly items: (RecordRun | Junk)[] = [];
  readonly segments: SegmentRecord[] = [];
  readonly retentions: RetentionRecord[] = [];
  readonly unsealed: Unsealed[] = [];
  readonly seals: SealReader;
  records = 0;
  bytes = 0;
  /** Times of the first and of the last record. */
  from: string | undefined;
  until: string | undefined;
  guard: string | undefined;
  unsealedSince: string | undefined;
  stopped = false;
  private lines = 0;
  /** Of the first record since the last valid seal that is not a segment. */
  private unsealedFrom: { readonly seq: number; readonly line: number } | undefined;
  /** Lines that do not even begin like a record. */
  private rubbish = 0;
  private kept = 0;
  private run: RecordRun | undefined;
  private scratch = Buffer.alloc(64 * 1024);
  /** Hashes of the last records, indexed by number modulo RECALLED. */
  private readonly recent = Buffer.alloc(RECALLED * HEAD);

  constructor(
    private readonly file: string,
    keys: KeyRing,
    pins: SignedHeads,
  ) {
    this.seals = new SealReader(keys, pins);
  }

  line(bytes: Buffer, start: number, end: number): boolean {
    this.lines++;
    this.bytes += end - start + 1;
    const front = recordPrefix(bytes, start, end);
    const own = hashAtEnd(bytes, start, end);
    if (!front) this.rubbish++;
    if (!front || own === undefined) return this.junk(end - start);
    const { seq } = front;
    const { run } = this;
    const follows =
      run?.last === seq - 1 && front.torn === 0 && this.hashBehind(run.lastHash, bytes, start, end) === own;
    if (!follows && !isWhole(bytes, start, end)) return this.junk(end - start);
    this.records++;
    this.from ??= front.time;
    this.until = front.time;
    this.guard ??= front.guard;
    this.unsealedSince ??= front.time;
    this.unsealedFrom ??= { seq, line: this.lines };
    if (follows) {
      run.last = seq;
      run.lastHash = own;
    } else this.begin(front, bytes, start, end, own);
    if (ABOUT_THE_CHAIN.has(front.kind)) this.aboutTheChain(front, bytes, start, end, follows);
    bytes.copy(this.recent, (seq % RECALLED) * HEAD, end - 2 - HEAD, end - 2);
    return this.stopped;
  }

  /** A line that is not a record, or the rest of one at the end. */
  junk(length: number): boolean {
    this.run = undefined;
    const before = this.items.at(-1);
    if (before?.kind === 'junk') {
      before.lines++;
      before.bytes += length + 1;
      if ((this.rubbish > 0 && before.bytes > MOST_JUNK) || this.rubbish > MOST_RUBBISH) this.stopped = true;
    } else this.put({ kind: 'junk', file: this.file, line: this.lines, lines: 1, bytes: length });
    return this.stopped;
  }

  overlong(length: number): boolean {
    this.lines++;
    this.bytes += length + 1;
    this.rubbish++;
    return this.junk(length);
  }

  /** Handles the text after the last line end; returns how many bytes of it may be an unfinished record. */
  end({ rest, restLength }: LinesRead): number {
    // A record that lacks only its line end is complete. A longer one, or text after its hash, is not a record.
    if (endsWhole(rest, restLength)) this.line(rest, 0, restLength);
    else if (restLength > LONGEST_LINE || endsWhole(rest, restLength - 1)) {
      this.lines++;
      this.junk(restLength);
    } else return restLength;
    return 0;
  }

  private begin({ seq, torn }: RecordPrefix, bytes: Buffer, start: number, end: number, own: string): void {
    const length = end - TAIL - start;
    this.kept += length;
    const body = this.kept > MOST_KEPT ? undefined : Buffer.from(bytes.subarray(start, end - TAIL));
    this.run = {
      kind: 'run',
      file: this.file,
      line: this.lines,
      first: seq,
      last: seq,
      body,
      firstHash: own,
      lastHash: own,
      torn: torn === 0 ? undefined : torn,
    };
    this.put(this.run);
  }

  private put(item: RecordRun | Junk): void {
    this.items.push(item);
    if (this.items.length >= MOST_ITEMS) this.stopped = true;
  }

  private hashBehind(head: string, bytes: Buffer, start: number, end: number): string {
    const length = HEAD + end - TAIL - start;
    if (length > this.scratch.length) this.scratch = Buffer.alloc(Math.min(2 * length, HEAD + LONGEST_LINE));
    this.scratch.write(head, 0, HEAD, 'latin1');
    bytes.copy(this.scratch, HEAD, start, end - TAIL);
    return hash('sha256', this.scratch.subarray(0, length), 'base64url');
  }

  private aboutTheChain(front: RecordPrefix, bytes: Buffer, start: number, end: number, follows: boolean): void {
    const { kind, seq, time } = front;
    // A renamed guard continues in the open file.
    if (kind === 'start') this.guard = front.guard;
    if (kind === 'start' && this.unsealedFrom && this.unsealedFrom.seq < seq) {
      const { seq: from, line } = this.unsealedFrom;
      this.unsealed.push({ line, from, until: seq - 1 });
      this.unsealedFrom = { seq, line: this.lines };
    }
    if (kind === 'start') return;
    const json = bytes.toString('utf8', start, end);
    const place = { file: this.file, line: this.lines, seq };
    if (kind === 'segment') {
      const segment = readSegment(json);
      if (this.unsealedFrom?.seq === seq) this.unsealedFrom = undefined;
      if (!segment) return;
      this.segments.push({ ...segment, line: this.lines, seq });
      this.seals.meet(segment, place);
    } else if (kind === 'retention') {
      const retention = readRetention(json);
      if (retention) this.retentions.push({ ...retention, seq, time });
    } else {
      const seal = readSeal(json);
      if (seal && this.seals.read(seal, place, follows ? this.recallIn(this.run) : undefined)) {
        this.unsealedSince = undefined;
        this.unsealedFrom = undefined;
      }
    }
  }

  private recallIn(run: RecordRun | undefined): Recall {
    return (seq) => {
      if (!run || seq < run.first || seq >= run.last || run.last - seq >= RECALLED) return undefined;
      const at = (seq % RECALLED) * HEAD;
      return this.recent.toString('latin1', at, at + HEAD);
    };
  }
}

function endsWhole(bytes: Buffer, end: number): boolean {
  return hashAtEnd(bytes, 0, end) !== undefined && isWhole(bytes, 0, end);
}

/** Problems of the file's content, or in reading it, are findings and never thrown. Throws ENOENT. */
export async function scanFile(logFile: VerifiedFile, keys: KeyRing, pins: SignedHeads): Promise<FileScan> {
  const file = logFile.name;
  const scanner = new Scanner(file, keys, pins);
  const findings: Finding[] = [];
  let rest = 0;
  try {
    const read = await readLogFile(logFile, {
      line: (bytes, start, end) => scanner.line(bytes, start, end),
      overlong: (length) => scanner.overlong(length),
    });
    if (!scanner.stopped) rest = scanner.end(read);
    if (read.damaged !== undefined)
      findings.push({ kind: 'damaged', file, message: `it cannot be unpacked to its end: ${read.damaged}` });
    if (scanner.stopped)
      findings.push({ kind: 'unreadable', file, message: 'so much is wrong with it that it was not read to its end' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || (code === undefined && !(error instanceof NoRegularFile))) throw error;
    const message = error instanceof NoRegularFile ? 'it is no regular file' : `it cannot be read (${code})`;
    findings.push({ kind: 'unreadable', file, message });
  }
  const { items, records, bytes, guard, from, until, unsealedSince, seals, segments, retentions, unsealed } = scanner;
  return {
    file,
    items,
    records,
    bytes,
    guard,
    from,
    until,
    unsealedSince,
    seals,
    segments,
    retentions,
    unsealed,
    findings,
    rest,
  };
}
