/** Tests in which order connections work before login, with a clock of the test. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LoginTurns } from '../../src/server/login/login-turns.ts';

/** Connections that each work for some milliseconds, in two parts with only a promise between them. */
async function served(each: readonly number[]): Promise<string[][]> {
  let now = 0;
  const later: (() => void)[] = [];
  const turns = new LoginTurns(
    () => now,
    (act) => later.push(act),
  );
  let served: string[] = [];
  each.forEach(async (ms, i) => {
    await turns.next();
    now += ms / 2;
    await Promise.resolve();
    await Promise.resolve();
    now += ms / 2;
    served.push(`${i}`);
  });
  const inEach: string[][] = [];
  for (let act = later.shift(); act; act = later.shift()) {
    served = [];
    act();
    await setImmediate();
    inEach.push(served);
  }
  return inEach;
}

test('short logins are served together, for a slice of time', async () => {
  expect(await served([1, 1, 1, 1, 1, 1])).toEqual([
    ['0', '1', '2', '3'],
    ['4', '5'],
  ]);
});

test('work between two promises counts for the turn', async () => {
  expect(await served([30, 2, 2, 30, 1])).toEqual([['0'], ['1', '2'], ['3'], ['4']]);
});

test('a single connection does not wait', async () => {
  expect(await served([20])).toEqual([['0']]);
});
