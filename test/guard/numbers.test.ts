/** Tests that numbers have the type that the server gives them: functions are chosen by it. */
import { afterAll, beforeAll, expect } from 'vitest';
import { eachSince } from '../support/since.ts';
import { teacherWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await teacherWorld();
});
afterAll(async () => {
  await world.drop();
});

/** Before 16 the server reads these as a number and a name: they are refused. */
const since = ([number]: readonly [string]): number => (/x|b|_/.test(number) ? 16 : 14);
const each = (numbers: readonly string[]) =>
  eachSince(
    since,
    numbers.map((number) => [number] as const),
  );

/** The function of bigint is granted; those of integer and numeric are not. */
each([
  '2147483648',
  '-2147483649',
  '0x80000000',
  '-0x80000001',
  '0b10000000000000000000000000000000',
  '2_147_483_648',
  '-9223372036854775808',
])('%s is a bigint', async (number) => {
  expect(await world.run(`SELECT wide(${number})`, true)).toEqual({ rows: ['["wide"]'] });
});

each([
  '2147483647',
  '-2147483648',
  '-0x80000000',
  '0x7FFFFFFF',
  '9223372036854775808',
  '0x8000000000000000',
  '1e3',
  '5.',
])('%s is no bigint', (number) => {
  expect(world.guard.judge(`SELECT wide(${number})`).refusal?.reason).toBe('function-not-granted');
});
