/** The server's EXPLAIN (FORMAT JSON, VERBOSE) as a tree of the needed properties; other files interpret the numbers. */

/** A node's relationship to its parent, as EXPLAIN reports it. */
export type Relationship = 'Outer' | 'Inner' | 'Member' | 'Subquery' | 'InitPlan' | 'SubPlan';

export interface PlanNode {
  /** `Seq Scan`, `Hash Join` … */
  readonly type: string;
  readonly relationship: Relationship | undefined;
  /** What it scans, or writes. */
  readonly relation: { readonly schema: string; readonly name: string } | undefined;
  readonly alias: string;
  /** Expected each time that it runs. */
  readonly rows: number;
  /** Costs until the first row and until the last. */
  readonly startup: number;
  readonly total: number;
  /** Of an Aggregate: Plain, Sorted, Hashed or Mixed. */
  readonly strategy: string;
  readonly index: string;
  readonly indexCondition: string;
  /** `SubPlan 1`, where the parent names it so. */
  readonly subplan: string;
  /** All expressions of the node that may name a subplan. */
  readonly expressions: string;
  readonly workers: number;
  readonly children: readonly PlanNode[];
}

/** One plan for each query that the statement became (rules may add some); undefined if the text is not EXPLAIN's output. */
export function readPlans(json: string): readonly PlanNode[] | undefined {
  try {
    const queries: unknown = JSON.parse(json);
    if (!Array.isArray(queries) || queries.length === 0) return undefined;
    return queries.flatMap((query: unknown) => {
      // A rule may have made a utility command of it, which has no plan.
      const plan = isObject(query) ? query.Plan : undefined;
      if (!isObject(plan)) throw new NoPlan();
      return [nodeOf(plan)];
    });
  } catch (error) {
    if (error instanceof NoPlan || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

class NoPlan extends Error {}

type Properties = Readonly<Record<string, unknown>>;

const RELATIONSHIPS: ReadonlySet<string> = new Set(['Outer', 'Inner', 'Member', 'Subquery', 'InitPlan', 'SubPlan']);

function nodeOf(plan: Properties): PlanNode {
  const name = text(plan, 'Relation Name');
  const children = plan.Plans ?? [];
  if (!Array.isArray(children)) throw new NoPlan();
  return {
    type: text(plan, 'Node Type'),
    relationship: relationshipOf(plan),
    relation: name === '' ? undefined : { schema: text(plan, 'Schema'), name },
    alias: text(plan, 'Alias'),
    rows: number(plan, 'Plan Rows'),
    startup: number(plan, 'Startup Cost'),
    total: number(plan, 'Total Cost'),
    strategy: text(plan, 'Strategy'),
    index: text(plan, 'Index Name'),
    indexCondition: text(plan, 'Index Cond'),
    subplan: text(plan, 'Subplan Name'),
    expressions: expressionsOf(plan),
    workers: typeof plan['Workers Planned'] === 'number' ? plan['Workers Planned'] : 0,
    children: children.map((child: unknown) => {
      if (!isObject(child)) throw new NoPlan();
      return nodeOf(child);
    }),
  };
}

function relationshipOf(plan: Properties): Relationship | undefined {
  const said = text(plan, 'Parent Relationship');
  if (said === '') return undefined;
  // An extension's node calls its children what it likes.
  return RELATIONSHIPS.has(said) ? (said as Relationship) : 'Member';
}

function text(plan: Properties, key: string): string {
  const value = plan[key];
  return typeof value === 'string' ? value : '';
}

function number(plan: Properties, key: string): number {
  const value = plan[key];
  // A node without numbers is invalid: a missing number must not count as a small one.
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw new NoPlan();
  return value;
}

/** Quoted text is left out: a client's literal may look like the name of a subplan. */
function expressionsOf(plan: Properties): string {
  const texts = Object.entries(plan).flatMap(([key, value]) => {
    if (key === 'Plans') return [];
    return typeof value === 'string'
      ? [value]
      : Array.isArray(value)
        ? value.filter((one) => typeof one === 'string')
        : [];
  });
  return texts.join('\n').replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, '');
}

function isObject(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
