/** Whole rows and stars of relations that rewriting gives more columns: written out, so that these do not show. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { spell } from '../../sql/analyze/column.ts';
import type { FieldAsCall } from '../../sql/analyze/findings.ts';
import type { RangeTableColumn, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import { as, type Node, quoteName, replaceInPlace } from '../../sql/parse/tree.ts';
import { nameExtent } from '../../sql/text/extent.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import { okOf } from './export-ok.ts';
import { behindJoins } from './group-keys.ts';
import { expressionTree, NotRewritable, type Rewriter, selectTree } from './rewriter.ts';
import { sentName } from './sent-name.ts';
import { isTemporaryTarget, withoutOrigin } from './temporary.ts';

type Star = Analysis['marks']['stars'][number];

/** Columns that are aggregated in the text because they depend on a key of GROUP BY. */
export type Aggregated = ReadonlyMap<RangeTableColumn, string>;

const NONE: Aggregated = new Map();

/** Whether rewriting adds columns to this entry's, or gives some of them other names. */
export function addsColumns(entry: RangeTableEntry): boolean {
  const { source, systemColumns, distinct, guard, carries } = entry;
  if (distinct) return true;
  if (source.kind === 'join') return source.arms.some(addsColumns);
  if (source.kind === 'excluded') return addsColumns(source.of);
  // A target is sent as itself, with its withheld columns.
  if (source.kind === 'relation' && source.use === 'target' && source.view.guarded) return true;
  return systemColumns !== undefined || guard?.needed === true || carries === true;
}

/** Whether a row of it may be the empty side of an outer join. */
function mayBeAbsent({ level }: RangeTableEntry): boolean {
  return level.entries.some(({ source }) => source.kind === 'join' && source.join.jointype !== 'JOIN_INNER');
}

/** Whether an alias gives its columns other names: as whole rows they still have the table's own. */
export function isRenamed({ source, prefix }: RangeTableEntry): boolean {
  return (
    prefix !== undefined && source.kind === 'relation' && as(source.node, 'RangeVar')?.alias?.colnames !== undefined
  );
}

/**
 * `t` becomes `(SELECT r FROM (SELECT t.a, t.b) AS r)`: the row without its `ok`; NULL for the empty side of an outer join. `ownType`: `r` is made a
 * row of the table's type, with each column at its place.
 */
export function rewriteWholeRow(
  w: Rewriter,
  node: Node,
  entry: RangeTableEntry,
  aggregated: Aggregated,
  grouped: boolean,
  ownType: boolean,
): void {
  const range = w.range(node);
  const columns = entry.columns
    .filter((c) => c.access === 'granted' && !c.implicit)
    .map((c) => listed(entry, c, grouped ? aggregated : NONE, fieldOf(entry, c)));
  const type = ownType && entry.source.kind === 'relation' ? `::${sentName(entry.source.view.relation)}` : '';
  const row = `(SELECT rowgate_r${type} FROM (SELECT ${columns.join(', ')}) AS rowgate_r)`;
  const present = presenceOf(entry, grouped);
  const text = present ? `CASE WHEN ${present} THEN ${row} END` : row;
  w.edits.replace(range.start, range.end, [text]);
  const tree = expressionTree([text]);
  // What it reads may be able to tell, and then the row itself is wrapped.
  w.mutateFirst(() => replaceInPlace(node, tree));
}

/** True if there is a row, false on the empty side of an outer join; undefined if there always is a row. */
function presenceOf(entry: RangeTableEntry, grouped: boolean): string | undefined {
  // The row of a target is always there.
  if (entry.source.kind === 'relation' && entry.source.use === 'target') return undefined;
  if (entry.guard?.needed)
    return grouped ? `pg_catalog.count(${entry.guard.name}) > 0` : `${entry.guard.name} IS NOT NULL`;
  if (!mayBeAbsent(entry)) return undefined;
  const row = `${quoteName(entry.rename ?? entry.name ?? '')}.*`;
  // Not IS NOT NULL, which is false of a row that holds NULL.
  return grouped ? `pg_catalog.count(${row}) > 0` : `${row} IS DISTINCT FROM NULL`;
}

/** The name of a column in a row as a whole. */
function fieldOf({ source, columns }: RangeTableEntry, column: RangeTableColumn): string {
  const own = source.kind === 'relation' ? source.view.columns[columns.indexOf(column)] : undefined;
  return own?.column.name ?? column.name;
}

/** As an item of a list that has this name. */
function listed(entry: RangeTableEntry, column: RangeTableColumn, aggregated: Aggregated, name: string): string {
  const aggregate = aggregated.get(column.from ? behindJoins({ entry, column }).column : column);
  if (aggregate !== undefined) return `${aggregate} AS ${quoteName(name)}`;
  const text = spelled(entry, column);
  if (isTemporaryTarget(entry)) return `${withoutOrigin(text)} AS ${quoteName(name)}`;
  return text.endsWith(`.${quoteName(name)}`) || text === quoteName(name) ? text : `${text} AS ${quoteName(name)}`;
}

/** `(t).field` becomes `(t.field)`: the row that would be made without its `ok` has no names. `isCall`: it is written `field(t)`. */
export function rewriteRowField(
  w: Rewriter,
  node: Node,
  entry: RangeTableEntry,
  column: RangeTableColumn,
  isCall: boolean,
): void {
  const body = as(node, 'A_Indirection')!;
  if (isCall) {
    const range = w.range(node);
    const text = spelled(entry, column);
    w.edits.replace(range.start, range.end, [text]);
    const reference = expressionTree([text]);
    w.mutateFirst(() => replaceInPlace(node, reference));
    return;
  }
  const inner = w.outerRange(body.arg!);
  const tokens = w.parsed.tokens();
  // After the brackets, the dot and the name.
  const field = tokens[tokenAt(tokens, inner.end - 1) + 2];
  if (!field) throw new NotRewritable('no place for a field of a row');
  const text = spelled(entry, column);
  w.edits.replace(inner.start, field.end, [`(${text})`]);
  const reference = expressionTree([text]);
  w.mutateFirst(() => {
    const [, ...rest] = body.indirection!;
    replaceInPlace(node, rest.length === 0 ? reference : { A_Indirection: { arg: reference, indirection: rest } });
  });
}

/** `field(row)` becomes `(row).field`: of a call the server would look for a function first, by a path of its own. */
export function writeAsField(w: Rewriter, { name, location }: FieldAsCall): void {
  const called = nameExtent(location, w.parsed);
  const tokens = w.parsed.tokens();
  const close = called && tokens[tokens[tokenAt(tokens, called.end - 1) + 1]?.match ?? -1];
  if (!close) throw new NotRewritable(`no place for the field ${name}`);
  w.edits.replace(called.start, called.end, []);
  w.edits.close(close.end, [`.${quoteName(name)}`]);
}

/** `ROW(t.*)` with the columns written out, where the star would include more. */
export function writeOutRowStar(w: Rewriter, star: Analysis['marks']['rowStars'][number]): void {
  const range = w.range(star.item);
  const text = star.columns.map(({ entry, column }) => spelled(entry, column)).join(', ');
  w.edits.replace(range.start, range.end, [text]);
  const columns = as(expressionTree([`ROW(${text})`]), 'RowExpr')!.args!;
  w.mutate(() => {
    const items = star.row.args!;
    items.splice(items.indexOf(star.item), 1, ...columns);
  });
}

/** Whether the columns of a star must be named, once the needed guards are known. */
export function showsMore(columns: Star['columns']): boolean {
  return columns.some(({ entry }) => addsColumns(entry));
}

/** The column so that it means this one; refused where no spelling can. */
export function spelled(entry: RangeTableEntry, column: RangeTableColumn): string {
  const text = spell(entry, column);
  if (text === undefined && entry.hasTwin)
    throw new NotRewritable(`two items named "${entry.name}" in FROM: give each an alias of its own`);
  if (text === undefined)
    throw new NotRewritable(
      `two columns named "${column.name}" behind a star or a whole row: name the columns instead`,
    );
  return text;
}

/** Whether a star becomes a list of columns, once it is known which guards are needed. */
export function isWrittenOut(star: Pick<Star, 'level' | 'columns'>): boolean {
  return star.level.entries.some(addsColumns) || showsMore(star.columns);
}

/** Puts the columns in a star's place where it must not show more than they; true where it did. */
export function writeOutStar(w: Rewriter, star: Star, aggregated: Aggregated): boolean {
  const reference = as(star.target.val, 'ColumnRef');
  const holdsAggregate = star.columns.some((found) => aggregated.has(behindJoins(found).column));
  const writesOut = isWrittenOut(star) || holdsAggregate;
  const isTable = reference !== undefined && (reference.location ?? -1) < 0;
  const guarded = star.level.entries.some((e) => e.source.kind === 'relation' && e.source.view.guarded);
  // TABLE has no list that could be added to.
  const ok = isTable && star.level.exports !== undefined ? [`${okOf(star.level)} AS ${star.level.exports}`] : [];
  if (!writesOut && !(isTable && (guarded || ok.length > 0))) return false;
  if (star.columns.length === 0) throw new NotRewritable('a star without columns');
  const columns = star.columns.map(({ entry, column }) => listed(entry, column, aggregated, column.name));
  const text = [...(writesOut ? columns : ['*']), ...ok].join(', ');
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
  return writesOut;
}
