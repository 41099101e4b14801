/** Checks that matchers of tree constants are not made within a function: they are kept with judgements, and their closure would keep the whole tree in memory. */
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

/** The functions that ask, and an arrow among their arguments. */
const MADE_ON_THE_WAY =
  /(?<!function )\b(?:askInteger|askText|askDecimal|isInteger|literalIs)\((?:[^()]|\([^()]*\))*=>/;

const source = resolve(import.meta.dirname, '../../src');
const files = (await readdir(source, { recursive: true })).filter((file) => file.endsWith('.ts')).sort();

it('no question is made where it is asked', () => {
  const made = files.filter((file) => MADE_ON_THE_WAY.test(readFileSync(join(source, file), 'utf8')));
  expect(made).toEqual([]);
});

it.each([
  'askInteger(constant.ival, (rows) => rows <= most)',
  'askText(text, (step) => SMALL.test(step))',
  'isInteger(third, n => n > 0)',
])('sees one: %s', (text) => expect(text).toMatch(MADE_ON_THE_WAY));

it('lets pass what a module has made', () =>
  expect('askInteger(one.ival ?? two, atMost(most))').not.toMatch(MADE_ON_THE_WAY));
