/** Runs generated statements over the catalogs of both databases, and compares every byte of the answers. */
import { serialize } from 'pg-protocol';
import { CatalogStatements } from './catalog-statements.ts';
import type { CatalogWorlds } from './catalog-worlds.ts';
import { Choices } from './choices.ts';
import { everyByte, refusals, sqlstates } from './compare.ts';

export interface CatalogReport {
  ran: number;
  allowed: number;
  /** SQLSTATEs of what was allowed and failed. */
  readonly failures: Map<string, number>;
  readonly differences: { readonly seed: number; readonly sql: string; readonly answers: readonly string[][] }[];
}

export async function runOverCatalogs(
  worlds: CatalogWorlds,
  seed: number,
  runs: number,
  how: { readonly untilDifference?: boolean; readonly deadline?: number } = {},
): Promise<CatalogReport> {
  const { lanes, stop } = await worlds.guarded();
  const report: CatalogReport = { ran: 0, allowed: 0, failures: new Map(), differences: [] };
  try {
    for (let i = 0; i < runs; i++) {
      if (how.untilDifference && report.differences.length > 0) break;
      if (how.deadline !== undefined && Date.now() > how.deadline) break;
      const sql = new CatalogStatements(new Choices(seed + i), worlds.numbers).statement();
      const bytes = serialize.query(sql);
      const answers = await Promise.all(lanes.map((lane) => lane.send(bytes, 1)));
      report.ran += 1;
      if (refusals(answers[0]!).length === 0) report.allowed += 1;
      for (const state of sqlstates(answers[0]!)) report.failures.set(state, (report.failures.get(state) ?? 0) + 1);
      const [one, other] = answers.map((frames, at) =>
        everyByte(frames, { ordered: false, failsAnyhow: false }, worlds.names[at]!),
      );
      if (JSON.stringify(one) !== JSON.stringify(other))
        report.differences.push({
          seed: seed + i,
          sql,
          answers: [one!.filter((line) => !other!.includes(line)), other!.filter((line) => !one!.includes(line))],
        });
    }
  } finally {
    await stop();
  }
  return report;
}
