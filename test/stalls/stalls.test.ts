/** No client holds up others: one pours a flood into a guard, and another one's `select 1` is timed. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Flood, MESSAGES, TEXTS } from './floods.ts';
import { startWorld, type Waited, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 120_000);
afterAll(() => world?.stop());

/** Milliseconds of the guard's work in which its event loop may not turn. A question and its answer may meet one such stretch each. */
const MOST = 50;
/** The same where one text takes long: on a machine that is busy the same work takes twice the processor time, and code is compiled first. */
const MOST_OF_ONE_TEXT = 150;
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
  const waits: Waited[] = [];
  try {
    do waits.push(await world.wait(WINDOW_MS));
    while (waits.length < TRIES && !isUnnoticed(waits.at(-1)!, most));
  } finally {
    for (const socket of sockets) socket.destroy();
    await Promise.all(pouring);
  }
  return waits;
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
  test.each(Object.entries(TEXTS))('%s', OPTIONS, async (_, flood) => {
    const waits = await waitedDuring([flood], MOST_OF_ONE_TEXT);
    expect(waits, JSON.stringify(waits)).toSatisfy((all: Waited[]) => isUnnoticed(all.at(-1)!, MOST_OF_ONE_TEXT));
  });
});
