/** Tests how a command names a limit: by its full name, or in words. */
import { expect, test } from 'vitest';
import { readSaidLimit } from '../../src/operations/control/commands/limits.ts';

test.each([
  ['100 rows per hour', 'rows'],
  ['1 changed row per day', 'changed'],
  ['60 students per day', 'subjects.student'],
  ['60 subjects.student per day', 'subjects.student'],
  ['500 answers.student per day', 'answers.student'],
  ['500 student answers per day', 'answers.student'],
  ['500 teacher answers per day', undefined],
  ['500 row answers per day', undefined],
])('%s', (text, measure) => {
  expect(readSaidLimit(text, ['student'])?.measure).toBe(measure);
});
