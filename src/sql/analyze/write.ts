/** Resolves INSERT, UPDATE and DELETE: their target, what they read, and what they return. What of the target may be read or written is the policy's. */
import type { WriteEvent } from '../catalog/catalog.ts';
import { as, type Body, kindOf, type Node } from '../parse/tree.ts';
import { BOOL } from '../types/oids.ts';
import { assign, insertColumns, setList } from './assigned-columns.ts';
import { resolveConflict } from './conflict.ts';
import { resolveWith } from './cte.ts';
import { refuseTwins } from './entries.ts';
import type { Write } from './findings.ts';
import { resolveFrom, resolveItem } from './from.ts';
import { newLevel } from './levels.ts';
import type { ExpressionPlace, QueryLevel, RangeTableEntry, Scope } from './range-table.ts';
import { resolveRangeVar } from './range-var.ts';
import type { Resolver } from './resolver.ts';
import { condition, root } from './root.ts';
import { lateScope, refuseStarsInValues, scopeOf, shadow, use } from './target.ts';
import { resolveTarget } from './target-list.ts';

/** The level of a data-modifying statement; undefined for any other. */
export function resolveWrite(r: Resolver, node: Node, place: ExpressionPlace): QueryLevel | undefined {
  switch (kindOf(node)) {
    case 'InsertStmt': {
      const body = as(node, 'InsertStmt')!;
      const updates = body.onConflictClause?.action === 'ONCONFLICT_UPDATE';
      return insert(r, body, start(r, node, body, place, updates ? ['insert', 'update'] : ['insert']));
    }
    case 'UpdateStmt': {
      const body = as(node, 'UpdateStmt')!;
      return update(r, body, start(r, node, body, place, ['update']));
    }
    case 'DeleteStmt': {
      const body = as(node, 'DeleteStmt')!;
      return remove(r, body, start(r, node, body, place, ['delete']));
    }
    case 'MergeStmt': {
      const body = as(node, 'MergeStmt')!;
      return resolveMerge(r, body, start(r, node, body, place, mergeEvents(r, body)));
    }
    default:
      return undefined;
  }
}

const MERGE_EVENTS: Readonly<Record<string, WriteEvent>> = {
  CMD_INSERT: 'insert',
  CMD_UPDATE: 'update',
  CMD_DELETE: 'delete',
};

function mergeEvents(r: Resolver, body: Body<'MergeStmt'>): WriteEvent[] {
  const events = new Set<WriteEvent>();
  for (const node of body.mergeWhenClauses ?? []) {
    const command = as(node, 'MergeWhenClause')?.commandType ?? '';
    const event = MERGE_EVENTS[command];
    if (event) events.add(event);
    else if (command !== 'CMD_NOTHING') r.unsupported(`MERGE … ${command}`, undefined);
  }
  return [...events];
}

interface Written {
  relation?: Body<'RangeVar'>;
  withClause?: Body<'WithClause'>;
}

function start(r: Resolver, node: Node, body: Written, place: ExpressionPlace, events: readonly WriteEvent[]): Write {
  const ctes = body.withClause ? resolveWith(r, body.withClause, place) : place.ctes;
  const level = newLevel(r, 'write', undefined, { outer: place.outer, ctes });
  const command = kindOf(node) as Write['command'];
  const target = resolveRangeVar(r, { RangeVar: body.relation! }, level, { command, events });
  const write: Write = { node, command, level, target, name: body.relation!, events, sets: new Set(), lists: [] };
  if (target?.source.kind === 'relation') r.marks.writes.push(write);
  for (const event of events) use(r, write, event);
  // A MERGE that only does nothing writes nothing, and yet reads every row of its target.
  if (command !== 'InsertStmt') use(r, write, 'select');
  return write;
}

function insert(r: Resolver, body: Body<'InsertStmt'>, write: Write): QueryLevel {
  const { level } = write;
  const select = as(body.selectStmt, 'SelectStmt');
  const source = select && r.select(select, { outer: level.outer, ctes: level.ctes, open: true });
  if (source) write.source = source;
  const rows = select?.valuesLists?.map((list) => as(list, 'List')?.items ?? []);
  const width = rows ? Math.max(...rows.map((row) => row.length)) : (source?.outputs.length ?? 0);
  const columns = insertColumns(r, write, body, body.cols, width, rows);
  columns.forEach((column, i) => {
    if (rows) for (const row of rows) assign(r, column, row[i]);
    else {
      const output = source?.outputs[i];
      if (column && output?.untyped !== undefined) r.settle(output.untyped, column.type);
      else assign(r, column, undefined, output?.type);
    }
  });
  if (body.onConflictClause) resolveConflict(r, body.onConflictClause, write);
  resolveReturning(r, body.returningClause, write, level.entries);
  return level;
}

function update(r: Resolver, body: Body<'UpdateStmt'>, write: Write): QueryLevel {
  const { level } = write;
  resolveFrom(r, body.fromClause ?? [], level);
  const found = [...level.entries];
  if (body.whereClause) where(r, body.whereClause, scopeOf(level, found), write);
  resolveReturning(r, body.returningClause, write, level.entries);
  setList(r, body.targetList, lateScope(level, found), write);
  return level;
}

function remove(r: Resolver, body: Body<'DeleteStmt'>, write: Write): QueryLevel {
  const { level } = write;
  resolveFrom(r, body.usingClause ?? [], level);
  if (body.whereClause) where(r, body.whereClause, scopeOf(level), write);
  resolveReturning(r, body.returningClause, write, level.entries);
  return level;
}

/**
 * WHERE CURRENT OF is the whole of WHERE: no filter can be added. The row is one that this session's cursor returned. On a table whose rows may all
 * be read and written, it reveals nothing.
 */
function where(r: Resolver, node: Node, scope: Scope, { target }: Write): void {
  const current = as(node, 'CurrentOfExpr');
  if (!current) {
    condition(r, node, 'row', scope, 'WHERE');
    return;
  }
  r.read.add(current);
  // INVARIANT 112: a write that no filter can be put into is of a table without one.
  const isOpen = target?.source.kind === 'relation' && target.source.view.hides === 'no';
  if (!isOpen || current.cursor_name === undefined)
    r.unsupported('WHERE CURRENT OF on a table of which rows are withheld', undefined, 'Write the key of the row.');
  r.marks.expressions.set(node, { type: BOOL, leakproof: false, constant: false, barrier: 'none' });
  scope.level.roots.push({ node, phase: 'row', inFrom: false, scope, target: undefined });
}

/** MERGE: its source, the condition that joins them, and each WHEN with the names that are visible there. Returns the write's level. */
function resolveMerge(r: Resolver, body: Body<'MergeStmt'>, write: Write): QueryLevel {
  const { level } = write;
  const targets = [...level.entries];
  refuseTwins(r, targets, resolveItem(r, body.sourceRelation!, level));
  const sources = level.entries.filter((entry) => !targets.includes(entry));
  if (body.joinCondition) condition(r, body.joinCondition, 'row', scopeOf(level), 'ON');
  // A star goes through the source before the target (manual, MERGE).
  resolveReturning(r, body.returningClause, write, [...sources, ...targets]);
  for (const node of body.mergeWhenClauses ?? []) {
    const when = as(node, 'MergeWhenClause')!;
    const scope = lateScope(level, visibleIn(when, targets, sources));
    if (when.condition) condition(r, when.condition, 'row', scope, 'WHEN');
    if (when.commandType === 'CMD_INSERT') {
      const columns = insertColumns(r, write, when, when.targetList, when.values?.length ?? 0);
      refuseStarsInValues(r, when.values ?? []);
      when.values?.forEach((value, i) => {
        root(r, value, 'row', scope);
        assign(r, columns[i], value);
      });
    } else setList(r, when.targetList, scope, write);
  }
  return level;
}

function visibleIn(
  { matchKind }: Body<'MergeWhenClause'>,
  targets: readonly RangeTableEntry[],
  sources: readonly RangeTableEntry[],
): readonly RangeTableEntry[] {
  switch (matchKind) {
    case 'MERGE_WHEN_NOT_MATCHED_BY_TARGET':
      return sources;
    case 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE':
      return targets;
    default:
      return [...targets, ...sources];
  }
}

/** Resolves RETURNING: the rows as they are then, `old` and `new`. `order`: the entries as a star goes through them. */
function resolveReturning(
  r: Resolver,
  clause: Body<'ReturningClause'> | undefined,
  write: Write,
  order: readonly RangeTableEntry[],
): QueryLevel {
  const { level } = write;
  if (!clause?.exprs?.length) return level;
  use(r, write, 'select');
  const names = new Map([
    ['RETURNING_OPTION_OLD', 'old'],
    ['RETURNING_OPTION_NEW', 'new'],
  ]);
  for (const node of clause.options ?? []) {
    const option = as(node, 'ReturningOption');
    if (option?.option && option.value) names.set(option.option, option.value);
  }
  const shadows = [...names.values()].flatMap((name) => shadow(r, write, name) ?? []);
  const scope = lateScope(level, [...order.filter((e) => !shadows.includes(e)), ...shadows]);
  for (const node of clause.exprs) resolveTarget(r, node, scope, clause.exprs);
  return level;
}
