/**
 * Tests the worst days of a state that two guards share in Redis: it is killed, stands still, is slow, full, or out of reach of one of them. `npm run
 * reliability` does it in full and writes ../worst-days.md.
 */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { describeWith, tool } from '../../support/tools.ts';
import type { Served } from '../../workers/served.ts';
import { writeSection } from '../figures.ts';
import { ms } from '../trials.ts';
import { check, HEAD, row } from './figures.ts';
import { type Link, startLink } from './link.ts';
import { SCALE } from './scale.ts';
import { type LimitUsage, openStand } from './stand.ts';
import { type Outcome, trial } from './trial.ts';

const program = tool('valkey-server');
const MINUTE = { timeout: 300_000 };
/** A table without one of them is not written. */
const TRIALS = 8;

/** Two guards, each with a way of its own to one Redis. */
interface Fleet {
  readonly redis: TestRedis;
  readonly links: readonly Link[];
  readonly guards: Served[];
  stop(): Promise<void>;
}

describeWith(program)('two guards that share a Redis', () => {
  let stand: LimitUsage;
  let fleet: Fleet;
  const rows: string[][] = [];

  beforeAll(async () => {
    stand = await openStand();
    fleet = await openFleet(stand);
  });
  afterAll(async () => {
    if (SCALE.full && rows.length === TRIALS) writeSection('state in redis', HEAD, rows);
    await stand?.stop();
    await fleet?.stop();
  });

  const during = (of: Fleet, trouble: () => unknown, end: () => unknown): Promise<Outcome> =>
    trial({ stand, guards: of.guards, locks: true, trouble: async () => trouble(), end: async () => end() });

  test('it is killed, and started again with its append-only file', MINUTE, async () => {
    const { redis } = fleet;
    const outcome = await during(
      fleet,
      () => redis.kill(),
      () => redis.start(),
    );
    check(outcome, { losses: 2 });
    rows.push(row('killed (SIGKILL), and started again with its append-only file', outcome, lockedLate(outcome)));
  });

  test('it is killed, and started again without persistence', MINUTE, async () => {
    const forgetful = await openFleet(stand, '--appendonly', 'no');
    const { redis, guards } = forgetful;
    try {
      const outcome = await during(
        forgetful,
        () => redis.kill(),
        () => redis.start(),
      );
      check(outcome, { losses: 2, lives: 2 });
      for (const { output } of guards) expect(output.stderr + output.stdout).toContain('its appendonly is no');
      rows.push(
        row(
          'killed, and started again without persistence (`appendonly no`)',
          outcome,
          `what was taken is forgotten: budgets start again; ${lockedLate(outcome)}`,
        ),
      );
    } finally {
      await forgetful.stop();
    }
  });

  test('it stands still', MINUTE, async () => {
    const { redis } = fleet;
    const outcome = await during(
      fleet,
      () => redis.signal('SIGSTOP'),
      () => redis.signal('SIGCONT'),
    );
    check(outcome, { losses: 2 });
    rows.push(row(`stands still (SIGSTOP) for ${ms(SCALE.troubleMs)}`, outcome, lockedLate(outcome)));
  });

  test.each(SCALE.full ? [5, 50, 500] : [50])('each of its answers comes %d ms late', MINUTE, async (late) => {
    const delay = (by: number) => fleet.links.map((link) => link.delay(by));
    const outcome = await during(
      fleet,
      () => delay(late),
      () => delay(0),
    );
    check(outcome, { losses: 0 });
    expect(outcome.meanwhile.refused.size, 'refused though it answers').toBe(0);
    const answered = outcome.meanwhile.answered.reduce((sum, n) => sum + n, 0);
    // More than what was taken ahead.
    if (SCALE.full) expect(answered, 'answered').toBeGreaterThan(200);
    const { there } = outcome.locks!;
    rows.push(
      row(
        `each answer ${late} ms late, for ${ms(SCALE.troubleMs)}`,
        outcome,
        `the slowest statement took ${ms(outcome.meanwhile.slowest)}; a lock meanwhile is seen by the other after ${ms(there)}`,
      ),
    );
  });

  test('it is full', MINUTE, async () => {
    const client = new Redis(fleet.redis.url);
    const full = (maxmemory: string) => client.config('SET', 'maxmemory', maxmemory);
    const outcome = await during(
      fleet,
      () => full('1'),
      () => full('0'),
    );
    client.disconnect();
    check(outcome, { losses: 2 });
    rows.push(row(`full (\`maxmemory\`, \`noeviction\`) for ${ms(SCALE.troubleMs)}`, outcome, lockedLate(outcome)));
  });

  test('one of the guards is cut off from it', MINUTE, async () => {
    const [, link] = fleet.links;
    const outcome = await during(
      fleet,
      () => link!.cut(),
      () => link!.mend(),
    );
    check(outcome, { losses: 1 });
    const [here = 0, there = 0] = outcome.meanwhile.answered;
    rows.push(
      row(
        `one guard cut off from Redis for ${ms(SCALE.troubleMs)}: packets are dropped`,
        outcome,
        `the other answered ${here} of them, the one cut off ${there}; ${lockedLate(outcome)}`,
      ),
    );
  });
});

function lockedLate({ locks }: Outcome): string {
  const { here, thereAfterEnd, said } = locks!;
  return `a lock by hand meanwhile (the command: ${said}) holds at its guard after ${ms(here)}, at the other ${ms(Math.max(0, thereAfterEnd))} after the end`;
}

async function openFleet(stand: LimitUsage, ...settings: string[]): Promise<Fleet> {
  const redis = await startRedis(program.path!, ...settings);
  const links = await Promise.all([1, 2].map(() => startLink(Number(new URL(redis.url).port))));
  const guards = await Promise.all(links.map(({ port }) => stand.guard(`state: "redis://127.0.0.1:${port}"`)));
  return {
    redis,
    links,
    guards,
    async stop() {
      await Promise.all(guards.map((guard) => guard.stop()));
      await Promise.all(links.map((link) => link.stop()));
      await redis.remove();
    },
  };
}
