/** The live page: what goes on now, pushed. Bounded: what comes faster than a page can show is counted and left out. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { type DecisionsEvent, decisionsEvent, type streamFilter } from './api/decisions.ts';
import { now as nowSchema } from './api/now.ts';
import type { Decision } from './decision.ts';
import type { LogTail } from './log-tail.ts';
import type { WhatIsNow } from './now.ts';
import { ConsoleProblem } from './problem.ts';

const DECISIONS_MS = 500;
/** Of `DECISIONS_MS`, between two pictures of all that goes on. */
const NOW_EVERY = 4;
const MOST_AT_ONCE = 100;
const LONGEST_TEXT = 2_000;
const MOST_STREAMS = 100;

export class Streams {
  private open = 0;

  constructor(
    private readonly now: WhatIsNow,
    private readonly tail: LogTail,
    private readonly log: Logger,
  ) {}

  answer(context: Context, filter: z.output<typeof streamFilter>, signal: AbortSignal): Response {
    if (this.open >= MOST_STREAMS) throw new ConsoleProblem('too-many', 'too many pages look on at once');
    this.open += 1;
    const run = async (stream: SSEStreamingApi): Promise<void> => {
      const coming = new Coming(filter);
      const leave = this.tail.hear((decision) => coming.add(decision));
      try {
        await this.send(stream, coming, signal);
      } finally {
        leave();
        this.open -= 1;
      }
    };
    return streamSSE(context, run, async (error) => this.log.error({ err: error }, 'the live page ended'));
  }

  /** Who reads slowly is sent less, and nothing is kept for them but the last of it. */
  private async send(stream: SSEStreamingApi, coming: Coming, signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted && !stream.aborted && !stream.closed; turn++) {
      if (turn % NOW_EVERY === 0) await write(stream, 'now', nowSchema.parse(await this.now.shown()));
      const event = coming.take((id) => this.tail.decision(id));
      if (event) await write(stream, 'decisions', decisionsEvent.parse(event));
      await sleep(DECISIONS_MS, undefined, { signal }).catch(() => {});
    }
  }
}

function write(stream: SSEStreamingApi, event: string, data: unknown): Promise<void> {
  return stream.writeSSE({ event, data: JSON.stringify(data) });
}

/** What came since it was last sent: the newest, and how many had no room. */
export class Coming {
  private ids: string[] = [];
  private dropped = 0;

  constructor(private readonly filter: z.output<typeof streamFilter>) {}

  add({ id, principal, role, effect, would }: Decision): void {
    const { filter } = this;
    if (filter.principal !== undefined && filter.principal !== principal) return;
    if (filter.role !== undefined && filter.role !== role) return;
    if (filter.effect !== undefined && filter.effect !== effect && filter.effect !== would) return;
    if (this.ids.length >= 2 * MOST_AT_ONCE) this.shorten();
    this.ids.push(id);
  }

  /** Undefined if nothing came. `known`: returns the decision with its outcome, if that has come. */
  take(known: (id: string) => Decision | undefined): DecisionsEvent | undefined {
    this.shorten();
    const decisions = this.ids.flatMap((id) => known(id) ?? []);
    const dropped = this.dropped + this.ids.length - decisions.length;
    this.ids = [];
    this.dropped = 0;
    if (decisions.length + dropped === 0) return undefined;
    return {
      decisions: decisions.map(({ statement, ...decision }) => ({
        ...decision,
        ...(statement !== undefined && {
          statement: statement.length > LONGEST_TEXT ? `${statement.slice(0, LONGEST_TEXT)}…` : statement,
        }),
      })),
      dropped,
    };
  }

  private shorten(): void {
    const over = this.ids.length - MOST_AT_ONCE;
    if (over <= 0) return;
    this.ids.splice(0, over);
    this.dropped += over;
  }
}
