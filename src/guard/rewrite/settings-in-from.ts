/** `pg_show_all_settings()` in FROM, as administration tools call it, is read as pg_settings, which has the same columns: by the role's grant on that view. */
import { as } from '../../sql/parse/tree.ts';
import { guardedRelation } from './guarded-relation.ts';
import type { MetadataWork } from './metadata-work.ts';
import { NotRewritable, replaceInPlace } from './rewriter.ts';

const FUNCTION = 'pg_show_all_settings';

/** INVARIANT 98: fenced, since a condition that fails must not run on a setting that is hidden. In other forms (ROWS FROM, ORDINALITY, a select list) the call is refused. */
export function readSettingsByView(work: MetadataWork): void {
  const { w, analysis, context } = work;
  for (const { source } of analysis.marks.levels.flatMap(({ entries }) => entries)) {
    const node = source.kind === 'function' ? source.node : undefined;
    const body = as(node, 'RangeFunction');
    const [called, another] = (body?.functions ?? []).map((item) => as(item, 'List')?.items?.[0]);
    const call = as(called, 'FuncCall');
    const fn = call && analysis.marks.calls.get(call)?.fn;
    if (!node || !body || !called || another || body.is_rowsfrom || body.ordinality || body.coldeflist) continue;
    if (fn?.schema !== 'pg_catalog' || fn.name !== FUNCTION) continue;
    const view = context.catalog.relation('pg_catalog', 'pg_settings');
    const select = view && context.role.relations.get(view.oid)?.select;
    const columns = [...(select?.columns.keys() ?? [])];
    if (!view || !select || columns.join() !== fn.outColumns.map(({ name }) => name).join())
      throw new NotRewritable(`${FUNCTION} of this server`);
    work.leaveOut(called);
    const { alias = { aliasname: FUNCTION }, lateral } = body;
    const subquery = guardedRelation(view, select, { needed: false, name: '', fenced: true }, false);
    const tree = w.replaceBySubquery(w.range(called), subquery, body.alias ? '' : ` AS ${FUNCTION}`);
    w.mutate(() => replaceInPlace(node, { RangeSubselect: { subquery: tree, alias, ...(lateral && { lateral }) } }));
  }
}
