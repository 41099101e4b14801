/** No client holds up others: one pours a flood into a guard, and another one's `select 1` is timed. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Flood, MESSAGES, strangers, TEXTS, type Wave } from './floods.ts';
import { clientHello, startWorld, type Waited, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 120_000);
afterAll(() => world?.stop());

/** Milliseconds of the guard's work in which its event loop may not turn. A question and its answer may meet one such stretch each. */
const MOST = 50;
/** The same of a text of which one stage cannot be cut: the decisions on all statements of a message are recorded in one piece. */
const MOST_OF_ONE_TEXT: Readonly<Record<string, number>> = { 'many settings': 100 };
/** What keeps a machine busy comes and goes, what stalls the guard does so each time. */
const TRIES = 6;
const WINDOW_MS = 700;

async function pour(socket: Socket, flood: Flood): Promise<void> {
  socket.resume();
  for (let round = 0; !socket.destroyed; round += 1) {
    const drained = socket.write(flood(round)) || once(socket, 'drain');
    await Promise.race([drained, once(socket, 'close')]).catch(() => {});
    // Where the guard reads as fast as this writes, the socket drains at once, and nothing else would run here.
    await setImmediate();
  }
}

async function waitedDuring(floods: readonly Flood[], most: number): Promise<Waited[]> {
  const sockets = await Promise.all(floods.map(() => world.client()));
  for (const socket of sockets) socket.setMaxListeners(0);
  const pouring = sockets.map((socket, at) => pour(socket, floods[at]!));
  try {
    return await watched(most);
  } finally {
    for (const socket of sockets) socket.destroy();
    await Promise.all(pouring);
  }
}

/** Until it is not noticed, or seen to be noticed each time. */
async function watched(most: number): Promise<Waited[]> {
  const waits: Waited[] = [];
  do waits.push(await world.wait(WINDOW_MS));
  while (waits.length < TRIES && !isUnnoticed(waits.at(-1)!, most));
  return waits;
}

/** Milliseconds for which an answer is waited for at most, and for that of the last step, which may be held back for long. */
const [ANSWER_MS, LAST_ANSWER_MS] = [5_000, 100];

async function answered(socket: Socket, isLast: boolean): Promise<Buffer> {
  const signal = AbortSignal.timeout(isLast ? LAST_ANSWER_MS : ANSWER_MS);
  const events = [once(socket, 'data', { signal }), once(socket, 'close', { signal })];
  const [bytes] = await Promise.race(events).catch(() => []);
  return Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0);
}

async function sendWave({ many, steps }: Wave): Promise<void> {
  const sockets = Array.from({ length: many }, () => world.stranger());
  await Promise.all(sockets.map((socket) => once(socket, 'connect').catch(() => {})));
  let replies: Buffer[] = sockets.map(() => Buffer.alloc(0));
  for (const step of steps) {
    const waiting = sockets.map((socket) => answered(socket, step === steps.at(-1)));
    for (const [at, socket] of sockets.entries()) if (!socket.destroyed) socket.write(step(replies[at]!, at));
    replies = await Promise.all(waiting);
  }
  for (const socket of sockets) socket.destroy();
}

async function waitedDuringWaves(wave: Wave): Promise<Waited[]> {
  let over = false;
  const sending = (async () => {
    while (!over) await sendWave(wave);
  })();
  try {
    return await watched(MOST);
  } finally {
    over = true;
    await sending;
  }
}

function isUnnoticed({ worked, turn }: Waited, most: number): boolean {
  return turn <= most && worked <= 2 * most;
}

const OPTIONS = { timeout: 120_000 };

describe('a flood of messages', () => {
  test.each(Object.entries(MESSAGES))('%s', OPTIONS, async (_, flood) => {
    const waits = await waitedDuring([flood], MOST);
    expect(waits, JSON.stringify(waits)).toSatisfy((all: Waited[]) => isUnnoticed(all.at(-1)!, MOST));
  });

  test('by ten connections at once', OPTIONS, async () => {
    const floods = Object.values(MESSAGES).slice(0, 10);
    const waits = await waitedDuring(floods, MOST);
    expect(waits, JSON.stringify(waits)).toSatisfy((all: Waited[]) => isUnnoticed(all.at(-1)!, MOST));
  });
});

describe('a flood of long texts', () => {
  test.each(Object.entries(TEXTS))('%s', OPTIONS, async (name, flood) => {
    const most = MOST_OF_ONE_TEXT[name] ?? MOST;
    const waits = await waitedDuring([flood], most);
    expect(waits, JSON.stringify(waits)).toSatisfy((all: Waited[]) => isUnnoticed(all.at(-1)!, most));
  });
});

describe('a flood by clients that have not logged in', async () => {
  const waves = strangers(await clientHello());

  test.each(Object.entries(waves))('%s', OPTIONS, async (_, wave) => {
    const waits = await waitedDuringWaves(wave);
    expect(waits, JSON.stringify(waits)).toSatisfy((all: Waited[]) => isUnnoticed(all.at(-1)!, MOST));
  });
});
