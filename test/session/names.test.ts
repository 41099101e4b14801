/** What names stand for while messages about them are on their way. */
import { beforeEach, expect, test } from 'vitest';
import { Names } from '../../src/session/names.ts';

let names: Names<string>;
beforeEach(() => {
  names = new Names((value) => value.length);
});

const now = () => names.current('a')?.value;

test('the last message counts at once', () => {
  names.define('a', 'one', 1);
  names.define('a', 'two', 1);
  expect(now()).toBe('two');
  names.define('a', undefined, 1);
  expect(now()).toBeUndefined();
});

test('a failed message is taken back, and what was before stands again', () => {
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
  expect(names.weight).toBe(8);
  names.settle(first);
  names.settle(second);
  expect(names.weight).toBe(5);
  names.empty(second);
  names.settle(second);
  expect(names.weight).toBe(0);
  names.set('b', 'four', 2);
  names.set('b', 'five5', 2);
  expect(names.weight).toBe(5);
  names.drop(() => true);
  expect(names.weight).toBe(0);
  expect(names.current('b')).toBeUndefined();
});

test('names made by SQL text are bounded: the oldest is forgotten', () => {
  for (let i = 0; i < 10_001; i += 1) names.set(`n${i}`, 'x', 1);
  expect(names.current('n0')).toBeUndefined();
  expect(names.current('n10000')?.value).toBe('x');
  expect(names.weight).toBe(10_000);
});
