/** Puts guarded subqueries, schema names and renamed aliases into FROM. */
import type { RolePolicy, SelectGrant } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { viewCannotLeak } from '../../sql/analyze/leakproof-views.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import type { Body, Node } from '../../sql/parse/tree.ts';
import { as, quoteName, replaceInPlace } from '../../sql/parse/tree.ts';
import { nameExtent } from '../../sql/text/extent.ts';
import { type Token, tokenAt } from '../../sql/text/tokens.ts';
import type { AddedColumns } from './added-columns.ts';
import { behindJoins } from './group-keys.ts';
import { guardedRelation } from './guarded-relation.ts';
import type { CarriedColumn } from './names.ts';
import { NotRewritable, type Rewriter } from './rewriter.ts';
import { sentName } from './sent-name.ts';
import { isTemporary } from './temporary.ts';

/** `added`: what the guarded subqueries give besides. */
export function rewriteRelations(
  w: Rewriter,
  analysis: Analysis,
  role: RolePolicy,
  catalog: Catalog,
  added: AddedColumns,
): void {
  for (const { node, entry } of analysis.marks.relations)
    rewriteRelation(w, analysis, node, entry, role, catalog, added.ofRelation(entry));
}

/** References that name a schema, or an entry that is renamed. `replaced`: references that became something else. */
export function rewriteReferences(w: Rewriter, analysis: Analysis, replaced: ReadonlySet<object | undefined>): void {
  for (const { body, entry, drop } of analysis.marks.qualified)
    if (!replaced.has(body)) rewriteReference(w, body, entry, drop);
}

function readsTellingMask(entry: RangeTableEntry, { columns }: SelectGrant, { marks }: Analysis): boolean {
  if (![...columns.values()].some((column) => column.maskLeaks)) return false;
  return [...marks.references.values()].map(behindJoins).some((found) => {
    const { source } = found.entry;
    const at = found.entry.columns.indexOf(found.column);
    const name = source.kind === 'relation' ? source.view.columns[at]?.column.name : undefined;
    return found.entry === entry && name !== undefined && columns.get(name)?.maskLeaks === true;
  });
}

function rewriteRelation(
  w: Rewriter,
  analysis: Analysis,
  node: Node,
  entry: RangeTableEntry,
  role: RolePolicy,
  catalog: Catalog,
  exported: readonly CarriedColumn[],
): void {
  if (entry.source.kind !== 'relation') throw new NotRewritable('not a relation');
  const { view, use } = entry.source;
  const body = as(node, 'RangeVar')!;
  const { relation } = view;
  // INVARIANT 40: a target is sent as itself: `filterWrites` has limited the statement to its rows, `authorize` to its columns.
  if (use === 'target' || (!view.guarded && exported.length === 0)) {
    // A temporary table has another name there: its columns are known by an alias.
    const alias = isTemporary(relation) && !body.alias ? relation.name : undefined;
    nameRelation(w, body, relation, entry.rename ?? alias);
    return;
  }
  const select = role.relations.get(relation.oid)?.select;
  if (!select) throw new NotRewritable(`no grant for ${relation.name}`);
  const only = body.inh !== true;
  const plain = relation.kind !== 'v' || view.system;
  const made = plain ? 'plain' : viewCannotLeak(catalog, relation) ? 'leakproof' : 'leaky';
  // If groups are hidden, a mask that can fail must fail independently of the rows that the client chooses.
  const masksFirst = role.minGroup !== undefined && readsTellingMask(entry, select, analysis);
  const guard = masksFirst ? { needed: false, name: '', ...entry.guard, fenced: true } : entry.guard;
  const sample = analysis.marks.samples.get(entry);
  if (sample && !sample.drawn) throw new NotRewritable('TABLESAMPLE of a subquery');
  const subquery = guardedRelation(relation, select, guard, only, made, exported, sample?.drawn);
  const range = relationRange(w, body);
  if (sample) removeSample(w, range.end, body.alias);
  const alias = entry.rename ?? (body.alias ? undefined : relation.name);
  const tree = w.replaceBySubquery(range, subquery, alias === undefined ? '' : ` AS ${quoteName(alias)}`);
  w.mutate(() => {
    const kept = alias === undefined ? body.alias : { aliasname: alias };
    replaceInPlace(sample?.node ?? node, {
      RangeSubselect: kept ? { subquery: tree, alias: kept } : { subquery: tree },
    });
  });
}

/** `TABLESAMPLE method (…)`, which stands behind the relation and its alias. */
function removeSample(w: Rewriter, relationEnd: number, alias: Body<'Alias'> | undefined): void {
  const tokens = w.parsed.tokens();
  const last = tokenAt(tokens, relationEnd - 1);
  const first = 1 + (alias ? tokenAt(tokens, endOfAlias(tokens, last, alias) - 1) : last);
  let open = first + 1;
  while (tokens[open] && tokens[open]!.word !== '(') open += 1;
  const close = tokens[tokens[open]?.match ?? -1];
  if (tokens[first]?.word !== 'tablesample' || !close) throw new NotRewritable('TABLESAMPLE is not where it should be');
  w.edits.replace(tokens[first]!.start, close.end, []);
}

/** Names the relation by its schema, and by another alias where it needs one. */
export function nameRelation(w: Rewriter, body: Body<'RangeVar'>, relation: Relation, rename?: string): void {
  qualify(w, body, sentName(relation), rename);
  w.mutate(() => {
    delete body.catalogname;
    body.schemaname = relation.schema;
    body.relname = relation.sentName ?? relation.name;
    if (rename) body.alias = { aliasname: rename };
  });
}

function qualify(w: Rewriter, body: Body<'RangeVar'>, name: string, rename: string | undefined): void {
  const range = nameExtent(body.location, w.parsed);
  if (!range) throw new NotRewritable('no place for a relation');
  if (!rename) {
    w.edits.replace(range.start, range.end, [name]);
    return;
  }
  const tokens = w.parsed.tokens();
  const last = tokenAt(tokens, range.end - 1);
  if (tokens[last + 1]?.word === ')' && body.inh !== true)
    throw new NotRewritable('ONLY (…): write ONLY without brackets');
  const end = body.alias ? endOfAlias(tokens, last, body.alias) : range.end;
  w.edits.replace(range.start, end, [`${name} AS ${quoteName(rename)}`]);
}

/** `[ONLY] name [*]`, or `ONLY (name)`, without the alias. */
function relationRange(w: Rewriter, body: Body<'RangeVar'>): { start: number; end: number } {
  const tokens = w.parsed.tokens();
  const name = nameExtent(body.location, w.parsed);
  if (!name) throw new NotRewritable('no place for a relation');
  let first = tokenAt(tokens, name.start);
  let last = tokenAt(tokens, name.end - 1);
  if (tokens[last + 1]?.word === '*') last += 1;
  if (body.inh !== true) {
    if (tokens[first - 1]?.word === '(' && tokens[last + 1]?.word === ')') {
      first -= 1;
      last += 1;
    }
    if (tokens[first - 1]?.word !== 'only') throw new NotRewritable('ONLY is not where it should be');
    first -= 1;
  }
  return { start: tokens[first]!.start, end: tokens[last]!.end };
}

function endOfAlias(tokens: readonly Token[], last: number, alias: Body<'Alias'>): number {
  let i = last + 1;
  if (tokens[i]?.word === 'as') i += 1;
  if (alias.colnames?.length) i = tokens[i + 1]?.match ?? -1;
  const token = tokens[i];
  if (!token) throw new NotRewritable('no place for an alias');
  return token.end;
}

/** Cuts `database.schema.` off a column reference, and follows a renamed alias. */
function rewriteReference(w: Rewriter, body: Body<'ColumnRef'>, entry: RangeTableEntry, drop: number): void {
  const range = nameExtent(body.location, w.parsed);
  if (!range) throw new NotRewritable('no place for a reference');
  const tokens = w.parsed.tokens();
  const first = tokenAt(tokens, range.start);
  const kept = tokens[first + 2 * drop];
  if (!kept) throw new NotRewritable('no place for a reference');
  const fields = body.fields!;
  if (entry.rename) w.edits.replace(range.start, kept.end, [quoteName(entry.rename)]);
  else if (drop > 0) w.edits.replace(range.start, kept.start, []);
  w.mutate(() => {
    fields.splice(0, drop);
    if (entry.rename) fields[0] = { String: { sval: entry.rename } };
  });
}
