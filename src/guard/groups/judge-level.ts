/** Whether a query over data has the form that `min_group` allows: keys and aggregates over rows that occur once each. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import { position } from '../../sql/analyze/resolver.ts';
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import { as, type Body, kindOf, type Node, strings } from '../../sql/parse/tree.ts';
import { FLOAT4, FLOAT8, INT2, INT4, INT8, NUMERIC } from '../../sql/types/oids.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { childrenOf } from '../rewrite/operands.ts';
import { isData, isReadable, unitsOf } from './data.ts';
import type { Bounded, Groups, Input, Unit } from './groups.ts';
import { rowsOf } from './one-row-each.ts';

export interface LevelContext {
  readonly analysis: Analysis;
  readonly role: RolePolicy;
  readonly catalog: Catalog;
  readonly least: number;
  /** A name for one more unit. */
  readonly newName: () => string;
}

/** Aggregates of one column whose result is not one of its values. */
const AGGREGATES: ReadonlySet<string> = new Set([
  ...['count', 'sum', 'avg', 'stddev', 'stddev_pop', 'stddev_samp', 'variance', 'var_pop', 'var_samp'],
]);

/** Raised with what is wrong; caught by `judgeLevel`. */
class NotAggregated extends Error {
  constructor(
    readonly why: string,
    readonly at?: number,
  ) {
    super(why);
  }
}

/** Of a level that reads data itself: what is to be counted, or why it is refused. */
export function judgeLevel(level: QueryLevel, context: LevelContext): Groups | Refusal {
  try {
    return groupsOf(level, context);
  } catch (error) {
    if (!(error instanceof NotAggregated)) throw error;
    const data = level.entries.find((entry) => isData(entry, context.role));
    return denied(context, data, error.why, error.at);
  }
}

function denied(
  { role, least, analysis }: LevelContext,
  data: RangeTableEntry | undefined,
  why: string,
  at?: number,
): Refusal {
  const relation = data?.source.kind === 'relation' ? data.source.view.relation : undefined;
  const place = at === undefined ? undefined : position(analysis.parsed.text, analysis.parsed.toChar(at));
  return refusal(
    'min-group',
    '42501',
    `permission denied for relation ${relation?.name ?? ''}: the role sees groups of at least ${least} only`,
    {
      detail: why,
      hint: `What it may ask: SELECT keys and ${role.roundTo === undefined ? 'count, sum, avg' : 'count'} of columns FROM tables joined by their primary keys [WHERE …] [GROUP BY …].`,
      position: place,
      rule: (relation && role.relations.get(relation.oid)?.rule) ?? role.rule,
    },
  );
}

function groupsOf(level: QueryLevel, context: LevelContext): Groups {
  const { role, analysis, catalog, least } = context;
  checkClauses(level, analysis);
  for (const entry of level.entries) {
    const { kind } = entry.source;
    if (kind !== 'relation' && kind !== 'join')
      throw new NotAggregated(
        'Only tables may be joined to it: no function, subquery or CTE can be known to repeat no row.',
      );
    if (isData(entry, role) && !isReadable(entry, role))
      throw new NotAggregated(`Of the view "${entry.name}" it is not known whose rows it shows.`);
  }
  const roots = rowsOf(level, analysis, catalog, (entry) => isData(entry, role));
  const [first] = roots;
  if (!first)
    throw new NotAggregated(
      'Each row must stand once: every table but the one that is aggregated must be joined by all of its primary key.',
    );
  // Where two tables have one row each for the other, either may be the one that is aggregated.
  const root = roots.find((entry) => new Expressions(level, analysis, catalog, entry, role.roundTo).areOf()) ?? first;
  const expressions = new Expressions(level, analysis, catalog, root, role.roundTo);
  const inputs = expressions.inputs();
  const units: Unit[] = [];
  const rows: Unit[] = [];
  for (const entry of level.entries) {
    if (!isData(entry, role)) continue;
    for (const of of unitsOf(entry, role, entry === root)) {
      const unit: Unit = { entry, name: context.newName(), of };
      units.push(unit);
      if (entry === root) rows.push(unit);
    }
  }
  const rounded = role.roundTo !== undefined && { rounded: { counts: expressions.counts, to: role.roundTo } };
  return { level, least, units, rows, inputs, ...rounded };
}

/** An allow-list by what is left: a clause that is not named here takes no part in what is computed of a row. */
function checkClauses(level: QueryLevel, analysis: Analysis): void {
  const { select } = level;
  if (level.kind !== 'select' || !select) throw new NotAggregated('Rows are not written.');
  if (!level.aggregated) throw new NotAggregated('Rows as they are cannot be read.');
  if (level.groupingSets)
    throw new NotAggregated('GROUPING SETS, ROLLUP and CUBE would tell small groups by what is missing.');
  if (select.havingClause) throw new NotAggregated('HAVING would tell of groups that are not shown.');
  if (select.distinctClause) throw new NotAggregated('DISTINCT is not needed: name the columns in GROUP BY.');
  if (select.windowClause)
    throw new NotAggregated('Windows are not shown: compute over the groups in a query around this one.');
  if (select.lockingClause) throw new NotAggregated('Rows are not locked.');
  if (analysis.marks.stars.some((star) => star.level === level))
    throw new NotAggregated('Rows as they are cannot be read.');
  if (analysis.marks.tellingMerges.some((merge) => merge.level === level)) throw new NotAggregated(TELLS);
}

const TELLS = 'An expression that can fail would tell of one row: cast, divide and compute over the groups instead.';

class Expressions {
  private readonly found: Input[] = [];
  /** Calls of count. */
  readonly counts: Node[] = [];

  constructor(
    private readonly level: QueryLevel,
    private readonly analysis: Analysis,
    private readonly catalog: Catalog,
    /** The relation whose rows occur once each. */
    private readonly root: RangeTableEntry,
    private readonly roundTo: number | undefined,
  ) {}

  /** Whether all that is aggregated is of the relation. */
  areOf(): boolean {
    try {
      this.inputs();
      return true;
    } catch (error) {
      if (error instanceof NotAggregated) return false;
      throw error;
    }
  }

  inputs(): readonly Input[] {
    for (const { node, phase, inFrom } of this.level.roots) {
      if (inFrom) throw new NotAggregated('Only tables may be joined to it.');
      if (phase === 'row' || this.level.groupKeys.includes(node)) this.ofRow(node);
      else this.ofGroup(node);
    }
    return this.found;
  }

  /** Computed from single rows: it may select them, but neither fail nor read elsewhere. */
  private ofRow(node: Node): void {
    this.checkPlace(node);
    const known = this.analysis.marks.expressions.get(node);
    if (known && !known.constant && (!(known.leakproof || this.isMasked(node)) || known.barrier !== 'none'))
      throw new NotAggregated(this.whyTelling(node), locationOf(node));
    for (const child of childrenOf(node)) this.ofRow(child);
  }

  /**
   * A mask that can fail is computed for every row that the role may count before any is chosen (`relations.ts`): its error reveals no single row.
   */
  private isMasked(node: Node): boolean {
    const found = this.analysis.marks.references.get(node);
    if (!found) return false;
    const { entry, column } = behindJoins(found);
    const { source } = entry;
    return source.kind === 'relation' && source.view.columns[entry.columns.indexOf(column)]?.masked === true;
  }

  private whyTelling(node: Node): string {
    const found = this.analysis.marks.references.get(node);
    return found
      ? `Column "${found.column.name}" is computed by an expression that can fail, and would tell of one row by it.`
      : TELLS;
  }

  /** Computed of groups that are shown. */
  private ofGroup(node: Node): void {
    if (this.level.groupKeys.includes(node)) {
      this.ofRow(node);
      return;
    }
    this.checkPlace(node);
    const barrier = this.analysis.marks.expressions.get(node)?.barrier ?? 'none';
    const call = as(node, 'FuncCall');
    if (barrier === 'aggregate' && call) this.aggregate(node, call);
    else if (barrier !== 'none')
      throw new NotAggregated('Only aggregates and what is computed of them may stand here.', locationOf(node));
    else for (const child of childrenOf(node)) this.ofGroup(child);
  }

  private aggregate(node: Node, call: Body<'FuncCall'>): void {
    const name = strings(call.funcname).at(-1) ?? '';
    const at = call.location;
    const used = this.analysis.uses.find(
      (use) => use.kind === 'function' && use.at === this.analysis.parsed.toChar(at ?? -1),
    );
    const ofServer = used?.kind === 'function' && used.candidates.every((fn) => fn.schema === 'pg_catalog');
    if (!AGGREGATES.has(name) || !ofServer) throw new NotAggregated(`${name} shows single values.`, at);
    if (call.agg_filter) throw new NotAggregated('FILTER would choose whose values are aggregated: use WHERE.', at);
    if (call.agg_order || call.agg_within_group || call.over || call.func_variadic)
      throw new NotAggregated(`This form of ${name} is not shown.`, at);
    if (call.agg_distinct && name !== 'count') throw new NotAggregated(`${name} of DISTINCT values is not shown.`, at);
    // From an exact sum and an exact average the exact count could be computed, and from an average with few digits its denominator.
    if (this.roundTo !== undefined && name !== 'count')
      throw new NotAggregated(`Counts are rounded for this role: ${name} would tell them exactly.`, at);
    if (name === 'count') this.counts.push(node);
    if (call.agg_star) return;
    const [argument, ...more] = call.args ?? [];
    const reference = argument && 'ColumnRef' in argument ? this.analysis.marks.references.get(argument) : undefined;
    const column = reference && behindJoins(reference);
    // A plain column: an expression could choose or weight a value by its data subject.
    if (!argument || !column || more.length > 0)
      throw new NotAggregated(`${name} takes a column as it stands: no expression, CASE or row.`, at);
    if (column.entry !== this.root)
      throw new NotAggregated(
        `"${column.column.name}" repeats with the rows of "${this.root.name}": aggregate it in a query of its own.`,
        at,
      );
    this.ofRow(argument);
    const bounded = boundedInput(name, column.column.type, this.catalog);
    if (bounded === 'fails') throw new NotAggregated(`${name} of this type can fail over the values of few.`, at);
    this.found.push({ node, argument, bounded, ...column });
  }

  /** A rule for every node in the expressions of the level. */
  private checkPlace(node: Node): void {
    const kind = kindOf(node);
    if (kind === 'SubLink')
      throw new NotAggregated('A subquery beside the rows could ask about one of them.', locationOf(node));
    if (kind !== 'ColumnRef') return;
    const reference = this.analysis.marks.references.get(node);
    if (!reference) throw new NotAggregated('Rows as they are cannot be read.', locationOf(node));
    if (reference.entry.level !== this.level)
      throw new NotAggregated('Its rows may not be chosen by those of a query around it.', locationOf(node));
  }
}

function locationOf(node: Node): number | undefined {
  return (as(node, kindOf(node)) as { location?: number } | undefined)?.location;
}

/** Sums of these are of a larger type: no number of rows that a table holds takes them out of it. */
const WIDENED: readonly Oid[] = [INT2, INT4, INT8];

/** Sums of 100 million values as large as these, and their squares where the type adds squares, are in range. */
const BOUNDED: ReadonlyMap<Oid, Bounded> = new Map([
  [FLOAT4, { type: 'float4', most: '1e30' }],
  [FLOAT8, { type: 'float8', most: '1e100' }],
  [NUMERIC, { type: 'numeric', most: '1e1000' }],
]);

/** The bounds of its values; undefined if they need none, `fails` if no bounds keep the aggregate from failing. */
function boundedInput(aggregate: string, column: Oid, catalog: Catalog): Bounded | undefined | 'fails' {
  let type = column;
  for (let base = column; base !== 0; base = catalog.typesByOid.get(base)?.base ?? 0) type = base;
  if (aggregate === 'count' || WIDENED.includes(type)) return undefined;
  return BOUNDED.get(type) ?? 'fails';
}
