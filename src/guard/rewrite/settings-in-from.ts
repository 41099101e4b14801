/** `pg_show_all_settings()` in FROM, as administration tools call it: the rows and columns of it that pg_settings shows. */
import { literal } from '../../policy/compile/catalog-conditions.ts';
import { PG_CATALOG } from '../../policy/compile/catalog-rules.ts';
import { SHOWN_SETTINGS } from '../../policy/compile/shown-settings.ts';
import { as } from '../../sql/parse/tree.ts';
import type { MetadataWork } from './metadata-work.ts';
import { become } from './rewriter.ts';

const NAME = 'pg_show_all_settings';

export function filterSettings(work: MetadataWork): void {
  const { marks } = work.analysis;
  for (const { source } of marks.levels.flatMap(({ entries }) => entries)) {
    const node = source.kind === 'function' ? source.node : undefined;
    const body = as(node, 'RangeFunction');
    const [called, another] = (body?.functions ?? []).map((item) => as(item, 'List')?.items?.[0]);
    const call = as(called, 'FuncCall');
    const fn = call && marks.calls.get(call)?.fn;
    if (!node || !body || !called || another || body.ordinality || body.coldeflist) continue;
    if (fn?.schema !== 'pg_catalog' || fn.name !== NAME) continue;
    work.leaveOut(called);
    const { alias = { aliasname: NAME }, lateral } = body;
    const tree = work.w.replaceBySubquery(
      work.w.range(called),
      [shownSettings(fn.outColumns)],
      body.alias ? '' : ` AS ${NAME}`,
    );
    work.w.mutate(() => become(node, { RangeSubselect: { subquery: tree, alias, ...(lateral && { lateral }) } }));
  }
}

function shownSettings(columns: readonly { readonly name: string }[]): string {
  const masks = PG_CATALOG.pg_settings?.masks ?? {};
  const list = columns.map(({ name }) => {
    const mask = masks[name];
    return typeof mask === 'object' ? `${mask.join('')} AS ${name}` : name;
  });
  const shown = [...SHOWN_SETTINGS].map(literal).join(', ');
  return `(SELECT ${list.join(', ')} FROM pg_catalog.${NAME}() WHERE pg_catalog.lower(name) IN (${shown}))`;
}
