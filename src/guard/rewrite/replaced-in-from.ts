/**
 * Functions of the server's that stand in FROM and tell too much: `pg_show_all_settings()`, as administration tools call it, is read as pg_settings, which
 * has the same columns, by the role's grant on that view; one of the class `nothing` as its columns, without a row or with NULL in each.
 */

import type { Fn } from '../../sql/catalog/catalog.ts';
import { as, type Body, type Node, quoteName, replaceInPlace } from '../../sql/parse/tree.ts';
import type { Template } from '../../sql/text/template.ts';
import { givesNothing } from '../function-class.ts';
import { guardedRelation } from './guarded-relation.ts';
import type { MetadataWork } from './metadata-work.ts';
import { NotRewritable } from './rewriter.ts';

const SETTINGS = 'pg_show_all_settings';

/** INVARIANT 98: fenced, since a condition that fails must not run on a setting that is hidden. In other forms (ROWS FROM, ORDINALITY, a select list) the call is refused. */
export function replaceInFrom(work: MetadataWork): void {
  const { w, analysis } = work;
  for (const { source } of analysis.marks.levels.flatMap(({ entries }) => entries)) {
    const node = source.kind === 'function' ? source.node : undefined;
    const body = as(node, 'RangeFunction');
    const [called, another] = (body?.functions ?? []).map((item) => as(item, 'List')?.items?.[0]);
    const call = as(called, 'FuncCall');
    const fn = call && analysis.marks.calls.get(call)?.fn;
    if (!node || !body || !called || another || body.is_rowsfrom || body.ordinality || body.coldeflist) continue;
    if (fn?.schema !== 'pg_catalog') continue;
    const { alias = { aliasname: fn.name }, lateral } = body;
    const subquery =
      fn.name === SETTINGS
        ? settings(work, fn)
        : givesNothing(fn) && !work.isGranted(fn)
          ? nothing(work, fn, call!, alias.aliasname ?? fn.name)
          : undefined;
    if (!subquery) continue;
    work.leaveOut(called);
    const tree = w.replaceBySubquery(w.range(called), subquery, body.alias ? '' : ` AS ${fn.name}`);
    w.mutate(() => replaceInPlace(node, { RangeSubselect: { subquery: tree, alias, ...(lateral && { lateral }) } }));
  }
}

function settings({ context }: MetadataWork, fn: Fn): Template {
  const view = context.catalog.relation('pg_catalog', 'pg_settings');
  const select = view && context.role.relations.get(view.oid)?.select;
  const columns = [...(select?.columns.keys() ?? [])];
  if (!view || !select || columns.join() !== fn.outColumns.map(({ name }) => name).join())
    throw new NotRewritable(`${SETTINGS} of this server`);
  return guardedRelation(view, select, { needed: false, name: '', fenced: true }, false);
}

/** Its arguments go with it: they must be constants, of which nothing depends. Undefined where they are not. */
function nothing(
  { context: { catalog } }: MetadataWork,
  fn: Fn,
  call: Body<'FuncCall'>,
  alias: string,
): Template | undefined {
  if (!(call.args ?? []).every(isConstant)) return undefined;
  const columns = fn.outColumns.length > 0 ? fn.outColumns : [{ name: alias, type: fn.result }];
  const typed = columns.map(({ name, type }) => {
    const found = catalog.typesByOid.get(type);
    return found?.kind === 'p' || !found
      ? undefined
      : `NULL::${quoteName(found.schema)}.${quoteName(found.name)} AS ${quoteName(name)}`;
  });
  if (typed.includes(undefined)) return undefined;
  return [`(SELECT ${typed.join(', ')}${fn.returnsSet ? ' WHERE false' : ''})`];
}

function isConstant(node: Node | undefined): boolean {
  return node !== undefined && ('A_Const' in node || isConstant(as(node, 'TypeCast')?.arg));
}
