/** Logs that nobody has touched verify. */
import { describe, expect, it } from 'vitest';
import { TestLog } from './logs.ts';

const SHAPES = [
  {},
  { records: 3 },
  { compressed: true },
  { restarts: 3 },
  { workers: 3, records: 200 },
  { workers: 2, records: 120, restarts: 2, compressed: true },
  { bytes: 1_000_000, records: 500, sealed: 100 },
];

describe('an untouched log verifies', () => {
  it.each(SHAPES)('%o', async (shape) => {
    const log = TestLog.build(shape);
    const { findings, notes } = await log.verifyAnchored();
    expect({ findings, notes }).toEqual({ findings: [], notes: [] });
    log.remove();
  });
});
