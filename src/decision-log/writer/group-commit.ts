/**
 * Records what sessions decide in one turn of the event loop at its end, with one write, before anything is sent to a server. A hundred concurrent
 * sessions thus share the cost of a write. Nothing waits for outcomes: they go with one of these writes when there are many, or a moment later.
 */
import type { SessionEntry } from '../../session/log-entries.ts';
import type { Recorded, SessionLog } from '../record-sink.ts';
import type { SessionIdentity, SessionRecords } from './session-records.ts';

/** The log, as far as a group commit uses it. */
export interface GroupCommitLog {
  /** The open file accepts lines, as far as known: nothing has failed since the last one. */
  isOpen(): boolean;
  /** Lines made from now on are held until `write`. */
  begin(): void;
  /** Writes them. @returns whether all of them were written. */
  write(): boolean;
}

/** The most entries to hold: a client may send thousands of statements at once. */
const MOST = 256;
/** How many outcomes are made in a row: the CPU caches are warm then, and each takes half as long. */
const TOGETHER = 16;
/** How long an outcome waits for others. */
const OUTCOMES_WAIT_MS = 5;

interface Entry {
  readonly records: Pick<SessionRecords, 'append'>;
  readonly entry: SessionEntry;
  readonly asWho: SessionIdentity;
}

const NONE: readonly Entry[] = [];

export class GroupCommit {
  private decisions: Entry[] = [];
  private outcomes: Entry[] = [];
  /** Set when a decision was recorded in this turn. */
  private ending: NodeJS.Immediate | undefined;
  private later: NodeJS.Timeout | undefined;
  /** For the records of this turn. */
  private failed = false;
  private asking: ((written: boolean) => void)[] = [];
  private turns = 1;

  constructor(private readonly log: GroupCommitLog) {}

  /** Increases with each turn in which something is decided. */
  get number(): number {
    return this.turns;
  }

  /** False if the log has a problem: each record is then written by itself, and its session told at once. */
  takes(): boolean {
    return this.ending !== undefined || this.log.isOpen();
  }

  add(records: Entry['records'], entry: SessionEntry, asWho: SessionIdentity): void {
    const { decisions, outcomes } = this;
    if (entry.kind === 'decision') {
      decisions.push({ records, entry, asWho });
      this.ending ??= setImmediate(this.end);
    } else {
      outcomes.push({ records, entry, asWho });
      this.later ??= setTimeout(this.endLater, OUTCOMES_WAIT_MS).unref();
    }
    if (decisions.length + outcomes.length >= MOST) this.write();
  }

  /** Writes everything recorded so far: something else depends on it. */
  write(): void {
    const { outcomes } = this;
    this.outcomes = [];
    this.later?.refresh();
    this.writeDecisions(outcomes);
  }

  /** @param outcomes written after the decisions, as some may belong to them. */
  private writeDecisions(outcomes: readonly Entry[] = NONE): void {
    const { decisions, failed, log } = this;
    if (decisions.length + outcomes.length === 0) return;
    this.decisions = [];
    // INVARIANT 82: until all records are known to be written, the turn counts as failed, whatever is thrown. Outcomes alone report to no one.
    this.failed = this.ending !== undefined;
    log.begin();
    let made = true;
    let stand = false;
    try {
      for (const { records, entry, asWho } of decisions) made = records.append(entry, asWho) && made;
      for (const { records, entry, asWho } of outcomes) made = records.append(entry, asWho) && made;
    } finally {
      stand = log.write();
    }
    if (made && stand) this.failed = failed;
  }

  /** For all records of this turn, told at its end: false if one of them may not have been written. */
  readonly written: Recorded = { tell: (told) => void this.asking.push(told) };

  private readonly endLater = (): void => {
    this.later = undefined;
    this.write();
  };

  private readonly end = (): void => {
    try {
      if (this.outcomes.length < TOGETHER) this.writeDecisions();
      else this.write();
    } finally {
      const { asking, failed } = this;
      this.ending = undefined;
      this.asking = [];
      this.failed = false;
      this.turns += 1;
      for (const told of asking) told(!failed);
    }
  };
}

/** The records of one session, as the group commit takes them. */
export class SessionInGroup implements SessionLog {
  /** The last turn in which it recorded a decision. */
  private last = 0;
  /** The decisions of that turn. */
  private young: string[] = [];

  constructor(
    private readonly records: Pick<SessionRecords, 'append' | 'who'>,
    private readonly turn: GroupCommit,
  ) {}

  append(entry: SessionEntry): boolean {
    const { turn, records } = this;
    if (entry.kind === 'seen' || !turn.takes()) {
      turn.write();
      return records.append(entry);
    }
    turn.add(records, entry, records.who());
    if (entry.kind === 'decision') this.decides(entry.id);
    return true;
  }

  private decides(id: string): void {
    const { number } = this.turn;
    if (this.last === number) this.young.push(id);
    else {
      this.last = number;
      this.young = [id];
    }
  }

  reachDisk(): Recorded | undefined {
    const { turn } = this;
    return this.last === turn.number ? turn.written : undefined;
  }

  /** Asked about a turn that failed. */
  isOnDisk(id: string): boolean {
    return !this.young.includes(id);
  }
}
