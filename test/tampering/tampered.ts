/** Shared parts of the tests of tampering: logs of several forms, places in them, and what is expected of findings. */
import fc from 'fast-check';
import { expect, vi } from 'vitest';
import type { Finding, FindingKind } from '../../src/decision-log/verify/finding.ts';
import type { Verification } from '../../src/decision-log/verify/verify.ts';
import { lineAt, linesOf, type Place, placesOf, seqOf, withoutGz } from './lines.ts';
import { type Contents, type Shape, TestLog } from './logs.ts';

export const SHAPES: readonly (readonly [string, Partial<Shape>])[] = [
  ['one process', { records: 70 }],
  ['workers, restarts, compressed', { workers: 2, records: 90, restarts: 1, compressed: true }],
];

const RUNS = process.env.ROWGATE_LONG ? 500 : 20;

vi.setConfig({ testTimeout: 300_000 + RUNS * 500 });

export class Tampered {
  readonly log: TestLog;
  readonly whole: Contents;
  private readonly places: readonly Place[];

  constructor(shape: Partial<Shape>) {
    this.log = TestLog.build(shape);
    this.whole = this.log.read();
    this.places = placesOf(this.whole);
  }

  /** The place of any record. */
  place(): fc.Arbitrary<Place> {
    return fc.nat(this.places.length - 1).map((i) => this.places[i] as Place);
  }

  /** The place of any seal. */
  seal(): fc.Arbitrary<Place> {
    const seals = this.places.filter((at) => lineAt(this.whole, at).includes('"kind":"seal"'));
    return fc.nat(seals.length - 1).map((i) => seals[i] as Place);
  }

  /** The place of a record that is neither the first of its file nor the last. */
  amid(): fc.Arbitrary<Place> {
    return this.place().filter(({ file, index }) => index > 0 && index < this.lines(file).length - 1);
  }

  lines(file: string): string[] {
    return linesOf(this.whole.get(file) ?? '');
  }

  async after(contents: Contents): Promise<Verification> {
    this.log.write(contents);
    return this.log.verify();
  }
}

export function always<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => Promise<void>): Promise<void> {
  return fc.assert(fc.asyncProperty(arbitrary, check), { numRuns: RUNS });
}

/** Expects a finding at the place, by its line or its number, and that all findings there have one of these kinds. */
export function expectFound(
  { findings }: Verification,
  { whole }: Tampered,
  at: Place,
  kinds: readonly FindingKind[],
): void {
  const seq = seqOf(lineAt(whole, at));
  // A record that was replaced by one which fits before it shows in the one behind it.
  const isThere = ({ file, line, seq: from = 0, until = from }: Finding): boolean => {
    const byNumber = seq >= from - 1 && seq <= until;
    const byLine = line !== undefined && line - 1 >= at.index && line - 1 <= at.index + 1;
    return withoutGz(file) === withoutGz(at.file) && (byNumber || byLine);
  };
  const there = findings.filter(isThere);
  expect(there, `${at.file}:${at.index + 1}, record ${seq}: ${JSON.stringify(findings)}`).not.toEqual([]);
  for (const { kind } of there) expect([...kinds, 'seal-missing']).toContain(kind);
}

/** The findings about records themselves: missing seals follow from them. */
export function ofRecords({ findings }: Verification): readonly Finding[] {
  return findings.filter(({ kind }) => kind !== 'seal-missing');
}
