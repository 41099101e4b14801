/** Keeps a data-modifying statement to the rows that its role may see and change: the row filter joins WHERE, ON, WHEN and ON CONFLICT. */
import type { RelationGrant, RolePolicy } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { RowGuard } from '../../sql/analyze/range-table.ts';
import type { Body, Node } from '../../sql/parse/tree.ts';
import { as, quoteName } from '../../sql/parse/tree.ts';
import type { Template } from '../../sql/text/template.ts';
import { reachedRows } from '../view.ts';
import { RESERVED_PREFIX } from './names.ts';
import { expressionTree, NotRewritable, type Rewriter } from './rewriter.ts';
import { failing, type Violations } from './row-check.ts';
import { aliasOf, allOf } from './row-conditions.ts';
import { type ClausePlaces, placesOf } from './write-places.ts';

/** The role's grant on the target. Throws if there is none: `authorize` would have refused. */
export function grantOf({ target }: Write, role: RolePolicy): RelationGrant {
  const source = target?.source;
  const grant = source?.kind === 'relation' ? role.relations.get(source.view.relation.oid) : undefined;
  if (!grant) throw new NotRewritable('a write without a grant');
  return grant;
}

/** Puts the filters into every statement that writes. Before anything inside the conditions is changed. */
export function filterWrites(w: Rewriter, analysis: Analysis, role: RolePolicy, violations: Violations): void {
  analysis.marks.writes.forEach((write, i) => {
    if (isShadowed(write, analysis)) write.target!.rename ??= `${RESERVED_PREFIX}w_${i + 1}`;
  });
  for (const write of analysis.marks.writes) {
    const grant = grantOf(write, role);
    keepBehindView(write);
    nameColumns(w, write, grant);
    const conditions = reachedRows(grant, write);
    if (write.command === 'MergeStmt') filterMerge(w, write, grant);
    else if (conditions.length === 0) continue;
    else if (write.command === 'InsertStmt') filterConflict(w, write, grant, violations);
    else filterWhere(w, write, grant);
  }
}

/** What says `ok` for the rows of a target, which exports nothing; undefined for any other guard. */
export function okOfTarget(guard: RowGuard, analysis: Analysis, role: RolePolicy): Template | undefined {
  const write = analysis.marks.writes.find(({ target }) => target === guard.entry);
  const ok = write && allOf(reachedRows(grantOf(write, role), write), 'ok', aliasOf(write));
  return ok && ['(', ...ok, ' IS TRUE)'];
}

/** Inside a subquery the target's name must not mean another relation: what is asked of its rows is asked there by that name. */
function isShadowed({ target }: Write, { marks }: Analysis): boolean {
  if (!target?.guard) return false;
  return marks.levels.some((level) => level.entries.some((entry) => entry !== target && entry.name === target.name));
}

/**
 * INVARIANT 119: no `ok` tells which rows a view's query shows: if the view does not hold them back itself, no leaky expression may be evaluated with
 * them.
 */
function keepBehindView({ target }: Write): void {
  const guard = target?.guard;
  if (target?.source.kind !== 'relation' || target.source.view.hides !== 'fence') return;
  if (guard?.needed || guard?.fenced || guard?.walled)
    throw new NotRewritable(
      `a write to view "${target.name ?? ''}" beside an expression that can fail on rows that it hides: make the view WITH (security_barrier), or read first`,
    );
}

/** A column that is added to the table later is not one that this statement writes. */
function nameColumns(w: Rewriter, write: Write, grant: RelationGrant): void {
  if (grant.insert?.whole && grant.select?.whole) return;
  const places = write.lists.some(({ columns }) => columns.length > 0) ? placesOf(w, write) : undefined;
  for (const { body, columns } of write.lists) {
    if (columns.length === 0 || !places) continue;
    const at = 'matchKind' in body ? whenOf(write, places, body).insert : places.behindTarget;
    w.edits.append(at, [` (${columns.map(quoteName).join(', ')})`]);
    const list = columns.map((name): Node => ({ ResTarget: { name } }));
    w.mutate(() => {
      if ('matchKind' in body) body.targetList = list;
      else (body as Body<'InsertStmt'>).cols = list;
    });
  }
}

function filterWhere(w: Rewriter, write: Write, grant: RelationGrant): void {
  const body = as(write.node, 'UpdateStmt') ?? as(write.node, 'DeleteStmt')!;
  const conditions = reachedRows(grant, write);
  const guard = write.target?.guard;
  // Conditions that must be evaluated before other expressions use only the row itself.
  const filter = allOf(conditions, guard?.fenced ? 'ok' : 'filter', aliasOf(write))!;
  const before: Template = guard?.fenced ? [...filter, ' IS TRUE'] : filter;
  if (!body.whereClause) {
    w.edits.append(placesOf(w, write).where, [' WHERE ', ...before]);
    const tree = expressionTree(before);
    w.mutate(() => {
      body.whereClause = tree;
    });
    return;
  }
  const relations = write.level.entries.filter((entry) => entry.source.kind !== 'excluded');
  if (guard?.walled && relations.length > 1) throw cannotWall(write);
  const wall: readonly [Template, Template] | undefined = guard?.walled
    ? [['CASE WHEN ', ...before, ' THEN '], [' END']]
    : undefined;
  const tree = conjunction(w, before, body.whereClause, wall);
  w.mutate(() => {
    body.whereClause = tree;
  });
}

function cannotWall(write: Write): NotRewritable {
  return new NotRewritable(
    `a write to "${write.target?.name ?? ''}", of which rows are withheld, beside a subquery that can fail: write the subquery into WHERE, or read it first`,
  );
}

/** `filter AND (condition)`; `around`: what the condition is put into besides. The tree that is meant, for the condition's place. */
function conjunction(
  w: Rewriter,
  filter: Template,
  condition: Node,
  around: readonly [Template, Template] = [[], []],
): Node {
  const range = w.outerRange(condition);
  const [before, after] = around;
  w.edits.wrap(range.start, range.end, [...filter, ' AND ', ...before, '('], [')', ...after]);
  const tree = expressionTree([...filter, ' AND ', ...before, '(true)', ...after]);
  const args = as(tree, 'BoolExpr')!.args!;
  const inner = as(as(args.at(-1), 'CaseExpr')?.args?.[0], 'CaseWhen');
  if (around[0].length > 0 && inner) inner.result = condition;
  else args[args.length - 1] = condition;
  return tree;
}

/** INVARIANT 39: ON finds only rows that may be seen, and a branch changes only those that it may: without both, BY SOURCE reaches every other. */
function filterMerge(w: Rewriter, write: Write, grant: RelationGrant): void {
  const body = as(write.node, 'MergeStmt')!;
  const alias = aliasOf(write);
  const guard = write.target?.guard;
  const whens = (body.mergeWhenClauses ?? []).map((node) => as(node, 'MergeWhenClause')!);
  const bySource = whens.some(({ matchKind }) => matchKind === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE');
  // Then the target is the outer side of a join, and its filter in ON comes too late for expressions beside it.
  if (guard?.walled || (guard?.fenced && bySource)) throw cannotWall(write);
  const seen = allOf(reachedRows(grant, write), 'ok', alias);
  if (seen) {
    const tree = conjunction(w, [...seen, ' IS TRUE'], body.joinCondition!);
    w.mutate(() => {
      body.joinCondition = tree;
    });
  }
  const places = placesOf(w, write);
  for (const when of whens) {
    const event = MERGE_EVENTS[when.commandType ?? ''];
    // INVARIANT 258: what does nothing has a condition of the client's, too, and BY SOURCE brings it rows that ON has not found.
    const asks = when.matchKind === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE' && when.condition !== undefined;
    if (!event && !asks) continue;
    const changes = event ? (grant[event]?.conditions ?? []) : [];
    const conditions = [...new Set([...(grant.select?.conditions ?? []), ...changes])];
    const filter = allOf(conditions, 'ok', alias);
    if (!filter) continue;
    const isTrue: Template = [...filter, ' IS TRUE'];
    if (!when.condition) w.edits.append(whenOf(write, places, when).kind, [' AND ', ...isTrue]);
    const tree = when.condition ? conjunction(w, isTrue, when.condition) : expressionTree(isTrue);
    w.mutate(() => {
      when.condition = tree;
    });
  }
}

const MERGE_EVENTS: Readonly<Record<string, 'update' | 'delete'>> = { CMD_UPDATE: 'update', CMD_DELETE: 'delete' };

function whenOf(write: Write, places: ClausePlaces, when: Body<'MergeWhenClause'>): ClausePlaces['whens'][number] {
  const nodes = as(write.node, 'MergeStmt')?.mergeWhenClauses ?? [];
  const place = places.whens[nodes.findIndex((node) => as(node, 'MergeWhenClause') === when)];
  if (!place || nodes.length !== places.whens.length) throw new NotRewritable('no place for WHEN');
  return place;
}

/**
 * Of a row that may not be seen or changed ON CONFLICT fails, as row security does, before anything else looks at it: a
 * silent `INSERT 0 0` would tell what the client's own condition found there.
 */
function filterConflict(w: Rewriter, write: Write, grant: RelationGrant, violations: Violations): void {
  const clause = as(write.node, 'InsertStmt')!.onConflictClause!;
  const alias = aliasOf(write);
  const filter = allOf(reachedRows(grant, write), 'ok', alias)!;
  const before: Template = ['CASE WHEN ', ...filter, ' IS TRUE THEN '];
  const after: Template = [' ELSE ', ...failing(grant, alias, violations.add(grant, 'update', true), 'bool'), ' END'];
  const tree = expressionTree([...before, 'true', ...after]);
  const condition = clause.whereClause;
  if (!condition) w.edits.append(placesOf(w, write).where, [' WHERE ', ...before, 'true', ...after]);
  else {
    const range = w.outerRange(condition);
    w.edits.wrap(range.start, range.end, before, after);
    as(as(tree, 'CaseExpr')!.args![0], 'CaseWhen')!.result = condition;
  }
  w.mutate(() => {
    clause.whereClause = tree;
  });
}
