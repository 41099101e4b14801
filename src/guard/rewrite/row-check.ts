/** The expression that judges new rows as they are stored, and the refusals that its error means (`rewriting.md` §3). */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Condition, RelationGrant } from '../../policy/model/policy.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { WriteEvent } from '../../sql/catalog/catalog.ts';
import type { Template } from '../../sql/text/template.ts';
import { NotRewritable } from './rewriter.ts';
import { aliasOf, allOf } from './row-conditions.ts';

/** The name of the column that a top-level statement returns besides. */
export const CHECK_COLUMN = 'rowgate_check';

/** The client's errors for rows that may not be written, by number; one list for a statement and its WITH. */
export class Violations {
  readonly list: Refusal[] = [];

  /** The number of a new one. `existing`: the row is there, and was found by ON CONFLICT. */
  add(grant: RelationGrant, event: WriteEvent, existing: boolean): number {
    const using = existing ? ' (USING expression)' : '';
    const message = `new row violates row-level security policy${using} for table "${grant.relation.name}"`;
    const rule = grant[event]?.rule ?? grant.rule;
    return this.list.push(refusal('row-check', '42501', message, { rule })) - 1;
  }
}

/** The conditions that the rows after each event must meet. */
export type Checks = ReadonlyMap<WriteEvent, readonly Condition[]>;

/**
 * NULL for an allowed row; fails for another. INVARIANT 49: the failing cast reads the row (`tableoid`) or the clock, so that it is never computed
 * while planning, and a condition that is NULL fails as well.
 */
export function checkExpression(write: Write, grant: RelationGrant, checks: Checks, violations: Violations): Template {
  const alias = aliasOf(write);
  const event = [...checks.keys()][0] ?? 'insert';
  const condition = conditionOf(write, checks, alias);
  return [
    'CASE WHEN ',
    ...condition,
    ' IS TRUE THEN NULL ELSE ',
    ...failing(grant, alias, violations.add(grant, event, false), 'int4'),
    ' END',
  ];
}

/** Fails with a message that ends in the violation's number. */
export function failing({ relation }: RelationGrant, alias: string, number: number, type: 'int4' | 'bool'): Template {
  // A view has no system columns.
  const late = relation.kind === 'v' ? 'pg_catalog.clock_timestamp()' : `${alias}.tableoid`;
  return [`pg_catalog.concat(${late}, ' rowgate_check ${number}')::pg_catalog.${type}`];
}

function conditionOf(write: Write, checks: Checks, alias: string): Template {
  if (write.command !== 'MergeStmt') {
    // It is not known whether ON CONFLICT inserted or updated a row: it must meet the conditions of both.
    const all = allOf([...new Set([...checks.values()].flat())], 'ok', alias);
    if (!all) throw new NotRewritable('a check without conditions');
    return all;
  }
  const branches = [...checks].flatMap(([event, conditions]): Template => {
    const all = allOf(conditions, 'ok', alias);
    return all ? [` WHEN '${event.toUpperCase()}' THEN `, ...all] : [];
  });
  return ['(CASE merge_action()', ...branches, ' ELSE true END)'];
}
