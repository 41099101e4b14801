/** Resolves INSERT, UPDATE, DELETE and MERGE: their target, what they read, and what they return. Whether the target may be written is the policy's. */
import type { Body, Node } from '../tree.ts';
import { as, kindOf } from '../tree.ts';
import { resolveWith } from './cte.ts';
import { enter } from './entries.ts';
import type { Action } from './findings.ts';
import { resolveFrom, resolveItem } from './from.ts';
import { newLevel } from './levels.ts';
import type { Entry, EntryColumn, Level, Place, RelationView, Scope } from './model.ts';
import { resolveRangeVar } from './range-var.ts';
import type { Resolver } from './resolver.ts';
import { condition, root } from './root.ts';
import { resolveTarget } from './target-list.ts';

/** The level of a data-modifying statement; undefined for any other. */
export function resolveWrite(r: Resolver, node: Node, place: Place): Level | undefined {
  switch (kindOf(node)) {
    case 'InsertStmt':
      return insert(r, as(node, 'InsertStmt')!, place);
    case 'UpdateStmt':
      return update(r, as(node, 'UpdateStmt')!, place);
    case 'DeleteStmt':
      return remove(r, as(node, 'DeleteStmt')!, place);
    case 'MergeStmt':
      return merge(r, as(node, 'MergeStmt')!, place);
    default:
      return undefined;
  }
}

interface Started {
  readonly level: Level;
  readonly target: Entry | undefined;
}

function start(
  r: Resolver,
  body: { relation?: Body<'RangeVar'>; withClause?: Body<'WithClause'> },
  place: Place,
  actions: readonly Action[],
): Started {
  const ctes = body.withClause ? resolveWith(r, body.withClause, place) : place.ctes;
  const level = newLevel(r, 'write', undefined, { outer: place.outer, ctes });
  const target = resolveRangeVar(r, { RangeVar: body.relation! }, level, 'target');
  for (const action of actions) use(r, body.relation, target, action);
  return { level, target };
}

function use(r: Resolver, name: Body<'RangeVar'> | undefined, target: Entry | undefined, action: Action): void {
  if (target?.source.kind !== 'relation') return;
  r.uses.push({ kind: 'relation', relation: target.source.view.relation, action, at: r.at(name?.location) });
}

function scopeOf(level: Level, entries: readonly Entry[] = level.entries): Scope {
  return { level, entries, outer: level.outer };
}

function insert(r: Resolver, body: Body<'InsertStmt'>, place: Place): Level {
  const { level, target } = start(r, body, place, ['insert']);
  checkTargets(r, body.cols, target);
  if (body.selectStmt) r.select(as(body.selectStmt, 'SelectStmt')!, { outer: level.outer, ctes: level.ctes });
  const conflict = body.onConflictClause;
  if (conflict) {
    for (const item of conflict.infer?.indexElems ?? []) {
      const expression = as(item, 'IndexElem')?.expr;
      if (expression) r.expression(expression, scopeOf(level));
    }
    if (conflict.infer?.whereClause) r.expression(conflict.infer.whereClause, scopeOf(level));
    if (conflict.action === 'ONCONFLICT_UPDATE') {
      use(r, body.relation, target, 'update');
      use(r, body.relation, target, 'select');
      const excluded = shadow(r, level, target, 'excluded');
      const scope = scopeOf(level);
      setList(r, conflict.targetList, scope, target);
      if (conflict.whereClause) condition(r, conflict.whereClause, 'row', scope, 'WHERE');
      if (excluded) excluded.nameVisible = false;
    } else if (conflict.infer) use(r, body.relation, target, 'select');
  }
  returning(r, body.relation, body.returningClause, level, target);
  return level;
}

function update(r: Resolver, body: Body<'UpdateStmt'>, place: Place): Level {
  const { level, target } = start(r, body, place, ['update', 'select']);
  resolveFrom(r, body.fromClause ?? [], level);
  const scope = scopeOf(level);
  setList(r, body.targetList, scope, target);
  if (body.whereClause) condition(r, body.whereClause, 'row', scope, 'WHERE');
  returning(r, body.relation, body.returningClause, level, target);
  return level;
}

function remove(r: Resolver, body: Body<'DeleteStmt'>, place: Place): Level {
  const { level, target } = start(r, body, place, ['delete', 'select']);
  resolveFrom(r, body.usingClause ?? [], level);
  if (body.whereClause) condition(r, body.whereClause, 'row', scopeOf(level), 'WHERE');
  returning(r, body.relation, body.returningClause, level, target);
  return level;
}

function merge(r: Resolver, body: Body<'MergeStmt'>, place: Place): Level {
  const { level, target } = start(r, body, place, ['select']);
  // INVARIANT: a MERGE that only does nothing writes nothing, and yet reads every row of its target as it stands.
  if (target?.source.kind === 'relation' && target.source.view.guarded) refuseRestricted(r, body, target.source.view);
  resolveItem(r, body.sourceRelation!, level);
  const scope = scopeOf(level);
  if (body.joinCondition) condition(r, body.joinCondition, 'row', scope, 'ON');
  for (const node of body.mergeWhenClauses ?? []) {
    const when = as(node, 'MergeWhenClause')!;
    if (when.condition) condition(r, when.condition, 'row', scope, 'WHEN');
    const action = MERGE_ACTIONS[when.commandType ?? ''];
    if (action) use(r, body.relation, target, action);
    else if (when.commandType !== 'CMD_NOTHING') r.unsupported(`MERGE … ${when.commandType}`, undefined);
    if (when.commandType === 'CMD_INSERT') {
      checkTargets(r, when.targetList, target);
      for (const value of when.values ?? []) root(r, value, 'row', scope);
    } else setList(r, when.targetList, scope, target);
  }
  returning(r, body.relation, body.returningClause, level, target);
  return level;
}

function refuseRestricted(r: Resolver, body: Body<'MergeStmt'>, { relation }: RelationView): void {
  const message = `MERGE on "${relation.name}" is not supported yet: columns or rows of it are withheld`;
  r.refuse('write-restricted', '0A000', message, r.at(body.relation?.location), {
    hint: 'Writes are supported on tables of which the role holds every column and every row.',
  });
}

const MERGE_ACTIONS: Record<string, Action> = { CMD_INSERT: 'insert', CMD_UPDATE: 'update', CMD_DELETE: 'delete' };

/** The columns that are written must be the relation's. */
function checkTargets(r: Resolver, targets: readonly Node[] | undefined, target: Entry | undefined): void {
  if (target?.source.kind !== 'relation') return;
  const { relation } = target.source.view;
  for (const node of targets ?? []) {
    const body = as(node, 'ResTarget');
    const name = body?.name ?? '';
    if (relation.columns.some((c) => c.name === name)) {
      r.uses.push({ kind: 'column', relation, column: name, at: r.at(body?.location) });
    } else
      r.refuse(
        'column-unknown',
        '42703',
        `column "${name}" of relation "${relation.name}" does not exist`,
        r.at(body?.location),
      );
    if (body?.indirection?.length) r.unsupported('assignment to a part of a column', body.location);
  }
}

function setList(r: Resolver, targets: readonly Node[] | undefined, scope: Scope, target: Entry | undefined): void {
  checkTargets(r, targets, target);
  let source: Node | undefined;
  for (const node of targets ?? []) {
    const value = as(node, 'ResTarget')?.val;
    if (!value) continue;
    const multiple = as(value, 'MultiAssignRef');
    if (!multiple?.source) root(r, value, 'row', scope);
    else if (multiple.colno !== 1 && source) {
      // (a, b) = (…): the parser gives each column a copy of the one source; what is changed in one is meant in all.
      multiple.source = source;
    } else {
      source = multiple.source;
      const row = as(source, 'RowExpr');
      if (row) for (const part of row.args ?? []) root(r, part, 'row', scope);
      else root(r, source, 'row', scope);
    }
  }
}

/** `excluded`, `old`, `new`: the target's columns under another name. */
function shadow(r: Resolver, level: Level, target: Entry | undefined, name: string): Entry | undefined {
  if (!target || level.entries.some((e) => e.name === name && e.nameVisible)) return undefined;
  const columns: EntryColumn[] = target.columns.map((c) => ({ ...c }));
  const entry = enter(r, level, { name, schema: undefined, columns, source: { kind: 'excluded', of: target } }, -1);
  entry.columnsVisible = false;
  return entry;
}

function returning(
  r: Resolver,
  relation: Body<'RangeVar'> | undefined,
  clause: Body<'ReturningClause'> | undefined,
  level: Level,
  target: Entry | undefined,
): void {
  if (!clause?.exprs?.length) return;
  use(r, relation, target, 'select');
  const names = new Map([
    ['RETURNING_OPTION_OLD', 'old'],
    ['RETURNING_OPTION_NEW', 'new'],
  ]);
  for (const node of clause.options ?? []) {
    const option = as(node, 'ReturningOption');
    if (option?.option && option.value) names.set(option.option, option.value);
  }
  for (const name of names.values()) shadow(r, level, target, name);
  const scope = scopeOf(level);
  for (const node of clause.exprs) resolveTarget(r, node, scope, clause.exprs);
}
