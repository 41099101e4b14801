/** How many rows a plan is expected to give, and how many it takes out of guarded relations to do so. */
import type { PlanNode } from './plan-node.ts';

export interface PlanRows {
  readonly result: number;
  /** Over all scans of guarded relations: rows that meet the scan's conditions, as often as it runs. */
  readonly read: number;
}

/** What of a relation matters to a plan's reader. */
export interface GuardedRead {
  /** Its row filter is a subquery, which the planner may make a join of: only what that leaves is read by the client. */
  readonly joined: boolean;
}

/** The relations that count, for one role. */
export interface GuardedReads {
  of(relation: { readonly schema: string; readonly name: string }): GuardedRead | undefined;
  /** The scan is one of the policy's conditions, not of the client's statement. */
  isPolicys(node: PlanNode): boolean;
}

/** @param plans of one statement: see `readPlans`. */
export function rowsOf(plans: readonly PlanNode[], guarded: GuardedReads): PlanRows {
  let result = 0;
  let read = 0;
  for (const plan of plans) {
    const reading = new Reading(guarded);
    reading.visit(plan, 1, 1);
    result += plan.rows;
    for (const scan of reading.scans) read += scan.rows;
  }
  return { result: Math.ceil(result), read: Math.ceil(read) };
}

/** Types of nodes that give their first row when they have read all of what is below. `Aggregate`: unless it is sorted. */
const BLOCKING: ReadonlySet<string> = new Set(['Sort', 'Hash', 'Materialize', 'WindowAgg', 'SetOp', 'ModifyTable']);

/** They give rows as they read them. */
const STREAMING: ReadonlySet<string> = new Set(
  'Append|Merge Append|Group|Unique|Incremental Sort|Memoize|Subquery Scan|LockRows|ProjectSet|Result'.split('|'),
);

/** Scans of something other than relations. Also `Result`, and bitmaps of indexes, which are below the scan that counts. */
const OTHER_SCANS: ReadonlySet<string> = new Set(
  'Function Scan|Table Function Scan|Values Scan|CTE Scan|WorkTable Scan|Named Tuplestore Scan|Bitmap Index Scan|BitmapAnd|BitmapOr'.split(
    '|',
  ),
);

/** How often the planner itself expects the recursive term of a WITH RECURSIVE to run. */
const RECURSIONS = 10;

class Reading {
  readonly scans: { rows: number; readonly joined: boolean }[] = [];
  private readonly policys = new Map<PlanNode, boolean>();

  constructor(private readonly guarded: GuardedReads) {}

  /**
   * @param loops how often the node runs.
   * @param share how much of its rows is asked for each time: a LIMIT above stops it.
   */
  visit(node: PlanNode, loops: number, share: number): void {
    this.scan(node, loops * share);
    for (const child of node.children) {
      if (child.relationship === 'InitPlan') this.visit(child, loops, 1);
      else if (child.relationship === 'SubPlan') this.visit(child, subplanLoops(node, child, loops, share), 1);
    }
    const inputs = node.children.filter(
      ({ relationship }) => relationship !== 'InitPlan' && relationship !== 'SubPlan',
    );
    switch (node.type) {
      case 'Nested Loop':
      case 'Hash Join':
      case 'Merge Join':
        this.join(node, inputs, loops, share);
        return;
      case 'Limit':
        for (const child of inputs) this.visit(child, loops, share * limitShare(node, child));
        return;
      case 'Gather':
      case 'Gather Merge':
        // Each process has its part, or the whole.
        for (const child of inputs) this.visit(child, loops * (node.workers + 1), share);
        return;
      case 'Recursive Union':
        for (const child of inputs) this.visit(child, child.relationship === 'Inner' ? loops * RECURSIONS : loops, 1);
        return;
      default:
        for (const child of inputs) this.visit(child, loops, childShare(node, child, blocks(node) ? 1 : share));
    }
  }

  private scan(node: PlanNode, times: number): void {
    const { relation } = node;
    if (relation && node.type === 'ModifyTable') return;
    if (relation) {
      const guarded = this.guarded.of(relation);
      if (guarded && !this.guarded.isPolicys(node))
        this.scans.push({ rows: node.rows * times, joined: guarded.joined });
      return;
    }
    // An unknown node (a join pushed to another server, an extension's node) counts as a scan of something guarded.
    if (!isKnown(node)) this.scans.push({ rows: node.rows * times, joined: false });
  }

  private join(node: PlanNode, inputs: readonly PlanNode[], loops: number, share: number): void {
    const outer = inputs.find(({ relationship }) => relationship === 'Outer');
    const inner = inputs.find(({ relationship }) => relationship === 'Inner');
    if (!outer || !inner || inputs.length !== 2) {
      for (const child of inputs) this.visit(child, loops, 1);
      return;
    }
    const nested = node.type === 'Nested Loop';
    const marks = [this.scans.length, 0, 0];
    this.visit(outer, loops, childShare(node, outer, share));
    marks[1] = this.scans.length;
    if (!nested) this.visit(inner, loops, childShare(node, inner, node.type === 'Merge Join' ? share : 1));
    // What is materialized is read once, however often it is looked at.
    else if (inner.type === 'Materialize') this.visit(inner, loops, 1);
    else this.visit(inner, Math.max(1, outer.rows) * loops * share, 1);
    marks[2] = this.scans.length;
    // If a relation's row filter became this join, only the remaining rows are the client's.
    if (this.isPolicys(inner)) this.scale(marks[0]!, marks[1], node.rows / outer.rows);
    else if (this.isPolicys(outer)) {
      this.scale(marks[1], marks[2], node.rows / (inner.rows * (nested ? Math.max(1, outer.rows) : 1)));
    }
  }

  private scale(from: number, to: number, factor: number): void {
    if (!(factor < 1)) return;
    for (const scan of this.scans.slice(from, to)) if (scan.joined) scan.rows *= factor;
  }

  /** All that is scanned there is the policy's. */
  private isPolicys(node: PlanNode): boolean {
    const known = this.policys.get(node);
    if (known !== undefined) return known;
    const scans = node.relation !== undefined;
    const below = node.children.filter((child) => !isBitmap(child));
    const all =
      (scans ? this.guarded.isPolicys(node) : isKnown(node) && below.length > 0) &&
      below.every((child) => this.isPolicys(child));
    this.policys.set(node, all);
    return all;
  }
}

function isBitmap({ type }: PlanNode): boolean {
  return type === 'Bitmap Index Scan' || type === 'BitmapAnd' || type === 'BitmapOr';
}

const JOINS_AND_MORE: ReadonlySet<string> = new Set(
  'Nested Loop|Hash Join|Merge Join|Limit|Gather|Gather Merge|Recursive Union|Aggregate'.split('|'),
);

function isKnown({ type }: PlanNode): boolean {
  return BLOCKING.has(type) || STREAMING.has(type) || OTHER_SCANS.has(type) || JOINS_AND_MORE.has(type);
}

function blocks({ type, strategy }: PlanNode): boolean {
  return type === 'Aggregate' ? strategy !== 'Sorted' : !STREAMING.has(type);
}

/** By the planner's own costs: a parent that costs less than its child runs to its end stops it earlier (as a merge join does). */
function childShare(node: PlanNode, child: PlanNode, share: number): number {
  return child.total > node.total && child.total > 0 ? Math.min(share, node.total / child.total) : share;
}

/** The planner knows OFFSET too: what a LIMIT costs tells how far it reads. */
function limitShare(limit: PlanNode, child: PlanNode): number {
  const byRows = child.rows > 0 ? limit.rows / child.rows : 1;
  const run = child.total - child.startup;
  const byCost = run > 0 ? (limit.total - child.startup) / run : 1;
  return Math.min(1, Math.max(byRows, byCost));
}

/** One that is hashed runs once; any other for each row that its node gives. */
function subplanLoops(node: PlanNode, { subplan }: PlanNode, loops: number, share: number): number {
  const hashed = new RegExp(`\\bhashed ${subplan.replace(/[^\w ]/g, '\\$&')}\\b`).test(node.expressions);
  return hashed && subplan !== '' ? loops : Math.max(1, node.rows) * loops * share;
}
