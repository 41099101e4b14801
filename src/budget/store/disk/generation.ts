/**
 * The files of the state. Generation N is `snapshot-N`, the full state, and `journal-N`, the changes after it; it is complete when its snapshot
 * exists. A generation that was begun without a snapshot continues the one before.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const NAME = /^(snapshot|journal)-([1-9][0-9]*)$/;
const UNFINISHED = /^snapshot-[1-9][0-9]*\.new$/;

export function journalFile(folder: string, generation: number): string {
  return join(folder, `journal-${generation}`);
}

export function snapshotFile(folder: string, generation: number): string {
  return join(folder, `snapshot-${generation}`);
}

export interface Generations {
  /** The newest complete generation; 0 if there is none. */
  readonly whole: number;
  /** From that one on, ascending. */
  readonly journals: readonly number[];
  /** Files that are no longer needed. */
  readonly stale: readonly string[];
}

/** The snapshots and journals in the folder. Throws if it cannot be read. */
export function findGenerations(folder: string): Generations {
  const names = readdirSync(folder);
  const found = names.flatMap((name) => {
    const [, kind, digits] = NAME.exec(name) ?? [];
    return kind ? [{ name, kind, generation: Number(digits) }] : [];
  });
  const whole = Math.max(0, ...found.filter(({ kind }) => kind === 'snapshot').map(({ generation }) => generation));
  const older = found.filter(({ generation }) => generation < whole).map(({ name }) => name);
  const unfinished = names.filter((name) => UNFINISHED.test(name));
  return {
    whole,
    journals: found
      .filter(({ kind, generation }) => kind === 'journal' && generation >= whole)
      .map(({ generation }) => generation)
      .sort((a, b) => a - b),
    stale: [...older, ...unfinished].map((name) => join(folder, name)),
  };
}
