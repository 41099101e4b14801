/** Tests the gate: no more tasks at once than it lets through, each in its turn, also when some fail. */
import { expect, it } from 'vitest';
import { Semaphore } from '../../src/identity/verifier.ts';

it('three at once, in the order in which they came', async () => {
  const gate = new Semaphore(3);
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  const tasks = Array.from({ length: 50 }, (_, n) =>
    gate.pass(async () => {
      begun.push(n);
      running++;
      most = Math.max(most, running);
      for (let turns = n % 5; turns > 0; turns--) await Promise.resolve();
      running--;
      if (n % 7 === 0) throw new Error(`task ${n}`);
      return n;
    }),
  );
  const settled = await Promise.allSettled(tasks);
  expect(most).toBe(3);
  expect(begun).toEqual(Array.from({ length: 50 }, (_, n) => n));
  expect(settled.map(({ status }) => status === 'fulfilled')).toEqual(begun.map((n) => n % 7 !== 0));
  expect(await gate.pass(async () => 'free again')).toBe('free again');
});
