/** Whole rows and stars of relations that rewriting gives more columns: written out, so that these do not show. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { spell } from '../../sql/analyze/column.ts';
import type { Entry, EntryColumn } from '../../sql/analyze/model.ts';
import { tokenAt } from '../../sql/tokens.ts';
import { as, type Node } from '../../sql/tree.ts';
import { become, expressionTree, NotRewritable, type Rewriter, selectTree } from './rewriter.ts';

type Star = Analysis['marks']['stars'][number];

/** Whether rewriting puts more beside this entry's columns: an `ok`, or system columns that were granted. */
export function addsColumns(entry: Entry): boolean {
  const { source } = entry;
  if (source.kind === 'join') return source.arms.some(addsColumns);
  if (source.kind === 'excluded') return addsColumns(source.of);
  // INVARIANT: a target stands in the text as itself, with the columns that are withheld.
  if (source.kind === 'relation' && source.use === 'target' && source.view.guarded) return true;
  const system = source.kind === 'relation' && source.view.guarded && entry.columns.some((c) => c.implicit);
  return system || entry.guard?.needed === true;
}

/** `t` becomes `(SELECT r FROM (SELECT t.a, t.b) AS r)`: the row without its `ok`; NULL where an outer join has none. */
export function rewriteWholeRow(w: Rewriter, node: Node, entry: Entry): void {
  const range = w.range(node);
  const columns = entry.columns.filter((c) => c.access === 'granted' && !c.implicit).map((c) => spelled(entry, c));
  const row = `(SELECT rowgate_r FROM (SELECT ${columns.join(', ')}) AS rowgate_r)`;
  const guard = entry.guard;
  const text = guard?.needed ? `CASE WHEN ${guard.name} IS NOT NULL THEN ${row} END` : row;
  w.edits.replace(range.start, range.end, [text]);
  const tree = expressionTree([text]);
  w.mutate(() => become(node, tree));
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
export function isWrittenOut(star: Star): boolean {
  return star.level.entries.some(addsColumns);
}

/** Puts the columns in a star's place where it must not show more than they. */
export function writeOutStar(w: Rewriter, star: Star): void {
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
