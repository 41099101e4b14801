/** Tests which statement or portal a name means while messages that change it are on their way. */
import { beforeEach, expect, test } from 'vitest';
import { Names } from '../../src/session/state/names.ts';

let names: Names<string>;
beforeEach(() => {
  names = new Names((value) => ({ heldBy: { value }, characters: value.length, own: 0 }));
});

const now = () => names.current('a')?.value;

test('the last message counts at once', () => {
  names.define('a', 'one', 1);
  names.define('a', 'two', 1);
  expect(now()).toBe('two');
  names.define('a', undefined, 1);
  expect(now()).toBeUndefined();
});

test('a failed message is taken back, and the name means what it meant before', () => {
  names.settle(names.define('a', 'one', 1));
  names.takeBack(names.define('a', 'two', 2));
  expect(now()).toBe('one');
});

test('taking back one of several does not bring back what another has ended', () => {
  names.settle(names.define('a', 'one', 1));
  const closed = names.define('a', undefined, 2);
  const again = names.define('a', 'two', 2);
  names.settle(closed);
  names.takeBack(again);
  expect(now()).toBeUndefined();
  expect(names.current('a')).toBeUndefined();
});

test('in any order of answers, what is remembered weighs what it holds', () => {
  const first = names.define('a', 'one', 1);
  const second = names.define('a', 'three', 1);
  expect(names.weight).toBe(2 * 200 + 8);
  names.settle(first);
  names.settle(second);
  expect(names.weight).toBe(205);
  names.empty(second);
  names.settle(second);
  expect(names.weight).toBe(0);
  names.set('b', 'four', 2);
  names.set('b', 'five5', 2);
  expect(names.weight).toBe(205);
  names.drop(() => true);
  expect(names.weight).toBe(0);
  expect(names.current('b')).toBeUndefined();
});

test('names made by SQL text are bounded: the oldest is forgotten', () => {
  for (let i = 0; i < 10_001; i += 1) names.set(`n${i}`, 'x', 1);
  expect(names.current('n0')).toBeUndefined();
  expect(names.current('n10000')?.value).toBe('x');
  expect(names.weight).toBe(10_000 * 201);
});

test('a statement under several names is counted once, until the last name is gone; what each has of its own, each time', () => {
  const text = { characters: 1000 };
  const held = new Names<typeof text>((value) => ({ heldBy: value, characters: value.characters, own: 10 }));
  const [first, second] = [held.define('p', text, 1), held.define('q', text, 1)];
  expect(held.weight).toBe(1420);
  held.takeBack(first);
  expect(held.weight).toBe(1210);
  held.takeBack(second);
  expect(held.weight).toBe(0);
});

const long = (end: string) => `${'n'.repeat(63 - end.length)}${end}`;

// Counted in bytes: the server reads the first 63.
test.each([
  ['the 63 bytes are the same', `${long('')}1`, `${long('')}2`, true],
  ['one of them is 63 bytes long', `${long('')}1`, long(''), true],
  ['cut within a character, the part that is left the same', `${'n'.repeat(62)}é`, `${'n'.repeat(62)}è`, true],
  ['cut within a character, the part that is left another', `${'n'.repeat(62)}é`, `${'n'.repeat(62)}ţ`, false],
  ['cut within a character, or ended before it', `${'n'.repeat(62)}é`, 'n'.repeat(62), false],
  ['the 63rd byte is another', `${long('1')}x`, `${long('2')}x`, false],
  ['short', 'a', 'A', false],
])('long names: %s', (_, one, other, same) => {
  names.define(one, 'one', 1);
  expect(names.current(other)?.value).toBe(same ? 'one' : undefined);
  names.define(other, 'other', 1);
  expect(names.current(one)?.value).toBe(same ? 'other' : 'one');
  names.drop((version) => version.name === names.current(other)?.name);
  expect(names.current(one)?.value).toBe(same ? undefined : 'one');
});
