/**
 * Finds the expressions that can tell (`rewriting.md` §2): each topmost one that is not leakproof, with the guards that must say
 * `ok` before it runs; asks for those guards.
 */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type {
  Expression,
  QueryLevel,
  RangeTableEntry,
  RootExpression,
  RowGuard,
  Scope,
} from '../../sql/analyze/range-table.ts';
import type { Node } from '../../sql/parse/tree.ts';
import { as } from '../../sql/parse/tree.ts';
import { effects } from './effects.ts';
import { fence, type Telling } from './fences.ts';
import { behindJoins, isGroupKey } from './group-keys.ts';
import { guardsOf, need } from './guard-demand.ts';
import { argumentsOf, childrenOf } from './operands.ts';
import { NotRewritable } from './rewriter.ts';

/** An expression to be wrapped. */
export interface LeakyExpression {
  readonly node: Node;
  /** Guards read as they are. */
  readonly plain: readonly RowGuard[];
  /** Guards read through `bool_and`, after grouping. */
  readonly grouped: readonly RowGuard[];
}

export interface LeakyExpressions {
  readonly sites: readonly LeakyExpression[];
  /** Nodes that are wrapped, for the naming of targets. */
  readonly wrapped: ReadonlySet<Node>;
  /** Column references after grouping that are no key themselves. */
  readonly ungrouped: readonly { readonly node: Node; readonly level: QueryLevel }[];
  /** The same for whole rows. */
  readonly ungroupedRows: readonly { readonly node: Node; readonly level: QueryLevel }[];
}

/** To be called after resolution, before any edit. `lookedUp`: constants and parameters of which the text that is sent can fail as it runs. */
export function findLeakyExpressions(analysis: Analysis, lookedUp: ReadonlySet<Node> = new Set()): LeakyExpressions {
  const finder = new Finder(analysis, lookedUp);
  for (const level of analysis.marks.levels) for (const root of level.roots) finder.visitRoot(root);
  const fallible = analysis.marks.fallible.map(({ scope, afterRows }) => ({
    scope,
    covered: new Set(afterRows ? guardsOf(scope.level.entries) : []),
  }));
  const loose = [...finder.loose, ...fallible];
  const { tellings, asked } = finder;
  fence(analysis, { wrapped: tellings, loose }, asked);
  // What is fenced locks its rows at another time.
  const fenced = () =>
    guardsOf(analysis.marks.levels.flatMap(({ entries }) => entries)).filter((guard) => guard.fenced);
  for (let before = -1; before !== fenced().length; ) {
    before = fenced().length;
    fence(analysis, { wrapped: effects(analysis, [...tellings, ...loose]), loose: [] }, asked);
  }
  for (const site of finder.sites) for (const guard of [...site.plain, ...site.grouped]) need(guard);
  // Every reference to a CTE that exports its ok sees it among the columns, whether it asks for it or not.
  for (const { entry } of analysis.marks.cteReferences) {
    if (entry.guard && entry.source.kind === 'cte' && entry.source.cte.level?.exports !== undefined) need(entry.guard);
  }
  return {
    sites: finder.sites,
    wrapped: new Set(finder.sites.map((s) => s.node)),
    ungrouped: finder.ungrouped,
    ungroupedRows: finder.ungroupedRows,
  };
}

/** The place of an expression: its root, when it is computed, and whether an enclosing expression is wrapped already. */
interface Position {
  readonly scope: Scope;
  readonly phase: RootExpression['phase'];
  readonly inside: boolean;
}

class Finder {
  readonly sites: LeakyExpression[] = [];
  readonly ungrouped: { node: Node; level: QueryLevel }[] = [];
  readonly ungroupedRows: { node: Node; level: QueryLevel }[] = [];
  readonly tellings: Telling[] = [];
  /** Those that cannot be wrapped. */
  readonly loose: Telling[] = [];
  /** Subqueries inside wrapped expressions: they run only if the guards around them said ok. */
  readonly asked = new Set<QueryLevel>();

  private readonly wholeRows: ReadonlyMap<Node, RangeTableEntry>;

  constructor(
    private readonly analysis: Analysis,
    private readonly lookedUp: ReadonlySet<Node>,
  ) {
    this.wholeRows = new Map(analysis.marks.wholeRows.map(({ node, entry }) => [node, entry]));
  }

  visitRoot(root: RootExpression): void {
    const phase = root.scope.level.aggregated ? root.phase : 'row';
    const position: Position = { scope: root.scope, phase, inside: false };
    if (root.inFrom) this.visitArguments(root.node, this.expression(root.node), position);
    else if (root.scope.level.groupKeys.includes(root.node)) this.visitKey(root.node, position);
    else if (root.record) this.visitRecord(root.node, position);
    else if (root.sides) this.visitFullJoin(root.node, root.sides, position);
    else this.visit(root.node, position);
  }

  /**
   * The server joins FULL only by conditions `left = right` in which the left side does not name the right: so each operand is guarded by its own
   * side. A FULL JOIN is made of the finished rows of both sides; the planner moves no part of it past their filters, and it looks up statistics only
   * for plain columns, never for expressions in CASE.
   */
  private visitFullJoin(node: Node, sides: NonNullable<RootExpression['sides']>, at: Position): void {
    const and = as(node, 'BoolExpr');
    if (and?.boolop === 'AND_EXPR') {
      for (const part of and.args ?? []) this.visitFullJoin(part, sides, at);
      return;
    }
    const body = as(node, 'A_Expr');
    const operands = [body?.lexpr, body?.rexpr].filter((operand) => operand !== undefined);
    const [left, right] = operands.map((operand) => this.sideOf(operand, sides));
    const comparable = body?.kind === 'AEXPR_OP' && left && right && left !== right;
    if (!comparable || operands.some((operand) => 'RowExpr' in operand)) {
      this.visit(node, at);
      return;
    }
    const leakproof = this.expression(node)?.leakproof === true;
    for (const [i, operand] of operands.entries()) {
      const there: Position = { ...at, scope: { ...at.scope, entries: [left, right][i]! } };
      // An operator that can tell stays outside, and gets operands that it may see.
      if (!leakproof) this.add(operand, there);
      this.visit(operand, leakproof ? there : { ...there, inside: true });
    }
  }

  /** The one side whose columns the expression names; undefined if it names none, or both, or contains a subquery. */
  private sideOf(node: Node, sides: NonNullable<RootExpression['sides']>): readonly RangeTableEntry[] | undefined {
    if (this.contains(node, 'subquery')) return undefined;
    const found = new Set<readonly RangeTableEntry[] | undefined>();
    const walk = (part: Node): void => {
      const entry = this.analysis.marks.references.get(part)?.entry ?? this.wholeRows.get(part);
      if (entry) found.add(sides.find((side) => side.includes(entry)));
      for (const child of childrenOf(part)) walk(child);
    };
    walk(node);
    const [side] = found;
    return found.size === 1 ? side : undefined;
  }

  private expression(node: Node): Expression | undefined {
    this.analysis.parsed.workLimit.spend();
    const found = this.analysis.marks.expressions.get(node);
    // INVARIANT 259: a name that is looked up fails where it runs, not where the statement is read.
    if (found && this.lookedUp.has(node)) return { ...found, leakproof: false, constant: false };
    return found?.constant && this.holdsLookedUp(node) ? { ...found, constant: false } : found;
  }

  private holdsLookedUp(node: Node): boolean {
    return (
      this.lookedUp.size > 0 && childrenOf(node).some((child) => this.lookedUp.has(child) || this.holdsLookedUp(child))
    );
  }

  private visit(node: Node, at: Position): void {
    const { level } = at.scope;
    // Each key is held against it.
    if (at.phase === 'group') this.analysis.parsed.workLimit.spend(level.groupKeys.length);
    if (at.phase === 'group' && isGroupKey(node, level, this.analysis.marks.references)) {
      this.visitKey(node, at);
      return;
    }
    const found = this.expression(node);
    if (!found) {
      this.visitChildren(node, at);
      return;
    }
    if (found.constant && found.barrier === 'none') return;
    switch (found.barrier) {
      case 'aggregate': {
        const before = this.sites.length;
        for (const child of childrenOf(node)) this.visit(child, { ...at, phase: 'row', inside: false });
        // With nothing but an outer query's `ok` in it, the server would take it for an aggregate of that query.
        const asks = this.sites.length > before || this.contains(node, 'subquery');
        if (asks && !found.namesOwn && guardsOf(at.scope.entries).length === 0 && isGuardedOutside(at.scope))
          throw new NotRewritable(
            'an aggregate of what names no column of its own query: compute that in a query in FROM',
          );
        return;
      }
      case 'window':
        for (const child of childrenOf(node)) this.visit(child, { ...at, inside: false });
        return;
      case 'set-returning':
        this.visitArguments(node, found, at);
        return;
      case 'subquery': {
        if (!found.leakproof && !at.inside) this.add(node, at);
        const inner = this.analysis.marks.sublinks.get(node);
        if (inner && (!found.leakproof || at.inside)) this.asked.add(inner);
        const test = as(node, 'SubLink')?.testexpr;
        if (test) this.visit(test, found.leakproof ? at : { ...at, inside: true });
        return;
      }
      case 'none':
        this.visitPlain(node, found, at);
    }
  }

  /** A key of GROUP BY is wrapped alike everywhere, so that the server finds both equal. */
  private visitKey(node: Node, at: Position): void {
    const row: Position = { ...at, phase: 'row', inside: false };
    // A key is computed before grouping, also where it is GROUP BY 1: a subquery in it was read as if it ran after.
    const whole = this.contains(node, 'subquery');
    if (whole) this.add(node, row);
    this.visit(node, whole ? { ...row, inside: true } : row);
  }

  private visitPlain(node: Node, found: Expression, at: Position): void {
    this.noteUngrouped(node, at);
    const negated = notIn(node);
    if (negated && this.expression(negated)?.leakproof === false && !at.inside) {
      // `a NOT IN (…)` is one form in the text: the NOT cannot stay outside.
      this.add(node, at);
      this.visit(negated, { ...at, inside: true });
      return;
    }
    const returnsSet = !found.leakproof && this.contains(node, 'set-returning');
    // CASE cannot contain it: the enclosing query is fenced instead.
    if (returnsSet) this.loose.push({ scope: at.scope, covered: new Set() });
    const wraps = !found.leakproof && !at.inside && !returnsSet;
    if (wraps) this.add(node, at);
    this.visitChildren(node, wraps ? { ...at, inside: true } : at);
  }

  /** A column that is read after grouping, perhaps by a subquery of the query that groups. */
  private noteUngrouped(node: Node, at: Position): void {
    const { references } = this.analysis.marks;
    const found = references.get(node);
    const level = (found && behindJoins(found).entry.level) ?? this.wholeRows.get(node)?.level;
    if (!level) return;
    let phase: Scope['phase'] = at.phase;
    for (let s: Scope | undefined = at.scope; s; s = s.outer) {
      if (s !== at.scope) phase = s.phase;
      if (s.level !== level) continue;
      const grouped = phase === 'group' && level.aggregated && !isGroupKey(node, level, references);
      if (grouped) (found ? this.ungrouped : this.ungroupedRows).push({ node, level });
      return;
    }
  }

  private visitChildren(node: Node, at: Position): void {
    for (const child of childrenOf(node)) this.visit(child, at);
  }

  /** A function in FROM or a set-returning one cannot be in CASE: its arguments are wrapped instead. */
  private visitArguments(node: Node, found: Expression | undefined, at: Position): void {
    let stopped = false;
    for (const child of argumentsOf(node)) {
      const given = this.expression(child)?.constant || isParameter(child);
      if (found?.leakproof || given || this.contains(child, 'set-returning')) this.visit(child, at);
      else {
        this.add(child, at);
        this.visitChildren(child, { ...at, inside: true });
        stopped = found?.strict === true;
      }
    }
    // A call that is not stopped by NULL runs for hidden rows, too.
    if (!found?.leakproof && !stopped) this.loose.push({ scope: at.scope, covered: new Set() });
  }

  /** INVARIANT 149: the arguments of what makes the record are wrapped; the query that reads one which was made below is fenced. */
  private visitRecord(node: Node, at: Position): void {
    const found = this.expression(node);
    const isKey = at.phase === 'group' && isGroupKey(node, at.scope.level, this.analysis.marks.references);
    const called = found?.barrier === 'none' || found?.barrier === 'set-returning';
    if (called && !isKey && ('FuncCall' in node || 'RowExpr' in node)) this.visitArguments(node, found, at);
    else if (called && !isKey && this.analysis.marks.references.has(node)) {
      this.noteUngrouped(node, at);
      if (!found.leakproof) this.loose.push({ scope: at.scope, covered: new Set() });
    } else this.visit(node, at);
  }

  private add(node: Node, at: Position): void {
    const own = askedIn(at.scope);
    const outer: RowGuard[] = [];
    const passed: RowGuard[] = [];
    for (let s = at.scope.outer; s; s = s.outer) {
      // A subquery that runs after grouping runs for groups of rows that have passed; the `ok` of a single row is not available.
      const grouped = s.phase === 'group' && s.level.aggregated;
      (grouped ? passed : outer).push(...askedIn(s));
    }
    this.analysis.parsed.workLimit.spend(own.length + outer.length + passed.length);
    this.tellings.push({ scope: at.scope, covered: new Set([...own, ...outer, ...passed]) });
    if (at.phase === 'row') this.push({ node, plain: [...own, ...outer], grouped: [] });
    // What holds an aggregate is computed from groups of rows that have passed the filters.
    else if (this.contains(node, 'aggregate')) this.push({ node, plain: outer, grouped: [] });
    else this.push({ node, plain: outer, grouped: own });
  }

  private push(site: LeakyExpression): void {
    if (site.plain.length + site.grouped.length > 0) this.sites.push(site);
  }

  private contains(node: Node, barrier: Expression['barrier']): boolean {
    const found = this.expression(node);
    if (found?.barrier === barrier) return true;
    if (found?.barrier === 'subquery') return false;
    return childrenOf(node).some((child) => this.contains(child, barrier));
  }
}

/** A view that is written filters rows by a query without `ok`; expressions for rows that passed it need none. */
function askedIn({ entries, late }: Scope): RowGuard[] {
  const guards = guardsOf(entries);
  return late
    ? guards.filter(
        ({ entry: { source } }) =>
          source.kind !== 'relation' || source.use !== 'target' || source.view.hides !== 'fence',
      )
    : guards;
}

function isGuardedOutside({ outer }: Scope): boolean {
  return outer !== undefined && (guardsOf(outer.entries).length > 0 || isGuardedOutside(outer));
}

function isParameter(node: Node): boolean {
  const cast = as(node, 'TypeCast')?.arg;
  return 'ParamRef' in node || (cast !== undefined && isParameter(cast));
}

/** The IN (SELECT …) that a NOT negates. */
function notIn(node: Node): Node | undefined {
  const not = as(node, 'BoolExpr');
  const arg = not?.boolop === 'NOT_EXPR' ? not.args?.[0] : undefined;
  return as(arg, 'SubLink')?.subLinkType === 'ANY_SUBLINK' ? arg : undefined;
}
