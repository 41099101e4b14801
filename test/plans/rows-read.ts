/**
 * How many rows of tables a statement reads: for each scan of a table, its rows, those that its filter drops and those that its recheck drops, times
 * its loops. Entries of bitmap index scans are counted by the rows that they lead to; those that BitmapAnd drops lead to none, and are given apart.
 */

/** A node of EXPLAIN (ANALYZE, FORMAT JSON). */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

export interface Reading {
  readonly rows: number;
  /** Index entries that led to no read row. */
  readonly dropped: number;
}

export function readingOf(plan: PlanNode): Reading {
  const own = isTableScan(plan) ? ofTable(plan) : 0;
  if (plan['Node Type'] === 'Bitmap Heap Scan') return { rows: own, dropped: Math.max(0, entries(plan) - own) };
  let [rows, dropped] = [own, 0];
  for (const inner of plan.Plans ?? []) {
    const below = readingOf(inner);
    rows += below.rows;
    dropped += below.dropped;
  }
  return { rows, dropped };
}

function isTableScan(plan: PlanNode): boolean {
  return plan['Node Type'].endsWith('Scan') && plan['Relation Name'] !== undefined;
}

function ofTable(plan: PlanNode): number {
  const removed = (plan['Rows Removed by Filter'] ?? 0) + (plan['Rows Removed by Index Recheck'] ?? 0);
  return Math.round((plan['Actual Rows'] + removed) * plan['Actual Loops']);
}

function entries(plan: PlanNode): number {
  const own = plan['Node Type'] === 'Bitmap Index Scan' ? Math.round(plan['Actual Rows'] * plan['Actual Loops']) : 0;
  return (plan.Plans ?? []).reduce((sum, inner) => sum + entries(inner), own);
}
