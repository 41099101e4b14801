/** Tests that no client delays others: one pours a flood into a guard, while the `select 1` of another is timed. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Received } from '../session/peer.ts';
import { ENDS, type Flood, MESSAGES, strangers, TEXTS, type Wave } from './floods.ts';
import { clientHello, FLOODERS, type Flooder, slowness, startWorld, type Waited, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 120_000);
afterAll(() => world?.stop());

const SLOWNESS = slowness();
/** Milliseconds of the guard's work in which its event loop may not turn, on the machine of the figures. A question and its answer may meet one such stretch each. */
const MOST = 50 * SLOWNESS;
/** Other load on the machine comes and goes; a stall of the guard happens each time. */
const TRIES = 6;
const WINDOW_MS = process.env.ROWGATE_LONG === '1' ? 700 : 400;
/** Milliseconds of work, at most, while a guard answers `select 1` and does nothing else. */
const QUIET_MS = 3 * SLOWNESS;
/** The number of windows that are waited for at most: on a busy machine each question may cost more. */
const UNTIL_QUIET = 50;

async function pour(socket: Socket, flood: Flood): Promise<void> {
  socket.resume();
  for (let round = 0; !socket.destroyed; round += 1) {
    const drained = socket.write(flood(round)) || once(socket, 'drain');
    await Promise.race([drained, once(socket, 'close')]).catch(() => {});
    // Where the guard reads as fast as this writes, the socket drains at once, and nothing else would run here.
    await setImmediate();
  }
}

async function waitedDuring(floods: readonly Flood[], as: Flooder): Promise<Waited[]> {
  const sockets = await Promise.all(floods.map(() => world.client(as)));
  for (const socket of sockets) socket.setMaxListeners(0);
  const pouring = sockets.map((socket, at) => pour(socket, floods[at]!));
  try {
    return await watched();
  } finally {
    for (const socket of sockets) socket.destroy();
    await Promise.all(pouring);
  }
}

/** Until it is not noticed, or seen to be noticed each time. */
async function watched(): Promise<Waited[]> {
  const waits: Waited[] = [];
  do waits.push(await world.wait(WINDOW_MS));
  while (waits.length < TRIES && !isUnnoticed(waits.at(-1)!));
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
    return await watched();
  } finally {
    over = true;
    await sending;
  }
}

function isUnnoticed({ worked, turn }: Waited): boolean {
  return turn <= MOST && worked <= 2 * MOST;
}

/** Nothing but the question was worked on. */
function isQuiet(waits: readonly Waited[]): boolean {
  const last = waits.at(-1);
  return last !== undefined && last.worked < QUIET_MS;
}

const most = (waits: readonly Waited[], of: keyof Waited): number => Math.max(...waits.map((one) => one[of]));

const OPTIONS = { timeout: 300_000 };

describe.each(FLOODERS)('a flood of messages by a role %s', (_how, as) => {
  test.each(Object.entries(MESSAGES))('%s', OPTIONS, async (_, flood) => {
    const waits = await waitedDuring([flood], as);
    expect(waits, JSON.stringify(waits)).toSatisfy((all: Waited[]) => isUnnoticed(all.at(-1)!));
  });

  test('by ten connections at once', OPTIONS, async () => {
    const floods = Object.values(MESSAGES).slice(0, 10);
    const waits = await waitedDuring(floods, as);
    expect(waits, JSON.stringify(waits)).toSatisfy((all: Waited[]) => isUnnoticed(all.at(-1)!));
  });
});

describe.each(FLOODERS)('a flood of long texts by a role %s', (_how, as) => {
  test.each(Object.entries(TEXTS))('%s', OPTIONS, async (_, flood) => {
    const waits = await waitedDuring([flood], as);
    expect(waits, JSON.stringify(waits)).toSatisfy((all: Waited[]) => isUnnoticed(all.at(-1)!));
  });
});

/** Watches until the flood is answered, or until the guard has nothing more to do for a client that has left. */
async function waitedToTheEnd(sent: Uint8Array, leaves: boolean, as: Flooder): Promise<Waited> {
  const socket = await world.client(as);
  const received = new Received();
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  socket.on('close', () => received.close());
  const waits: Waited[] = [];
  const watch = async () => waits.push(await world.wait(100));
  socket.write(sent);
  if (leaves) {
    // It has read all by then.
    while (!isQuiet(waits) && waits.length < UNTIL_QUIET) await watch();
    socket.destroy();
    waits.length = 0;
  }
  const isOver = () => received.closed && (isQuiet(waits) || waits.length >= UNTIL_QUIET);
  while (received.ready === 0 && !isOver()) await watch();
  await watch();
  return { ...waits[0]!, worked: most(waits, 'worked'), turn: most(waits, 'turn') };
}

describe.each(FLOODERS)('the end of a flood by a role %s', (_how, as) => {
  test.each(Object.entries(ENDS))('%s', OPTIONS, async (_, { sent, leaves = false }) => {
    const waits: Waited[] = [];
    do waits.push(await waitedToTheEnd(sent, leaves, as));
    while (waits.length < TRIES && !isUnnoticed(waits.at(-1)!));
    expect(waits, JSON.stringify(waits)).toSatisfy((all: Waited[]) => isUnnoticed(all.at(-1)!));
  });
});

describe('a flood by clients that have not logged in', async () => {
  const waves = strangers(await clientHello());

  test.each(Object.entries(waves))('%s', OPTIONS, async (_, wave) => {
    const waits = await waitedDuringWaves(wave);
    expect(waits, JSON.stringify(waits)).toSatisfy((all: Waited[]) => isUnnoticed(all.at(-1)!));
  });
});
