/**
 * Writes the list of an alias out where it would name other columns than the client's: rewriting has added some between them, as in
 * `(a JOIN b) AS j(x, y)`, or columns that share a name must be told apart. The order is that of the resolver's own model.
 */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { isAmbiguousName, sentColumn } from '../../sql/analyze/column.ts';
import type { Marks } from '../../sql/analyze/findings.ts';
import type { RangeTableColumn, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import { as, type Body, type Node, placeIn, quoteName } from '../../sql/parse/tree.ts';
import { nameExtent } from '../../sql/text/extent.ts';
import { isName, type Token, tokenAt } from '../../sql/text/tokens.ts';
import type { AddedColumns } from './added-columns.ts';
import { RESERVED_PREFIX } from './names.ts';
import { NotRewritable, type Rewriter } from './rewriter.ts';
import { addsColumns, isWrittenOut, showsMore } from './whole-rows.ts';

/** One column of a FROM item in the sent text. `column`: the client's own; absent if the rewriting adds it. */
interface SentColumn {
  readonly name: string;
  readonly column?: RangeTableColumn;
}

/** Renames columns that share a name, if a star or a whole row that contains them must be written out. */
export function nameTwins({ stars, wholeRows, rowStars }: Marks): void {
  let count = 0;
  let changed = true;
  const tell = (entry: RangeTableEntry, column: RangeTableColumn): void => {
    const from = entry.source.kind === 'join' && entry.name === undefined ? (column.from ?? column.same) : undefined;
    if (from) tell(from.entry, from.column);
    else if (!entry.distinct?.has(column) && isAmbiguousName(entry, column) && canBeListed(entry)) {
      count += 1;
      entry.distinct ??= new Map();
      entry.distinct.set(column, `${RESERVED_PREFIX}n_${count}`);
      changed = true;
    }
  };
  // A star that is written out may show another item, whose columns get names, and whose stars are then written out.
  while (changed) {
    changed = false;
    for (const star of stars) if (isWrittenOut(star)) for (const { entry, column } of star.columns) tell(entry, column);
    for (const { columns } of rowStars)
      if (showsMore(columns)) for (const { entry, column } of columns) tell(entry, column);
    for (const { entry } of wholeRows)
      if (addsColumns(entry))
        for (const column of entry.columns) if (column.access === 'granted' && !column.implicit) tell(entry, column);
  }
}

/** Whether the text has a place for its alias, and so for a list of columns after it. */
function canBeListed({ name, source }: RangeTableEntry): boolean {
  if (name === undefined) return false;
  if (source.kind === 'relation') return source.use === 'read' && source.view.guarded;
  return (
    source.kind === 'query' || source.kind === 'cte' || (source.kind === 'join' && source.join.alias !== undefined)
  );
}

/** After everything that adds columns, and before what surrounds a FROM item. */
export function rewriteAliases(w: Rewriter, analysis: Analysis, added: AddedColumns): void {
  const { relations, cteReferences, aliased } = analysis.marks;
  for (const { node, entry } of relations) {
    if (entry.distinct) writeList(w, behindName(w, as(node, 'RangeVar')!), as(node, 'RangeVar')!, entry, added);
  }
  for (const { node, entry } of cteReferences) {
    if (entry.guard?.needed || entry.distinct)
      writeList(w, behindName(w, as(node, 'RangeVar')!), as(node, 'RangeVar')!, entry, added);
  }
  const wanted = aliased.filter(({ body, entry }) => namesFor(entry, body.alias!, added).length > 0);
  if (wanted.length === 0) return;
  const closing = closingBrackets(w, aliased);
  for (const { body, entry } of wanted) {
    const bracket = closing.get(body);
    if (bracket === undefined) throw new NotRewritable(`no place for the columns of "${entry.name}"`);
    writeList(w, bracket, body, entry, added);
  }
}

/** `last`: the index of the last token before the alias. */
function writeList(
  w: Rewriter,
  last: number,
  body: { alias?: Body<'Alias'> },
  entry: RangeTableEntry,
  added: AddedColumns,
): void {
  const tokens = w.parsed.tokens();
  const { alias } = body;
  const names = namesFor(entry, alias, added);
  const list = `(${names.map(quoteName).join(', ')})`;
  const colnames = names.map((sval): Node => ({ String: { sval } }));
  if (!alias) {
    w.edits.close(tokens[last]!.end, [` AS ${quoteName(entry.name!)}${list}`]);
    w.mutate(() => {
      body.alias = { aliasname: entry.name!, colnames };
    });
    return;
  }
  const at = last + (tokens[last + 1]?.word === 'as' ? 2 : 1);
  const name = tokens[at];
  const [open, close] = [tokens[at + 1], tokens[tokens[at + 1]?.match ?? -1]];
  if (!name || (alias.colnames?.length && (open?.word !== '(' || !close)))
    throw new NotRewritable('no place for an alias');
  if (alias.colnames?.length) w.edits.replace(open!.start, close!.end, [list]);
  else w.edits.close(name.end, [list]);
  w.mutate(() => {
    alias.colnames = colnames;
  });
}

/** The names that the list must have; undefined if it may stay unchanged. */
function namesFor(entry: RangeTableEntry, alias: Body<'Alias'> | undefined, added: AddedColumns): string[] {
  const sent = sentColumns(entry, added);
  // `ok` has another name in the CTE itself.
  const ok = entry.source.kind === 'cte' && entry.guard?.needed ? entry.guard.name : undefined;
  let given = alias?.colnames?.length ?? 0;
  let [last, changes] = [-1, false];
  let between = false;
  for (const [i, { name, column }] of sent.entries()) {
    const isGiven = column !== undefined && given > 0;
    if (isGiven) given -= 1;
    const differs = name === ok || (column !== undefined && entry.distinct?.has(column) === true);
    if (differs || (isGiven && between)) changes = true;
    if (differs || isGiven) last = i;
    if (column === undefined) between = true;
  }
  return changes ? sent.slice(0, last + 1).map(({ name }) => name) : [];
}

/** In the order of the server, in which columns added to one side of a join precede the columns of the other. */
function sentColumns(entry: RangeTableEntry, added: AddedColumns): SentColumn[] {
  const { source } = entry;
  const own = entry.columns.filter((column) => column.access === 'granted' && !column.implicit);
  const sent = own.map((column): SentColumn => ({ name: sentColumn(entry, column) ?? column.name, column }));
  const more = added.namesOf(entry).map((name): SentColumn => ({ name }));
  if (source.kind === 'cte') {
    // What SEARCH and CYCLE add comes last.
    const width = source.cte.columns?.length ?? 0;
    return [...sent.slice(0, width), ...more, ...sent.slice(width)];
  }
  if (source.kind !== 'join') return [...sent, ...more];
  const { shared, arms } = source;
  const rest = arms
    .flatMap((arm) => sentColumns(arm, added))
    .filter(({ column }) => column === undefined || !shared.includes(column.name));
  const merged = sent.splice(0, shared.length);
  const all = [...merged, ...rest.map((one) => (one.column === undefined ? one : (sent.shift() ?? one)))];
  if (sent.length > 0 || all.filter(({ column }) => column !== undefined).length !== own.length)
    throw new NotRewritable('a join with columns that cannot be told');
  return all;
}

/** The last token before the alias of a table or CTE. */
function behindName(w: Rewriter, body: Body<'RangeVar'>): number {
  const tokens = w.parsed.tokens();
  const name = nameExtent(body.location, w.parsed);
  if (!name) throw new NotRewritable('no place for a relation');
  const last = tokenAt(tokens, name.end - 1);
  return ['*', ')'].includes(tokens[last + 1]?.word ?? '') && body.alias ? last + 1 : last;
}

/** Of each subquery and join the index of the bracket before its alias. A wrong one is found where the text is parsed again. */
function closingBrackets(w: Rewriter, aliased: Marks['aliased']): Map<object, number> {
  const tokens = w.parsed.tokens();
  const taken = new Set<number>();
  const found = new Map<object, number>();
  for (const { body } of aliased) {
    const inside = placeIn(body);
    const from = inside === undefined ? -1 : tokenAt(tokens, w.parsed.toChar(inside));
    for (let i = from; i >= 0; i -= 1) {
      const { match, word } = tokens[i]!;
      if (match >= 0 && match < i) i = match;
      else if (word === '(' && match > from && !taken.has(match) && isFollowedBy(tokens, match, body.alias!)) {
        taken.add(match);
        found.set(body, match);
        break;
      }
    }
  }
  return found;
}

function isFollowedBy(tokens: readonly Token[], close: number, { aliasname, colnames }: Body<'Alias'>): boolean {
  const at = close + (tokens[close + 1]?.word === 'as' ? 2 : 1);
  const name = tokens[at];
  return (
    name !== undefined &&
    isName(name, aliasname ?? '') &&
    (tokens[at + 1]?.word === '(') === (colnames !== undefined && colnames.length > 0)
  );
}
