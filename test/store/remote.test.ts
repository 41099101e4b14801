/** Tests workers that ask their primary for the state: two of them, with one store, over slow messages. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { memoryStore } from '../../src/budget/store/memory.ts';
import { StoreUnavailable } from '../../src/metering/budget-store.ts';
import { CalendarDays } from '../../src/metering/days.ts';
import { exceptionsState } from '../../src/metering/exceptions.ts';
import { KnownSubjects } from '../../src/metering/known-subjects.ts';
import { Lease } from '../../src/metering/lease.ts';
import { Leases } from '../../src/metering/leases.ts';
import type { Measure } from '../../src/metering/measure.ts';
import { Channel, type ChannelHandlers } from '../../src/operations/workers/channel.ts';
import type { ToPrimary, ToWorker } from '../../src/operations/workers/messages.ts';
import { type RemoteStore, remoteStore } from '../../src/operations/workers/remote-store.ts';
import { storeHandlers } from '../../src/operations/workers/worker-process.ts';
import { hashesOf, seen } from '../support/people.ts';
import { contract, newOwner } from './contract.ts';

const PUPILS: Measure = 'subjects.student';

let now = Date.now();
const store = memoryStore({ timeZone: 'Europe/Paris', now: () => now });

interface Worker {
  readonly store: RemoteStore;
  /** Passed so far, either way, and their characters. */
  messages(): number;
  characters(): number;
  end(): void;
}

function worker(): Worker {
  let messages = 0;
  let characters = 0;
  // As Node passes them: as JSON, later, in order.
  const pass = (to: () => { receive(message: unknown): void }) => (packet: object) => {
    messages += 1;
    const text = JSON.stringify(packet);
    characters += text.length;
    setImmediate(() => to().receive(JSON.parse(text)));
  };
  const primary: Channel<ToWorker, ToPrimary> = new Channel<ToWorker, ToPrimary>(
    pass(() => channel),
    storeHandlers(store) as ChannelHandlers<ToPrimary>,
  );
  const heard = (exceptions: ToWorker['exceptions']['says']): null => {
    remote.heard(exceptions);
    return null;
  };
  const heardLogouts = (logouts: ToWorker['logouts']['says']): null => {
    remote.heardLogouts(logouts);
    return null;
  };
  const channel = new Channel<ToPrimary, ToWorker>(
    pass(() => primary),
    { exceptions: heard, logouts: heardLogouts } as ChannelHandlers<ToWorker>,
  );
  const remote = remoteStore(channel, exceptionsState(store.exceptions()), 0);
  store.onExceptions(() => primary.tell('exceptions', exceptionsState(store.exceptions())));
  store.onLogout((logouts) => primary.tell('logouts', logouts));
  return { store: remote, messages: () => messages, characters: () => characters, end: () => channel.close() };
}

const first = worker();
const second = worker();
contract('remote', () => ({
  store: first.store,
  other: second.store,
  pass: (ms) => {
    now += ms;
  },
}));

it('what a worker was granted stays counted when it dies, and one without its primary is granted nothing', async () => {
  const dying = worker();
  const owner = newOwner();
  const claim = {
    owner,
    measure: 'rows' as const,
    ceilings: [{ window: { count: 1, unit: 'hour' as const }, limit: 10 }],
    want: 6,
  };
  expect(await dying.store.take([claim])).toMatchObject([{ granted: 6 }]);
  dying.end();
  expect(await first.store.take([claim])).toMatchObject([{ granted: 4 }]);
  await expect(dying.store.take([claim])).rejects.toThrow(StoreUnavailable);
  await expect(dying.store.known(owner, 'rows', [], [])).rejects.toThrow(StoreUnavailable);
  await dying.store.close();
});

it('a worker hears that what it has seen is kept when the primary’s store keeps it, or that the primary has ended', async () => {
  const { store: remote, messages, end } = worker();
  const { saw } = store;
  let keep = (): void => {};
  store.saw = () =>
    new Promise((done) => {
      keep = done;
    });
  try {
    let kept = false;
    const told = Promise.resolve(remote.saw(newOwner(), PUPILS, [], seen(['a']))).then(() => {
      kept = true;
    });
    // The question has come.
    await expect.poll(messages).toBe(2);
    for (let i = 0; i < 5; i += 1) await turn();
    expect(kept).toBe(false);
    keep();
    await told;
    const lost = remote.saw(newOwner(), PUPILS, [], seen(['a']));
    end();
    await expect(lost).rejects.toThrow('the other process has ended');
  } finally {
    store.saw = saw;
  }
});

it('under every kind of limit not one statement in a hundred sends a message, also where each shows a new person', async () => {
  const { store: remote, messages, end } = worker();
  const owner = newOwner();
  const days = new CalendarDays('Europe/Paris');
  const lease = (measure: Measure, ahead: number, limit: number) =>
    new Lease(owner, measure, { ceilings: [{ window: { count: 1, unit: 'hour' }, limit }] }, ahead, days);
  // Taken ahead as `Meter` does.
  const statements = lease('statements', 1_000, 1_000_000);
  const rows = lease('rows', 1_000, 1_000_000);
  const bytes = lease('bytes', 1 << 20, 1e9);
  const people = lease('subjects.student', 1_000, 1_000_000);
  const all = [statements, rows, bytes, people];
  const failed = (error: unknown): never => {
    throw error;
  };
  const leases = new Leases({
    store: remote,
    now: () => performance.now(),
    wake: () => {},
    failed,
    beside: () => all,
  });
  const known = new KnownSubjects();
  const statement = (n: number): boolean =>
    leases.take([
      { lease: statements, need: 1 },
      { lease: rows, need: 1 },
      { lease: bytes, need: 60 },
      { lease: people, need: 0, people: { known, hashes: hashesOf([String(n)]) } },
    ]).kind === 'taken';
  const COUNT = 10_000;
  while (leases.look(all).kind === 'wait') await turn();
  for (let n = 0; n < COUNT; n += 1) {
    while (!statement(n)) await turn();
    if (n % 20 === 0) await turn();
  }
  leases.report(people, known);
  leases.sweep(all, true);
  expect(messages()).toBeLessThan(COUNT / 100);
  const used = all.map(({ measure, windows }) => remote.used(owner, measure, windows));
  expect(await Promise.all(used)).toEqual([[COUNT], [COUNT], [60 * COUNT], [COUNT]]);
  end();
});

it('the message of a logout does not grow with the number of logouts', async () => {
  const { store: remote, characters, end } = worker();
  const tokenOf = (i: number): string => `token ${String(i).padStart(37, '0')}`;
  const logOut = (from: number, to: number) =>
    Promise.all(Array.from({ length: to - from }, (_, i) => remote.logOut({ token: tokenOf(from + i), end: now })));
  const sent = async (from: number, to: number): Promise<number> => {
    const before = characters();
    expect(new Set(await logOut(from, to))).toEqual(new Set([true]));
    return (characters() - before) / (to - from);
  };
  const first = await sent(0, 100);
  for (let i = 100; i < 49_900; i += 300) await logOut(i, i + 300);
  // Numbers of messages have more digits then.
  expect(await sent(49_900, 50_000)).toBeLessThan(first + 20);
  expect([0, 25_000, 49_999].map((i) => remote.logouts.has(tokenOf(i)))).toEqual([true, true, true]);
  end();
});
