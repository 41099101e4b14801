/** Tests edits that begin at one place: they nest as their ranges do, in whatever order they were made. */
import { expect, test } from 'vitest';
import { applyEdits, Edits, renderTemplate } from '../../src/sql/text/edits.ts';

const TEXT = 'base::regtype';

/** `base` is guarded, the whole becomes a lookup, and both begin at its first character. */
const steps: readonly ((edits: Edits) => void)[] = [
  (edits) => edits.wrap(0, 4, ['CASE '], [' END']),
  (edits) => {
    edits.open(0, TEXT.length, ['find(']);
    edits.replace(4, TEXT.length, [')']);
  },
  (edits) => edits.wrap(0, TEXT.length, ['['], [']']),
];

test.each([[[0, 1]], [[1, 0]], [[2, 0, 1]], [[2, 1, 0]]])('made as %j', (order) => {
  const edits = new Edits(TEXT);
  for (const step of order) steps[step]!(edits);
  const lookup = 'find(CASE base END)';
  expect(renderTemplate(applyEdits(TEXT, edits.sorted()), String)).toBe(order[0] === 2 ? `[${lookup}]` : lookup);
});
