/** Whole rows and stars of relations that rewriting gives more columns: written out, so that these do not show. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { spell } from '../../sql/analyze/column.ts';
import type { Entry, EntryColumn } from '../../sql/analyze/model.ts';
import { tokenAt } from '../../sql/tokens.ts';
import { as, type Node, quoteName } from '../../sql/tree.ts';
import { behindJoins } from './group-keys.ts';
import { become, expressionTree, NotRewritable, type Rewriter, selectTree } from './rewriter.ts';
import { isTemporaryTarget, withoutOrigin } from './temporary.ts';

type Star = Analysis['marks']['stars'][number];

/** Columns that an aggregate stands for, because they depend on a key of GROUP BY. */
export type Aggregated = ReadonlyMap<EntryColumn, string>;

const NONE: Aggregated = new Map();

/** Whether rewriting puts more beside this entry's columns: an `ok`, or system columns that were granted. */
export function addsColumns(entry: Entry): boolean {
  const { source } = entry;
  if (source.kind === 'join') return source.arms.some(addsColumns);
  if (source.kind === 'excluded') return addsColumns(source.of);
  // INVARIANT: a target stands in the text as itself, with the columns that are withheld.
  if (source.kind === 'relation' && source.use === 'target' && source.view.guarded) return true;
  const system = source.kind === 'relation' && source.view.guarded && entry.columns.some((c) => c.implicit);
  return system || entry.guard?.needed === true || entry.carries === true;
}

/** `t` becomes `(SELECT r FROM (SELECT t.a, t.b) AS r)`: the row without its `ok`; NULL where an outer join has none. */
export function rewriteWholeRow(w: Rewriter, node: Node, entry: Entry, aggregated: Aggregated, grouped: boolean): void {
  const range = w.range(node);
  const columns = entry.columns
    .filter((c) => c.access === 'granted' && !c.implicit)
    .map((c) => listed(entry, c, grouped ? aggregated : NONE));
  const row = `(SELECT rowgate_r FROM (SELECT ${columns.join(', ')}) AS rowgate_r)`;
  const present = presenceOf(entry, grouped);
  const text = present ? `CASE WHEN ${present} THEN ${row} END` : row;
  w.edits.replace(range.start, range.end, [text]);
  const tree = expressionTree([text]);
  // What it reads may be able to tell, and then the row itself is wrapped.
  w.mutateFirst(() => become(node, tree));
}

/** True where there is a row, false where an outer join has none; undefined where rewriting has put nothing into it that could tell. */
function presenceOf(entry: Entry, grouped: boolean): string | undefined {
  // The row of a target is always there.
  if (entry.source.kind === 'relation' && entry.source.use === 'target') return undefined;
  const system = entry.columns.find((column) => column.implicit);
  const mark = entry.guard?.needed ? entry.guard.name : system && spelled(entry, system);
  if (mark === undefined) return undefined;
  return grouped ? `pg_catalog.count(${mark}) > 0` : `${mark} IS NOT NULL`;
}

/** As an item of a list that keeps the column's name. */
function listed(entry: Entry, column: EntryColumn, aggregated: Aggregated): string {
  const aggregate = aggregated.get(column.from ? behindJoins({ entry, column }).column : column);
  if (aggregate !== undefined) return `${aggregate} AS ${quoteName(column.name)}`;
  const text = spelled(entry, column);
  return isTemporaryTarget(entry) ? `${withoutOrigin(text)} AS ${quoteName(column.name)}` : text;
}

/** `(t).field` becomes `(t.field)`: the row that would be made without its `ok` has no names. */
export function rewriteRowField(w: Rewriter, node: Node, entry: Entry, column: EntryColumn): void {
  const body = as(node, 'A_Indirection')!;
  const inner = w.outerRange(body.arg!);
  const tokens = w.parsed.tokens();
  // Behind the brackets, the dot and the name.
  const field = tokens[tokenAt(tokens, inner.end - 1) + 2];
  if (!field) throw new NotRewritable('no place for a field of a row');
  const text = spelled(entry, column);
  w.edits.replace(inner.start, field.end, [`(${text})`]);
  const reference = expressionTree([text]);
  w.mutateFirst(() => {
    const [, ...rest] = body.indirection!;
    become(node, rest.length === 0 ? reference : { A_Indirection: { arg: reference, indirection: rest } });
  });
}

/** `ROW(t.*)` with the columns written out, where the star would stand for more. */
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

/** Whether the columns that a star stands for must be named, once it is known which guards are needed. */
export function showsMore(columns: Star['columns']): boolean {
  return columns.some(({ entry }) => addsColumns(entry));
}

/** The column so that it means this one; refused where no spelling can. */
export function spelled(entry: Entry, column: EntryColumn): string {
  const text = spell(entry, column);
  if (text === undefined)
    throw new NotRewritable(
      `two columns named "${column.name}" behind a star or a whole row: name the columns instead`,
    );
  return text;
}

/** Whether a star becomes a list of columns, once it is known which guards are needed. */
function isWrittenOut(star: Star): boolean {
  return star.level.entries.some(addsColumns) || showsMore(star.columns);
}

/** Puts the columns in a star's place where it must not show more than they; true where it did. */
export function writeOutStar(w: Rewriter, star: Star, aggregated: Aggregated): boolean {
  const reference = as(star.target.val, 'ColumnRef');
  const holdsAggregate = star.columns.some((found) => aggregated.has(behindJoins(found).column));
  const writesOut = isWrittenOut(star) || holdsAggregate;
  const isTable = reference !== undefined && (reference.location ?? -1) < 0;
  const guarded = star.level.entries.some((e) => e.source.kind === 'relation' && e.source.view.guarded);
  if (!writesOut && !(isTable && guarded)) return false;
  if (star.columns.length === 0) throw new NotRewritable('a star without columns');
  const text = writesOut ? star.columns.map(({ entry, column }) => listed(entry, column, aggregated)).join(', ') : '*';
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
