/**
 * What sessions decide within one turn of the event loop is recorded at its end: made one after the other and written at once, before anything goes to
 * a server by it. Of a hundred sessions that speak at the same time each pays a part of one write. Outcomes, for which nothing waits, go with one of
 * these writes when they are many, or a moment later.
 */
import type { SessionEntry } from '../../session/log-entries.ts';
import type { Recorded, SessionLog } from './session-log.ts';
import type { SessionRecords, Who } from './session-records.ts';

/** The log, as far as a turn writes to it. */
export interface GroupCommitLog {
  /** The open file takes lines, as far as is known: nothing has failed since the last that it took. */
  isOpen(): boolean;
  /** Lines that are made from now on wait for `write`. */
  begin(): void;
  /** Writes them. @returns whether all of them stand. */
  write(): boolean;
}

/** More is not held: a client may send thousands of statements at once. */
const MOST = 256;
/** So many outcomes are made one behind the other: what makes records is at hand for the processor then, and each takes half as long. */
const TOGETHER = 16;
/** So long an outcome waits for others. */
const OUTCOMES_WAIT_MS = 5;

interface Entry {
  readonly records: Pick<SessionRecords, 'append'>;
  readonly entry: SessionEntry;
  readonly asWho: Who;
}

const NONE: readonly Entry[] = [];

export class GroupCommit {
  private decisions: Entry[] = [];
  private outcomes: Entry[] = [];
  /** A decision was recorded in this turn. */
  private ending: NodeJS.Immediate | undefined;
  private later: NodeJS.Timeout | undefined;
  /** Of what was to be written in this turn. */
  private failed = false;
  private asking: ((written: boolean) => void)[] = [];
  private turns = 1;

  constructor(private readonly log: GroupCommitLog) {}

  /** Another one with each turn in which something is decided. */
  get number(): number {
    return this.turns;
  }

  /** False where the log is in trouble: each record is written by itself then, and its session told at once. */
  takes(): boolean {
    return this.ending !== undefined || this.log.isOpen();
  }

  add(records: Entry['records'], entry: SessionEntry, asWho: Who): void {
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

  /** Writes what has been recorded so far: something else follows upon it. */
  write(): void {
    const { outcomes } = this;
    this.outcomes = [];
    this.later?.refresh();
    this.writeDecisions(outcomes);
  }

  /** @param outcomes behind the decisions, of which some may be theirs. */
  private writeDecisions(outcomes: readonly Entry[] = NONE): void {
    const { decisions, failed, log } = this;
    if (decisions.length + outcomes.length === 0) return;
    this.decisions = [];
    // INVARIANT 82: until all are known to stand none of them does, whatever is thrown meanwhile. Of outcomes alone nobody is told.
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

  /** Of all records of this turn, told at its end: false where one of them may not stand. */
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

/** The records of one session, as the turn takes them. */
export class SessionInGroup implements SessionLog {
  /** In which it has recorded a decision last. */
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

  /** Asked of a turn that has failed. */
  isOnDisk(id: string): boolean {
    return !this.young.includes(id);
  }
}
