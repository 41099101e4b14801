/**
 * The decision log: one JSON object a line, handed to the file before `append` returns; with `batched`, records of sessions at the end of the turn
 * (`group-commit.ts`). A session's identity is bound once.
 */
import type { QuantityPeriod } from '../../policy/source/quantity.ts';
import type { Anchor, Head, RetentionFields, SealFields } from '../chain/seal.ts';
import type { WriteState } from '../disk/append.ts';
import { SessionOnDisk } from '../disk/session-on-disk.ts';
import type { FileKeys } from '../encryption/file-keys.ts';
import type { RecordFields, RecordKind } from '../fields.ts';
import { type ChainFields, type ChainKind, GROUPED, isOfChain, isOfStatement } from '../kinds.ts';
import type { SessionContext, SessionLog } from '../record-sink.ts';
import { ClosedFileCleanup } from '../rotation/cleanup.ts';
import type { Rotation } from '../rotation/schedule.ts';
import { type SealKey, sealKeyIn } from '../seals/seal-key.ts';
import { Sealer } from '../seals/sealer.ts';
import type { SubjectIds } from '../subject-ids.ts';
import type { Durability } from './file.ts';
import { GroupCommit, SessionInGroup } from './group-commit.ts';
import { Segments } from './segments.ts';
import { type LogRecorder, SessionRecords } from './session-records.ts';
import { type KeepsStatements, StatementTexts } from './statement-texts.ts';
import { boxedText, chainMembersText, membersText, type RecordHeading, recordText } from './text.ts';

export interface LogOptions {
  readonly file: string;
  /**
   * `batched`: written before `append` returns or, for records of a session, before `reachDisk` says so; synced at most 100 ms later. `strict`:
   * synced by then; records of many sessions share a sync.
   */
  readonly durability: Durability;
  /** The form of the field `statement`. */
  readonly text: 'normalized' | 'full' | 'none';
  /** Keeps the statements beside the log; absent: they are not kept. */
  readonly statements?: KeepsStatements | undefined;
  /** The guard's name. */
  readonly guard: string;
  /** Makes ids from the keys of people who were shown; absent: they are only counted. */
  readonly subjects?: SubjectIds | undefined;
  /** If records are encrypted: the keys for the recipients. */
  readonly keys?: FileKeys | undefined;
  /** When a file is closed and the next one begun; absent: never. */
  readonly rotate?: Rotation;
  /** IANA name, for `rotate`; absent: UTC. */
  readonly timeZone?: string;
  /** How long closed files are kept; absent: for ever. */
  readonly keep?: QuantityPeriod | undefined;
  readonly seal?: SealOptions;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Called once when writing begins to fail, and once when it works again. */
  readonly notice?: (message: string) => void;
}

interface SealOptions {
  /** Absent: in a file with the log's name and `.key`, made at the first start. */
  readonly key?: SealKey;
  readonly everyMs: number;
  readonly records: number;
}

export interface DecisionLog {
  /** False if the record may not be in the log: the event must then not happen. Never throws. */
  append(kind: RecordKind, fields: RecordFields): boolean;
  /** Records a login. Resolves when that is recorded as `durability` demands; with false if it may not be. */
  login(context: SessionContext): Promise<boolean>;
  session(context: SessionContext): SessionLog;
  /** Continues in a new file after the old one was moved away (SIGHUP). False if that fails; the open one is then kept. */
  reopen(): boolean;
  /** The listener gets each seal when it is in the log. */
  onSeal(listener: (anchor: Anchor) => void): void;
  /** The end of the chain. Resolves when that is on disk; with undefined if it may not be. */
  head(): Promise<Head | undefined>;
  /** How far another chain of this guard reaches: the next seals contain it. */
  heard(name: string, head: Head): void;
  /** Seals and closes. Resolves when that is done; unless a command signs, it is done on return. */
  close(): Promise<void>;
}

const SEAL_EVERY_MS = 10_000;
const SEAL_RECORDS = 10_000;
/** How long closing waits for a command that signs. */
const LAST_SEAL_MS = 3_000;

/** Opens the log, or throws: a guard that cannot record does not start. */
export function openLog(options: LogOptions): DecisionLog {
  return new Log(options);
}

class Log implements DecisionLog {
  private readonly segments: Segments;
  private readonly sealer: Sealer;
  private readonly tidying: ClosedFileCleanup;
  private readonly recorder: LogRecorder;
  private closed = false;
  /** Records of statements are held, to be written with those that follow. */
  private holding = false;
  /** Whether the file accepted records when the first held one was made: later changes of the file show when they are written. */
  private holds = false;
  /** When the first held record was made: the time of all of them. */
  private heldAt = 0;
  private readonly turn: GroupCommit;

  constructor(private readonly options: LogOptions) {
    const { file, guard, durability, clock, keep, notice = () => {} } = options;
    const { key = sealKeyIn(`${file}.key`), everyMs = SEAL_EVERY_MS, records = SEAL_RECORDS } = options.seal ?? {};
    const { rotate = {}, timeZone = 'UTC', keys } = options;
    this.segments = new Segments(
      { file, guard, durability, rotate, timeZone, sealedBy: key.publicKey, keys, notice },
      {
        begin: (fields, now) => {
          this.options.statements?.beginFile();
          return this.putOfChain('segment', fields, now) === 'written';
        },
        closing: () => void this.sealer.seal(),
        closed: () => this.tidying.look(),
        seals: () => this.sealer.count,
      },
    );
    const { chain, chained, past } = this.segments;
    this.sealer = new Sealer(
      {
        key,
        guard,
        chain,
        everyMs,
        records,
        clock,
        position: () => chained.position,
        ready: () => this.isReadyToSeal(),
        write: (fields) => this.writeSeal(fields),
        notice,
      },
      past.seals,
    );
    if (!past.sealed) this.sealer.recorded();
    this.tidying = new ClosedFileCleanup({
      file,
      keep,
      clock,
      notice,
      record: (fields) => this.recordRetention(fields),
      isSealed: async (seq) => (await this.sealer.covers(seq)) && this.tried(() => this.segments.file.syncAll()),
    });
    this.tidying.look();
    this.turn = new GroupCommit({
      isOpen: () => !this.closed && this.segments.file.isOpen,
      begin: () => {
        this.holding = true;
        this.heldAt = clock();
        chained.beginHolding();
        this.holds = this.isReady(this.heldAt);
      },
      write: () => {
        this.holding = false;
        chained.flush();
        return chained.allStand;
      },
    });
    this.recorder = {
      write: (kind, members) => this.writeOfSession(kind, members),
      append: (kind, fields) => this.append(kind, fields),
      statements: new StatementTexts(options.text, options.statements),
      subjects: options.subjects,
    };
  }

  append(kind: RecordKind, fields: RecordFields): boolean {
    this.turn.write();
    const now = this.now();
    return this.isReady(now) && this.put(kind, fields, now) === 'written';
  }

  async login(context: SessionContext): Promise<boolean> {
    const { file } = this.segments;
    if (!this.append('login', context)) return false;
    return this.options.durability === 'batched' || file.reachesDisk(file.position);
  }

  session(context: SessionContext): SessionLog {
    const records = new SessionRecords(this.recorder, context);
    if (this.options.durability === 'strict') return new SessionOnDisk(records, this.segments.file);
    return new SessionInGroup(records, this.turn);
  }

  reopen(): boolean {
    this.turn.write();
    return !this.closed && this.segments.reopen();
  }

  onSeal(listener: (anchor: Anchor) => void): void {
    this.sealer.onSeal(listener);
  }

  /** Records that a crash could lose are not reported: they would later look as if they had been cut off. */
  async head(): Promise<Head | undefined> {
    const { chain, chained, file } = this.segments;
    this.turn.write();
    const head = { chain, ...chained.position };
    return (await file.reachesDisk(file.position)) ? head : undefined;
  }

  heard(name: string, head: Head): void {
    this.sealer.heard(name, head);
  }

  close(): Promise<void> {
    if (this.closed) return Promise.resolve();
    this.turn.write();
    this.sealer.stop();
    this.tidying.stop();
    const end = () => {
      this.turn.write();
      this.closed = true;
      this.segments.file.close();
    };
    const sealed = this.sealer.seal();
    if (!this.sealer.isWaiting) {
      end();
      return Promise.resolve();
    }
    return withIn(
      LAST_SEAL_MS,
      sealed.then(() => this.sealer.seal()),
    ).then(end);
  }

  /** True also if it may not have reached the disk: its number is used. */
  private writeSeal(fields: SealFields): boolean {
    return this.isReadyToSeal() && this.putOfChain('seal', fields, this.now()) !== 'absent';
  }

  private isReadyToSeal(): boolean {
    return this.tried(() => this.segments.readyToSeal(this.now()));
  }

  /** Times never go back inside one write, even with a seal in it. */
  private now(): number {
    return this.holding ? this.heldAt : this.options.clock();
  }

  private isReady(now: number): boolean {
    return this.tried(() => this.segments.ready(now));
  }

  private tried(work: () => void): boolean {
    if (this.closed) return false;
    try {
      work();
      return true;
    } catch (error) {
      this.segments.file.fail(error);
      return false;
    }
  }

  /** Nearly all records of a log. */
  private writeOfSession(kind: 'decision' | 'outcome', members: () => string): boolean {
    const now = this.now();
    const isReady = this.holding ? this.holds : this.isReady(now);
    return isReady && this.write(kind, now, members) === 'written';
  }

  /** The file must be open, with its segment written. */
  private put(kind: RecordKind, fields: RecordFields, now: number): WriteState {
    return this.write(kind, now, () => membersText(fields));
  }

  private putOfChain(kind: ChainKind, fields: ChainFields, now: number): WriteState {
    return this.write(kind, now, () => chainMembersText(fields));
  }

  private write(kind: RecordKind | ChainKind, now: number, members: () => string): WriteState {
    const { chained } = this.segments;
    const heading: RecordHeading = {
      time: isoTime(now),
      guard: this.options.guard,
      seq: chained.seq + 1,
      torn: chained.torn,
    };
    let body: string;
    try {
      body = recordText(kind, heading, members());
      if (this.options.keys && !isOfChain(kind)) body = boxedText(body, heading, this.segments.boxes);
    } catch {
      // INVARIANT 83: a record that cannot be made counts as not written.
      return 'absent';
    }
    const written = this.holding && isOfStatement(kind) ? chained.hold(body) : chained.write(body, GROUPED.has(kind));
    if (written !== 'absent' && kind !== 'seal') this.sealer.recorded();
    return written;
  }

  private recordRetention(fields: RetentionFields): number | undefined {
    const now = this.options.clock();
    if (!this.isReady(now) || this.putOfChain('retention', fields, now) !== 'written') return undefined;
    const { seq } = this.segments.chained.position;
    return this.tried(() => this.segments.file.syncAll()) ? seq : undefined;
  }
}

function withIn(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    void work.then(done).finally(() => clearTimeout(timer));
  });
}

/** The time of a record as text. Many records share a millisecond, so the last text is cached. */
let last = { now: Number.NaN, text: '' };

/** @param now milliseconds since the epoch. */
function isoTime(now: number): string {
  if (now !== last.now) last = { now, text: new Date(now).toISOString() };
  return last.text;
}
