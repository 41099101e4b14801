/** Makes each statement that writes return, in a last column, the judgement of its new rows; and hides that column from readers of a WITH. */
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog, WriteEvent } from '../../sql/catalog/catalog.ts';
import type { Body, Node } from '../../sql/parse/tree.ts';
import { as, quoteName, replaceInPlace } from '../../sql/parse/tree.ts';
import { nameExtent } from '../../sql/text/extent.ts';
import type { Template } from '../../sql/text/template.ts';
import { tokenAt } from '../../sql/text/tokens.ts';
import type { RowCheck } from '../decision.ts';
import type { KeyPlan } from '../subjects/added-keys.ts';
import { keysExpression } from './hidden-keys.ts';
import { expressionTree, fromItemTree, NotRewritable, type Rewriter } from './rewriter.ts';
import { CHECK_COLUMN, type Checks, checkExpression, type Violations } from './row-check.ts';
import { conditionsOnWrittenRows } from './row-conditions.ts';
import type { TargetKeys } from './target-keys.ts';
import { grantOf } from './write-filters.ts';
import { placesOf } from './write-places.ts';

/** The first server version in which MERGE returns rows. */
const MERGE_RETURNING = 170_000;

/** Adds the checks that are needed; after every other change of the lists. undefined: nothing is judged. */
export function checkWrites(
  w: Rewriter,
  analysis: Analysis,
  role: RolePolicy,
  catalog: Catalog,
  violations: Violations,
  keysOf: (write: Write) => TargetKeys | undefined = () => undefined,
  plan?: KeyPlan,
): RowCheck | undefined {
  let added: RowCheck['added'];
  let keys: TargetKeys | undefined;
  analysis.marks.writes.forEach((write, i) => {
    const checks = checksOf(write, role, catalog);
    const isTop = write.level === analysis.level;
    if (isTop) keys = keysOf(write);
    const names = isTop ? plan : undefined;
    if (checks.size === 0 && !(isTop && keys) && !names) return;
    if (write.command === 'MergeStmt' && catalog.data.serverVersion < MERGE_RETURNING)
      throw new NotRewritable(
        'MERGE that leaves rows to be judged, on a server before version 17: write INSERT and UPDATE',
      );
    const check = checks.size > 0 ? checkExpression(write, grantOf(write, role), checks, violations) : undefined;
    const expression = names || (isTop && keys) ? withKeys(isTop ? keys : undefined, names, check) : check!;
    if (isTop) added = returns(write) ? 'last' : 'only';
    addReturning(
      w,
      write,
      expression,
      isTop ? CHECK_COLUMN : `${CHECK_COLUMN}_${i + 1}`,
      isTop ? keys?.old : undefined,
    );
    // What reads a WITH query does not see the column that judges its rows.
    for (const { node, entry } of analysis.marks.cteReferences)
      if (entry.source.kind === 'cte' && entry.source.cte.level === write.level) hideCheck(w, node, entry);
  });
  if (violations.list.length === 0 && !keys && !plan) return undefined;
  return {
    ...(added && { added }),
    violations: violations.list,
    ...((keys || plan) && { keys: keys?.keys ?? [], changes: true }),
    ...(plan && { names: plan.added }),
  };
}

/** The check is NULL for an allowed row: only the keys are left. */
function withKeys(keys: TargetKeys | undefined, plan: KeyPlan | undefined, check: Template | undefined): Template {
  const behind: Template = [
    ...(plan ? ['(', ...plan.expression, ')'] : []),
    ...(plan && check ? [', '] : []),
    ...(check ? ['(', ...check, ')::pg_catalog.text'] : []),
  ];
  return keysExpression(keys?.keys ?? [], keys?.spelled ?? [], behind);
}

function checksOf(write: Write, role: RolePolicy, catalog: Catalog): Checks {
  const grant = grantOf(write, role);
  const checks = new Map<WriteEvent, ReturnType<typeof conditionsOnWrittenRows>>();
  for (const event of write.events) {
    const conditions = conditionsOnWrittenRows(grant, event, write, returns(write), catalog);
    if (conditions.length > 0) checks.set(event, conditions);
  }
  return checks;
}

type Returning = { returningClause?: Body<'ReturningClause'> };

function bodyOf({ node, command }: Write): Returning {
  return (as(node, command) ?? {}) as Returning;
}

function returns(write: Write): boolean {
  return (bodyOf(write).returningClause?.exprs?.length ?? 0) > 0;
}

/** `old`: what the clause is to call the rows as they were. */
function addReturning(w: Rewriter, write: Write, expression: Template, name: string, old?: string): void {
  const places = placesOf(w, write);
  const option = old === undefined ? '' : `WITH (OLD AS ${old}) `;
  if (returns(write) && option !== '') w.edits.append(places.returning, [` ${option.trimEnd()}`]);
  const before = returns(write) ? ', ' : ` RETURNING ${option}`;
  w.edits.append(places.end, [before, ...expression, ` AS ${name}`]);
  const item: Node = { ResTarget: { name, val: expressionTree(expression) } };
  const options: Node[] | undefined =
    old === undefined ? undefined : [{ ReturningOption: { option: 'RETURNING_OPTION_OLD', value: old } }];
  const body = bodyOf(write);
  w.mutate(() => {
    if (body.returningClause?.exprs) body.returningClause.exprs.push(item);
    else body.returningClause = { exprs: [item] };
    if (options) body.returningClause.options = options;
  });
}

/** `c [AS a [(x, y)]]` becomes `(SELECT its columns FROM c) AS a[(x, y)]`. */
function hideCheck(w: Rewriter, node: Node, entry: RangeTableEntry): void {
  if (entry.source.kind !== 'cte') return;
  const { cte } = entry.source;
  const body = as(node, 'RangeVar')!;
  const tokens = w.parsed.tokens();
  const name = nameExtent(body.location, w.parsed);
  if (!name) throw new NotRewritable('no place for a CTE reference');
  const first = tokenAt(tokens, name.start);
  if (tokens[first - 1]?.word === 'table')
    throw new NotRewritable(`TABLE ${cte.name}, a query that writes: write SELECT`);
  const names = (cte.columns ?? []).map((column) => column.name);
  if (new Set(names).size < names.length)
    throw new NotRewritable(`two columns of one name in the RETURNING of "${cte.name}": name them apart`);
  const query = `(SELECT ${names.map(quoteName).join(', ')} FROM ${quoteName(cte.name)})`;
  const alias = body.alias ? '' : ` AS ${quoteName(cte.name)}`;
  w.edits.replace(name.start, name.end, [query + alias]);
  const tree = fromItemTree([`${query} AS x`], 'RangeSubselect');
  w.mutate(() => {
    replaceInPlace(node, { RangeSubselect: { ...tree, alias: body.alias ?? { aliasname: cte.name } } });
  });
}
