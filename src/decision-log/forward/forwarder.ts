/**
 * Sends the records of one or more logs to a collector, each at least once and in the order of its log. The log itself is the queue; only the
 * position is stored. Nothing waits for the collector.
 */
import type { Buffer } from 'node:buffer';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Collector, isTooMuch } from './collector.ts';
import type { Position, Positions } from './position.ts';
import { RecordStream } from './source.ts';

export interface ForwarderOptions {
  /** The open files of the logs. */
  readonly logs: readonly string[];
  readonly collector: Collector;
  readonly positions: Positions;
  readonly log: Logger;
  /** Milliseconds after the first failure; each further failure doubles it, up to 60 times. */
  readonly firstWaitMs?: number;
  /** The least milliseconds for a full batch: catching up must not take all of a process that has other work. */
  readonly batchMs?: number;
  /** Milliseconds between checks for new records. */
  readonly lookMs?: number;
}

interface Waiting {
  readonly message: Buffer;
  readonly position: Position;
  /** ISO 8601 time of the record. */
  readonly time: string;
}

/** The most of one log that is held in memory and sent at once. */
const MOST_RECORDS = 2_000;
const MOST_BYTES = 1024 * 1024;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT = 60;
const LOOK_MS = 1_000;

export class Forwarder {
  private readonly queues: Queue[];
  private readonly ended: Promise<void>;
  private readonly stopping = new AbortController();
  private readonly cutting = new AbortController();
  private failures = 0;
  private known = false;
  /** Records at once: halved by each failure, as a slow collector must be able to accept them in time. */
  private most = MOST_RECORDS;
  /** The collector has called more than this too much. */
  private ceiling = MOST_RECORDS;

  constructor(private readonly options: ForwarderOptions) {
    const breath = new LoopYield();
    this.queues = options.logs.map((log) => new Queue(log, options, () => breath.take()));
    this.ended = this.run();
  }

  /** Age of the oldest record that was not accepted, in seconds; 0 if there is none. */
  lag(now: number): number {
    return Math.max(0, ...this.queues.map((queue) => queue.waits(now))) / 1000;
  }

  /** Records written by now are still sent, for this time, unless the collector fails. */
  async stop(withinMs: number): Promise<void> {
    this.stopping.abort();
    const cut = setTimeout(() => this.cutting.abort(), withinMs);
    await this.ended;
    clearTimeout(cut);
  }

  private async run(): Promise<void> {
    const { firstWaitMs = FIRST_WAIT_MS, lookMs = LOOK_MS } = this.options;
    for (;;) {
      const isLast = this.stopping.signal.aborted;
      const outcome = await this.round();
      this.save();
      if (this.cutting.signal.aborted || (isLast && outcome !== 'sent')) break;
      if (outcome === 'failed') await this.pause(firstWaitMs * Math.min(LONGEST_WAIT, 2 ** (this.failures - 1)));
      if (outcome === 'nothing new') await this.pause(lookMs);
    }
    for (const queue of this.queues) await queue.close();
  }

  /** Sends one batch from each log. */
  private async round(): Promise<'sent' | 'failed' | 'nothing new'> {
    const { batchMs = 0 } = this.options;
    let sent = false;
    for (const queue of this.queues) {
      const begun = performance.now();
      try {
        const count = await this.pass(queue);
        sent ||= count > 0;
        if (count === MOST_RECORDS) await this.pause(batchMs - (performance.now() - begun));
      } catch (error) {
        // Further logs would fail as well.
        return this.fail(error, queue) ? 'failed' : 'sent';
      }
    }
    return sent ? 'sent' : 'nothing new';
  }

  private async pass(queue: Queue): Promise<number> {
    const { collector, positions } = this.options;
    const batch = await queue.first(this.most);
    if (batch.length === 0) return 0;
    const messages = batch.map(({ message }) => message);
    await collector.deliver(messages, this.known, this.cutting.signal);
    queue.taken(batch.length, positions);
    this.succeed();
    return batch.length;
  }

  private succeed(): void {
    if (this.failures > 0) this.options.log.info('the decision log is forwarded again');
    this.failures = 0;
    this.known = true;
    this.most = Math.min(this.ceiling, this.most * 2);
  }

  /** False if it was only too much at once. */
  private fail(error: unknown, queue: Queue): boolean {
    const tried = Math.min(this.most, queue.length);
    this.most = Math.max(1, Math.floor(tried / 2));
    if (isTooMuch(error) && tried > 1) {
      this.ceiling = this.most;
      return false;
    }
    this.known = false;
    if (this.cutting.signal.aborted) return true;
    this.failures += 1;
    // Logged once, not at each attempt.
    if (this.failures === 1)
      this.options.log.error({ err: error, ...queue.place() }, 'the decision log cannot be forwarded; it waits');
    return true;
  }

  private async pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    await wait(ms, undefined, { ref: false, signal: this.stopping.signal }).catch(() => {});
  }

  private save(): void {
    try {
      this.options.positions.save();
    } catch (error) {
      this.options.log.error({ err: error }, 'it cannot be written how far the decision log was forwarded');
    }
  }
}

/** What was read of one log and not accepted yet. */
class Queue {
  private readonly source: RecordStream;
  private readonly waiting: Waiting[] = [];
  private bytes = 0;

  constructor(
    private readonly log: string,
    private readonly options: ForwarderOptions,
    private readonly breathe: () => Promise<void>,
  ) {
    const { positions, log: operators } = options;
    this.source = new RecordStream(log, positions.of(basename(log)), {
      lost: (from, until) =>
        operators.error({ log, from, until }, 'records of the decision log were gone before they could be forwarded'),
      said: (message) => operators.error(message),
    });
  }

  async first(most: number): Promise<readonly Waiting[]> {
    while (this.waiting.length < most && this.bytes < MOST_BYTES) {
      const entry = await this.source.next(this.breathe);
      if (!entry) break;
      const message = this.options.collector.message(entry);
      this.bytes += message.length;
      this.waiting.push({ message, position: entry.position, time: String(entry.record.time) });
    }
    return this.waiting.slice(0, most);
  }

  taken(count: number, positions: Positions): void {
    const taken = this.waiting.splice(0, count);
    for (const { message } of taken) this.bytes -= message.length;
    const last = taken.at(-1);
    if (last) positions.set(basename(this.log), last.position);
  }

  get length(): number {
    return this.waiting.length;
  }

  /** How long the first record has been waiting, in milliseconds; 0 if none waits. */
  waits(now: number): number {
    const [first] = this.waiting;
    return first ? now - Date.parse(first.time) : 0;
  }

  /** For the operator: the first record that waits. */
  place(): object {
    return { log: this.log, seq: this.waiting[0]?.position.seq };
  }

  close(): Promise<void> {
    return this.source.close();
  }
}

/** Yields to other work in the process: 2 ms of rest after each 2 ms of work. */
const MOMENT_MS = 2;

class LoopYield {
  private begun = performance.now();

  /** Call often. */
  async take(): Promise<void> {
    if (performance.now() - this.begun < MOMENT_MS) return;
    await wait(MOMENT_MS, undefined, { ref: false });
    this.begun = performance.now();
  }
}
