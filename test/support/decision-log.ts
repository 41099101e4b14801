/** Reads a decision log for tests, and checks each line against its chain. */
import { hash } from 'node:crypto';
import { ORIGIN, readChained } from '../../src/decision-log/chain/chain.ts';

/** Records of the log about itself. */
const OF_CHAIN: ReadonlySet<unknown> = new Set(['segment', 'seal', 'retention']);

export type WholeRecord = Record<string, unknown>;

/** All records of one file in their order. Throws where a line does not fit behind the one before it. */
export function allRecords(text: string): WholeRecord[] {
  let head: string | undefined;
  return text
    .split('\n')
    .filter((line) => readChained(line))
    .map((line) => {
      const chained = readChained(line);
      const record = JSON.parse(line) as WholeRecord;
      const { previous } = record as { previous?: { hash: string } };
      head ??= previous?.hash ?? ORIGIN;
      if (!chained || chained.hash !== hash('sha256', head + chained.body, 'base64url'))
        throw new Error(`the chain is broken at ${line}`);
      head = chained.hash;
      const { hash: _, ...rest } = record;
      return rest;
    });
}

/** Without what the log writes about itself. */
export function recordsOf(text: string): WholeRecord[] {
  return allRecords(text).filter(({ kind }) => !OF_CHAIN.has(kind));
}
