/** Calls on the accounts in Redis. */
import { randomUUID } from 'node:crypto';
import type { LeaseClaim, LeaseGrant, LeaseReturn } from '../../../metering/budget-store.ts';
import { CalendarDays } from '../../../metering/days.ts';
import type { Ceiling, Measure, Owner, WindowOfMeasure } from '../../../metering/measure.ts';
import type { Sightings } from '../../../metering/sightings.ts';
import { windowKey } from '../../../metering/window-slots.ts';
import { type RedisConnection, script } from './connection.ts';
import { ACCOUNTS_SCRIPT, DONE_KEPT_MS } from './script.ts';

/** One operation of the script, on one account. */
export interface Operation {
  readonly owner: Owner;
  readonly measure: Measure;
  readonly says: { readonly run: 'take' | 'back' | 'saw' | 'known' | 'used' } & Readonly<Record<string, unknown>>;
}

/** The clock of a server is known as well as this. */
const CLOCK_MS = 1_000;
const ACCOUNTS = script(ACCOUNTS_SCRIPT);
/** The days before and after `around` that are sent to the server, which counts by its own clock. */
const DAYS_AROUND = 2;

export class RedisAccounts {
  private readonly days: CalendarDays;
  private readonly doneKey = `rowgate:done:${randomUUID()}`;
  private lastCall = 0;
  /** The last call that was answered, and when. */
  private heard = { call: 0, at: 0 };
  /** What was granted until then was granted by a server that is gone with it. */
  private lostAt = Number.NEGATIVE_INFINITY;
  /** The day in the middle of those that were computed last. */
  private around = Number.NaN;
  private told: readonly (readonly [number, number])[] = [];

  constructor(
    private readonly connection: RedisConnection,
    timeZone: string,
    /** By the server's clock. */
    private readonly now: () => number,
    /** The server may have lost what it granted or counted last. */
    private readonly lost: () => void,
  ) {
    this.days = new CalendarDays(timeZone);
  }

  async take(claims: readonly LeaseClaim[]): Promise<LeaseGrant[]> {
    const operations = claims.map(({ owner, measure, ceilings, want }) => ({
      owner,
      measure,
      says: { run: 'take' as const, want, ceilings: ceilings.map(ceilingOf) },
    }));
    const answers = (await this.run(operations)) as readonly [number, number, readonly number[]][];
    return answers.map(([granted, at, used]) => ({ granted, at, used }));
  }

  async known(
    owner: Owner,
    measure: Measure,
    windows: readonly WindowOfMeasure[],
    keys: readonly string[],
  ): Promise<boolean[]> {
    const says = { run: 'known' as const, windows: windows.map(windowKey), keys };
    const [answer] = (await this.run([{ owner, measure, says }])) as readonly (readonly number[])[];
    return (answer ?? []).map((known) => known === 1);
  }

  async used(owner: Owner, measure: Measure, windows: readonly WindowOfMeasure[]): Promise<readonly number[]> {
    const says = { run: 'used' as const, windows: windows.map(windowKey) };
    const [answer] = (await this.run([{ owner, measure, says }])) as readonly (readonly number[])[];
    return answer ?? [];
  }

  /** Undefined: there is nothing to give back. */
  back({ owner, measure, amount, at }: LeaseReturn): Operation | undefined {
    return this.isLost(at) ? undefined : { owner, measure, says: { run: 'back', amount, at } };
  }

  saw(owner: Owner, measure: Measure, windows: readonly WindowOfMeasure[], { hashes, at }: Sightings): Operation {
    const runs = at.map(([count, instant]) => [count, instant > 0 && this.isLost(instant) ? -instant : instant]);
    return { owner, measure, says: { run: 'saw', windows: windows.map(windowKey), sightings: { hashes, at: runs } } };
  }

  /**
   * INVARIANT 236: a server that has lost the last moments, as a replica that takes over, does not count what they granted: given back, it would free what
   * others have spent.
   */
  private isLost(grantedAt: number): boolean {
    return grantedAt <= this.lostAt;
  }

  /** `batch`: higher than all earlier ones; a batch that was already applied is not applied again. */
  async run(operations: readonly Operation[], batch = 0): Promise<unknown> {
    this.lastCall += 1;
    const call = this.lastCall;
    const at = this.now();
    // By then the server may have forgotten a guard that had nothing to ask.
    if (at - this.heard.at > DONE_KEPT_MS / 2) this.forget(at);
    try {
      const answer = await this.call(operations, batch, call);
      this.heard = { call: Math.max(this.heard.call, call), at: Math.max(this.heard.at, at) };
      return answer;
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('LOST'))) throw error;
      this.lostAt = this.now() + CLOCK_MS;
      this.forget(at);
      // A batch is to be made anew.
      if (batch > 0) throw error;
      return await this.run(operations);
    }
  }

  private forget(at: number): void {
    this.heard = { call: 0, at };
    this.lost();
  }

  private call(operations: readonly Operation[], batch: number, call: number): Promise<unknown> {
    const keys = operations.flatMap(({ owner, measure }) => [
      `rowgate:account:${measure} ${owner}`,
      `rowgate:people:${measure} ${owner}`,
    ]);
    const ops = operations.map(({ says }) => says);
    const argument = JSON.stringify({ days: this.daysNow(), call, heard: this.heard.call, batch, ops });
    return this.connection.script(ACCOUNTS, [this.doneKey, ...keys], argument);
  }

  private daysNow(): readonly (readonly [number, number])[] {
    const today = this.days.dayOf(this.now());
    if (today !== this.around) {
      this.around = today;
      const numbers = Array.from({ length: 2 * DAYS_AROUND + 2 }, (_, i) => today - DAYS_AROUND + i);
      this.told = numbers.map((day) => [day, this.days.startOf(day)]);
    }
    return this.told;
  }
}

/** An absent limit must be left out: null would be a value in Lua. */
function ceilingOf({ window, limit }: Ceiling): readonly [string, number?] {
  return limit === undefined ? [windowKey(window)] : [windowKey(window), limit];
}
