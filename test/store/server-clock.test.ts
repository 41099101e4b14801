/** Tests how a guard follows the clock of the store's server: by looks at it, and by the time that passes between them. */
import { expect, it } from 'vitest';
import { ServerClock } from '../../src/budget/store/redis.ts';
import { elapsedTime } from '../../src/metering/elapsed.ts';

const START = 1_795_000_000_000;

/** `tripMs`: there and back; `lateMs`: of it, before the server looks at its clock. */
function clockOver({ tripMs = 0, lateMs = 0 }: { tripMs?: number; lateMs?: number } = {}) {
  const world = { elapsed: 5_000, server: START, tripMs, lateMs, gone: false };
  const pass = (ms: number): void => {
    world.elapsed += ms;
    world.server += ms;
  };
  const time = async () => {
    if (world.gone) throw new Error('gone');
    pass(world.lateMs);
    const said = [String(Math.floor(world.server / 1_000)), String((world.server % 1_000) * 1_000)];
    pass(world.tripMs - world.lateMs);
    return said;
  };
  const connection = { ask: (question: (client: { time: typeof time }) => unknown) => question({ time }) };
  const clock = new ServerClock(connection as never, () => world.elapsed);
  return { world, clock, pass, off: () => clock.now() - world.server };
}

it('goes on between two looks, and while the server cannot be asked', async () => {
  const { clock, world, pass, off } = clockOver();
  expect(() => clock.now()).toThrow('not asked yet');
  await clock.look();
  expect(off()).toBe(0);
  pass(86_400_000);
  expect(off()).toBe(0);
  world.gone = true;
  await expect(clock.look()).rejects.toThrow();
  pass(1_000);
  expect(off()).toBe(0);
});

it('follows a server with a changed clock, or another server in its place, by an hour to either side', async () => {
  for (const set of [3_600_000, -3_600_000]) {
    const { clock, world, off } = clockOver({ tripMs: 4 });
    await clock.look();
    world.server += set;
    await clock.look();
    expect(Math.abs(off())).toBeLessThanOrEqual(2);
  }
});

it('is no further off than half of the way there and back; an answer that took long undoes no better one', async () => {
  const { clock, world, off } = clockOver({ tripMs: 10, lateMs: 10 });
  await clock.look();
  expect(Math.abs(off())).toBeLessThanOrEqual(5);
  Object.assign(world, { tripMs: 900, lateMs: 900 });
  await clock.look();
  expect(Math.abs(off())).toBeLessThanOrEqual(5);
});

it('a machine that was suspended, or a clock that is set forward, lets time pass; one that is set back takes none away', () => {
  const world = { own: 5_000, wall: START };
  const elapsed = elapsedTime(
    () => world.own,
    () => world.wall,
  );
  const passes = (own: number, wall: number): number => {
    const before = elapsed();
    world.own += own;
    world.wall += wall;
    return elapsed() - before;
  };
  expect(passes(100, 100)).toBe(100);
  expect(passes(0, 3_600_000)).toBe(3_600_000);
  expect(passes(0, -7_200_000)).toBe(0);
  expect(passes(100, 100)).toBe(100);
  // Two readings are never of one moment.
  for (let i = 0; i < 100; i += 1) expect(passes(10, i % 2 ? 40 : -20)).toBe(10);
});
