/** Resolves subqueries in expressions: EXISTS, IN, ANY and ALL, ARRAY(…), and scalar subqueries. */
import type { Body, Node } from '../parse/tree.ts';
import { as } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import { arrayType } from '../types/type.ts';
import { compareRow, EQUAL, operatorName, resolveAExpr } from './operator.ts';
import type { Expression, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { settleParameter } from './settle.ts';
import { UNTOLD } from './structure.ts';

/** A subquery in an expression; its level is remembered in `marks.sublinks`. */
export function resolveSubLink(r: Resolver, body: Body<'SubLink'>, scope: Scope, node: Node): Expression {
  const select = as(body.subselect, 'SelectStmt');
  if (!select) {
    r.unsupported('this subquery', body.location);
    return UNTOLD;
  }
  const before = r.marks.levels.length;
  const level = r.subquery(select, scope);
  // INVARIANT 164: other sessions see which rows it has locked, so it is asked of no row that is withheld.
  const locks = r.marks.levels.slice(before).some((inner) => inner.select?.lockingClause !== undefined);
  const test = body.testexpr ? r.expression(body.testexpr, scope) : undefined;
  r.marks.sublinks.set(node, level);
  scope.level.subqueries.push(level);
  const first = level.outputs[0]?.type ?? t.UNTELLABLE;
  switch (body.subLinkType) {
    case 'EXISTS_SUBLINK':
      return { type: t.BOOL, leakproof: !locks, constant: false, barrier: 'subquery' };
    case 'ANY_SUBLINK':
    case 'ALL_SUBLINK': {
      const name = body.operName?.length ? body.operName : EQUAL;
      const row = as(body.testexpr, 'RowExpr')?.args;
      const compared: Body<'A_Expr'> = {
        kind: 'AEXPR_OP',
        name,
        ...(body.location !== undefined && { location: body.location }),
      };
      const { leakproof } = row
        ? compareRow(r, compared, operatorName(r, compared), row, level)
        : resolveAExpr(r, compared, undefined, [test?.type ?? t.UNTELLABLE, first]);
      settleParameter(r, body.testexpr, first);
      return {
        type: t.BOOL,
        leakproof: leakproof && !locks && level.outputs.every((o) => !o.leaky),
        constant: false,
        barrier: 'subquery',
      };
    }
    case 'EXPR_SUBLINK':
      return { type: first, leakproof: false, constant: false, barrier: 'subquery' };
    case 'ARRAY_SUBLINK':
      r.uses.push({ kind: 'collects', what: 'ARRAY(…)', level, at: r.at(body.location) });
      return { type: arrayType(r.env.catalog, first), leakproof: false, constant: false, barrier: 'subquery' };
    default:
      r.unsupported('this subquery', body.location);
      return UNTOLD;
  }
}
