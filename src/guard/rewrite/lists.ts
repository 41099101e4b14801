/** Changes what lists hold: stars written out, one more column for `ok`, names that must survive, keys for functional dependency. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { spell } from '../../sql/analyze/column.ts';
import type { Entry, EntryColumn, Level } from '../../sql/analyze/model.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { columnName } from '../../sql/colname.ts';
import { tokenAt } from '../../sql/tokens.ts';
import type { Body, Node } from '../../sql/tree.ts';
import { as, kindOf, quoteName } from '../../sql/tree.ts';
import { sortFunctions } from '../../sql/types/sort.ts';
import { behindJoins } from './group-keys.ts';
import { guardsOf } from './guard-demand.ts';
import { become, expressionTree, NotRewritable, type Rewriter, selectTree } from './rewriter.ts';
import type { Sites } from './sites.ts';

export function rewriteLists(w: Rewriter, analysis: Analysis, sites: Sites, catalog: Catalog): void {
  const renamed = new Set<Node>(sites.wrapped);
  for (const whole of analysis.marks.wholeRows) {
    if (!addsColumns(whole.entry)) continue;
    rewriteWholeRow(w, whole.node, whole.entry);
    renamed.add(whole.node);
  }
  for (const star of analysis.marks.stars) writeOutStar(w, star);
  for (const level of analysis.marks.levels) {
    for (const node of addKeys(w, level, analysis, sites, catalog)) renamed.add(node);
    for (const root of level.roots) if (root.target && renamed.has(root.node)) keepName(w, root.target, root.node);
    if (level.exports !== undefined && level.kind !== 'set') exportOk(w, level);
  }
}

/** Whether rewriting puts more beside this entry's columns: an `ok`, or system columns that were granted. */
function addsColumns(entry: Entry): boolean {
  if (entry.source.kind === 'join') return entry.source.arms.some(addsColumns);
  const { source } = entry;
  const system = source.kind === 'relation' && source.view.guarded && entry.columns.some((c) => c.implicit);
  return system || entry.guard?.needed === true;
}

/** `t` becomes `(SELECT r FROM (SELECT t.a, t.b) AS r)`: the row without its `ok`; NULL where an outer join has none. */
function rewriteWholeRow(w: Rewriter, node: Node, entry: Entry): void {
  const range = w.range(node);
  const columns = entry.columns.filter((c) => c.access === 'granted' && !c.implicit).map((c) => spelled(entry, c));
  const row = `(SELECT rowgate_r FROM (SELECT ${columns.join(', ')}) AS rowgate_r)`;
  const guard = entry.guard;
  const text = guard?.needed ? `CASE WHEN ${guard.name} IS NOT NULL THEN ${row} END` : row;
  w.edits.replace(range.start, range.end, [text]);
  const tree = expressionTree([text]);
  w.mutate(() => become(node, tree));
}

function spelled(entry: Entry, column: EntryColumn): string {
  const text = spell(entry, column);
  if (text === undefined)
    throw new NotRewritable(
      `two columns named "${column.name}" behind a star or a whole row: name the columns instead`,
    );
  return text;
}

type Star = Analysis['marks']['stars'][number];

/** Whether a star becomes a list of columns, once it is known which guards are needed. */
export function isWrittenOut(star: Star): boolean {
  return star.level.entries.some(addsColumns);
}

function writeOutStar(w: Rewriter, star: Star): void {
  const reference = as(star.target.val, 'ColumnRef')!;
  const writesOut = isWrittenOut(star);
  const isTable = (reference.location ?? -1) < 0;
  const guarded = star.level.entries.some((e) => e.source.kind === 'relation' && e.source.view.guarded);
  if (!writesOut && !(isTable && guarded)) return;
  if (star.columns.length === 0) throw new NotRewritable('a star without columns');
  const text = writesOut ? star.columns.map(({ entry, column }) => spelled(entry, column)).join(', ') : '*';
  if (isTable) {
    // TABLE t: the whole form becomes a SELECT.
    const relation = as(star.level.select?.fromClause?.[0], 'RangeVar');
    const tokens = w.parsed.tokens();
    let i = tokenAt(tokens, w.parsed.toChar(relation?.location ?? 0)) - 1;
    while (i >= 0 && tokens[i]!.word !== 'table') i -= 1;
    if (i < 0) throw new NotRewritable('no place for TABLE');
    w.edits.replace(tokens[i]!.start, tokens[i]!.end, [`SELECT ${text} FROM`]);
  } else {
    const range = w.range(star.target.val!);
    w.edits.replace(range.start, range.end, [text]);
  }
  const targets = selectTree([`SELECT ${text}`]).targetList!;
  w.mutate(() => {
    const at = star.list.findIndex((n) => as(n, 'ResTarget') === star.target);
    star.list.splice(at, 1, ...targets);
  });
}

/** Gives an unnamed target the name that it had before its expression was wrapped. */
function keepName(w: Rewriter, target: Body<'ResTarget'>, node: Node): void {
  if (target.name !== undefined) return;
  const name = columnName(node);
  w.edits.append(w.outerRange(node).end, [` AS ${quoteName(name)}`]);
  w.mutate(() => {
    target.name = name;
  });
}

/** One more column, last: `ok` of all that this query reads, for the query around it. */
function exportOk(w: Rewriter, level: Level): void {
  const name = level.exports!;
  const guards = guardsOf(level.entries).map((g) => g.name);
  const terms = level.aggregated ? guards.map((g) => `pg_catalog.bool_and(${g})`) : guards;
  const ok = terms.length === 0 ? 'true' : `(${terms.join(' AND ')}) IS NOT FALSE`;
  if (level.kind === 'values') {
    exportFromValues(w, level, ok);
    return;
  }
  const list = level.select?.targetList;
  if (!list?.length) throw new NotRewritable('a query without columns in a place where it must say ok');
  const text = `, ${ok} AS ${name}`;
  w.edits.append(endOfTargets(w, level, list), [text]);
  const val = expressionTree([ok]);
  w.mutate(() => {
    list.push({ ResTarget: { name, val } });
  });
}

function endOfTargets(w: Rewriter, level: Level, list: readonly Node[]): number {
  const target = as(list.at(-1), 'ResTarget')!;
  const reference = as(target.val, 'ColumnRef');
  if (reference && kindOf(reference.fields!.at(-1)!) === 'A_Star' && (reference.location ?? -1) < 0) {
    // TABLE t: behind the list that `writeOutStar` puts in TABLE's place.
    const relation = as(level.select?.fromClause?.[0], 'RangeVar');
    throw new NotRewritable(`TABLE ${relation?.relname ?? ''} in a place where it must say ok: write SELECT`);
  }
  const { end } = w.outerRange(target.val!);
  if (target.name === undefined) return end;
  const tokens = w.parsed.tokens();
  let i = tokenAt(tokens, end - 1) + 1;
  if (tokens[i]?.word === 'as') i += 1;
  return tokens[i]!.end;
}

/** Before the bracket that closes a row of VALUES. */
function endOfRow(w: Rewriter, items: readonly Node[]): number {
  const tokens = w.parsed.tokens();
  const first = tokenAt(tokens, w.outerRange(items[0]!).start);
  // A row of one has its own brackets among those around the item.
  const open = items.length === 1 ? first : first - 1;
  const close = tokens[open]?.word === '(' ? tokens[open]!.match : -1;
  if (close < 0) throw new NotRewritable('no place for a row of VALUES');
  return tokens[close - 1]!.end;
}

function exportFromValues(w: Rewriter, level: Level, ok: string): void {
  const val = (): Node => expressionTree([ok]);
  for (const node of level.select?.valuesLists ?? []) {
    const items = as(node, 'List')!.items!;
    w.edits.append(endOfRow(w, items), [`, ${ok}`]);
    const added = val();
    w.mutate(() => {
      items.push(added);
    });
  }
}

/**
 * GROUP BY a primary key lets other columns of its table be used; through a subquery the server no longer knows. The columns
 * that are used join the keys; one whose type has no equality is read by `any_value`. Gives the nodes that were changed.
 */
function addKeys(w: Rewriter, level: Level, analysis: Analysis, sites: Sites, catalog: Catalog): Node[] {
  const group = level.select?.groupClause;
  if (!group?.length || level.groupingSets) return [];
  const changed: Node[] = [];
  const added = new Map<string, Node>();
  const depends = new Map<Entry, boolean>();
  for (const { node } of sites.ungrouped.filter((u) => u.level === level)) {
    const { entry, column } = behindJoins(analysis.marks.references.get(node)!);
    if (!depends.has(entry)) depends.set(entry, dependsOnKey(level, entry, analysis));
    if (!depends.get(entry)) continue;
    const spelling = spelled(entry, column);
    if (sortFunctions(catalog, column.type)) {
      added.set(spelling, node);
      continue;
    }
    const range = w.range(node);
    w.edits.wrap(range.start, range.end, ['pg_catalog.any_value('], [')']);
    const call = expressionTree([`pg_catalog.any_value(${spelling})`]);
    w.mutate(() => {
      const inner = { ...node };
      as(call, 'FuncCall')!.args = [inner];
      become(node, call);
    });
    changed.push(node);
  }
  if (added.size > 0) {
    const text = [...added.keys()].map((spelling) => `, ${spelling}`).join('');
    w.edits.append(w.outerRange(group.at(-1)!).end, [text]);
    const trees = [...added.keys()].map((spelling) => expressionTree([spelling]));
    w.mutate(() => {
      group.push(...trees);
    });
  }
  return changed;
}

function dependsOnKey(level: Level, entry: Entry, analysis: Analysis): boolean {
  if (entry.source.kind !== 'relation' || !entry.source.view.guarded) return false;
  const { view } = entry.source;
  const key = view.relation.primaryKey;
  if (key.length === 0) return false;
  const grouped = new Set<number>();
  for (const key of level.groupKeys) {
    const found = analysis.marks.references.get(key);
    const reference = found && behindJoins(found);
    if (reference?.entry !== entry) continue;
    const index = entry.columns.indexOf(reference.column);
    const column = view.columns[index];
    if (column && !column.masked) grouped.add(column.column.attnum);
  }
  return key.every((attnum) => grouped.has(attnum));
}
