/** Tests in which order sessions are served, with a clock of the test. */
import { expect, test } from 'vitest';
import { type SliceTaker, TimeSlices } from '../../src/server/time-slices.ts';

/** A process in which `work` takes the milliseconds that it says. */
function process() {
  let now = 0;
  const later: (() => void)[] = [];
  const served: string[] = [];
  const turns = new TimeSlices(
    () => now,
    (act) => later.push(act),
  );
  const work = (name: string, ms: number) => {
    served.push(name);
    now += ms;
  };
  return {
    turns,
    served,
    work,
    /** Has `pieces` to do, and gives way between two of them. */
    taker(principal: string, name: string, pieces: number[]): SliceTaker {
      const taker: SliceTaker = {
        sharesWith: principal,
        onTurn() {
          for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
            work(name, piece);
            if (pieces.length > 0 && turns.isOver()) {
              turns.ask(taker);
              return;
            }
          }
        },
      };
      return taker;
    },
    /** The event loop turns once. @returns the milliseconds that it took. */
    turn(): number {
      const began = now;
      for (const act of later.splice(0)) act();
      return now - began;
    },
    get isIdle() {
      return later.length === 0;
    },
  };
}

test('a long pipeline is served in slices, and others between them', () => {
  const { turns, taker, turn, served } = process();
  turns.ask(taker('thief', 'flood', Array(100).fill(3)));
  expect(turn()).toBe(6);
  turns.ask(taker('app', 'question', [0.1]));
  turn();
  expect(served).toEqual(['flood', 'flood', 'question', 'flood', 'flood']);
});

test('a hundred connections of one principal get no more turns than one', () => {
  const { turns, taker, turn, served } = process();
  for (let i = 0; i < 100; i += 1) turns.ask(taker('thief', 'flood', Array(100).fill(5)));
  turn();
  turns.ask(taker('app', 'question', [0.1]));
  turns.ask(taker('other', 'question', [0.1]));
  for (let i = 0; i < 4; i += 1) turn();
  expect(served.slice(0, 6)).toEqual(['flood', 'question', 'flood', 'question', 'flood', 'flood']);
});

test('new work waits when the event loop has worked for long without turning', () => {
  const { turns, work, turn } = process();
  for (let i = 0; i < 3; i += 1) {
    expect(turns.isBusy).toBe(false);
    turns.run(() => work('flood', 4));
  }
  expect(turns.isBusy).toBe(true);
  turn();
  expect(turns.isBusy).toBe(false);
});

test('small work never waits, and needs no turns', () => {
  const { turns, work, isIdle } = process();
  turns.run(() => work('question', 0.1));
  expect(turns.isBusy).toBe(false);
  expect(isIdle).toBe(true);
});

test('all that was asked for is done, in its order', () => {
  const { turns, taker, turn, served } = process();
  for (const name of ['a', 'b', 'c']) turns.ask(taker('p', name, [1, 9, 1]));
  for (let i = 0; i < 20; i += 1) turn();
  expect(served.sort().join('')).toBe('aaabbbccc');
});

test('a failed step does not count as going on', () => {
  const { turns, work } = process();
  const fail = () =>
    turns.run(() => {
      work('flood', 5);
      throw new Error('a bug');
    });
  expect(fail).toThrow('a bug');
  expect(turns.isOver()).toBe(false);
  turns.run(() => expect(turns.isOver()).toBe(false));
});
