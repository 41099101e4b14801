/** A trial of the state: clients page through people, the state fails and recovers, and in the end the rest of the budget is taken. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../proxy/support.ts';
import type { Served } from '../../workers/served.ts';
import { quiet } from '../trials.ts';
import { takeTheRest } from './exhaust.ts';
import { Pagers, type Tally } from './pagers.ts';
import { SCALE } from './scale.ts';
import { type LimitUsage, lock, release, type Used, usedOf, watchLock } from './stand.ts';

export interface Ordeal {
  readonly stand: LimitUsage;
  /** The present guards; a trial may replace one. */
  readonly guards: Served[];
  /** Also those that have ended. */
  readonly accounts?: () => readonly Served[];
  /** Resolves when it has begun. */
  trouble(pagers: Pagers): Promise<unknown>;
  /** Resolves when it is over. */
  end(): Promise<unknown>;
  /** An operator sets a lock in the middle of it. */
  readonly locks?: boolean;
}

export interface Outcome {
  readonly meanwhile: Tally;
  readonly after: Tally;
  /** Milliseconds from the end of the trouble until each guard has served a statement that was asked since. */
  readonly back: number;
  /** The amounts that the clients received. */
  readonly left: Used;
  /** What was charged and reached no client, before the rest was taken. */
  readonly over: Used;
  readonly lost: number;
  readonly wrong: number;
  readonly leaked: number;
  /** How often one guard said that the store is back. */
  readonly alarms: number;
  readonly locks?: LockTimes;
}

/** Milliseconds. */
export interface LockTimes {
  /** From the lock in the middle of the trouble until it held at the guard that was told. */
  readonly here: number;
  /** From the lock, and from the end of the trouble, until it held at the other one. */
  readonly there: number;
  readonly thereAfterEnd: number;
  /** Milliseconds from a lock in quiet times until it held at the other guard; undefined for a single one. */
  readonly calm: number | undefined;
  /** The command's output in the middle of the trouble. */
  readonly said: string;
}

/** The leases are given back, and seen people are reported. */
const SETTLED_MS = 1_700;

export async function trial({ stand, guards, accounts, trouble, end, locks }: Ordeal): Promise<Outcome> {
  const principal = stand.newPager();
  const pagers = new Pagers(() => guards.map((guard) => guard.url(principal)));
  const before = guards.map(backs);
  pagers.start();
  await worked(pagers);
  const watched = locks ? await Promise.all(guards.map(watchLock)) : [];
  const meanwhile = pagers.mark();
  await trouble(pagers);
  await sleep(SCALE.troubleMs / 2);
  const lockedAt = performance.now();
  const reply = locks ? await lock(guards[0]!) : undefined;
  await sleep(Math.max(0, SCALE.troubleMs / 2 - (performance.now() - lockedAt)));
  await end();
  const after = pagers.mark();
  const endedAt = performance.now();
  await eventually(() => guards.every((_, i) => after.first[i] !== undefined), 'each guard serves again');
  await sleep(SCALE.workMs);
  const ended = await Promise.all(watched.map((session) => session.ended));
  const calm = locks && guards.length > 1 ? await lockInQuiet(guards) : undefined;
  const lost = await pagers.stop();
  await sleep(SETTLED_MS);
  const used = await usedOf(guards[0]!, principal);
  const over = minus(used, leftOf(pagers));
  pagers.mark();
  await takeTheRest(pagers, guards.length);
  let leaked = 0;
  for (const guard of accounts?.() ?? guards) leaked += await quiet(stand.database, guard);
  return {
    meanwhile,
    after,
    back: Math.max(...after.first),
    left: leftOf(pagers),
    over,
    lost,
    wrong: pagers.wrong,
    leaked,
    alarms: Math.max(...guards.map((guard, i) => backs(guard) - (before[i] ?? 0))),
    ...(reply && {
      locks: {
        here: (ended[0] ?? Number.NaN) - lockedAt,
        there: (ended[1] ?? Number.NaN) - lockedAt,
        thereAfterEnd: (ended[1] ?? Number.NaN) - endedAt,
        calm,
        said: reply.ok ? 'done' : reply.error.kind,
      },
    }),
  };
}

/** Waits until there was work for a while, however busy the machine is. */
export async function worked(pagers: Pagers): Promise<void> {
  const enough = pagers.answered + 3 * SCALE.clients;
  await sleep(SCALE.workMs);
  await eventually(() => pagers.answered >= enough, 'there is work');
}

/** Releases who is locked out; the second guard locks them out again. @returns after how many milliseconds that held at the first one. */
async function lockInQuiet(guards: readonly Served[]): Promise<number> {
  const [first, second] = guards;
  if (!first || !second) throw new Error('there is no guard');
  expect(await release(second)).toMatchObject({ ok: true });
  let session: Awaited<ReturnType<typeof watchLock>> | undefined;
  await eventually(async () => {
    session = await watchLock(first).catch(() => undefined);
    return session !== undefined;
  }, 'who was released is let in');
  const lockedAt = performance.now();
  expect(await lock(second)).toMatchObject({ ok: true });
  const seen = (await session?.ended) ?? Number.NaN;
  expect(await release(first)).toMatchObject({ ok: true });
  return seen - lockedAt;
}

function backs({ output }: Served): number {
  return output.stdout.concat(output.stderr).split('the store of the budgets is back').length - 1;
}

function leftOf({ people, rows, answered }: Pagers): Used {
  return { people: people.size, rows, statements: answered };
}

function minus(one: Used, other: Used): Used {
  return {
    people: one.people - other.people,
    rows: one.rows - other.rows,
    statements: one.statements - other.statements,
  };
}
