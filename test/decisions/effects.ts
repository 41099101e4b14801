/** The effects of a write: its result without Rowgate's additions, the tables afterwards as the role sees them, and the rows that it must not have touched. */
import type { Judgement, RowCheck, StatementJudgement } from '../../src/guard/decision.ts';
import { grantsOfTables, type RelationGrant, type RolePolicy } from '../../src/policy/model/policy.ts';
import { qualifiedName, quoteName } from '../../src/sql/parse/tree.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import type { Ran, Result } from './world.ts';

/** The statement's result as the session would show it. */
export function asShown(ran: Ran, judgement: Judgement): Ran {
  const checks = judgement.statements.map(checkOf);
  if (!('results' in ran)) {
    // The session reads the number of the violation out of the server's words.
    const number = ran.sqlstate === '22P02' ? /rowgate_check (\d+)"$/.exec(ran.message)?.[1] : undefined;
    const violation = checks.flatMap((check) => check?.violations[Number(number)] ?? [])[0];
    return violation ? { ...ran, sqlstate: violation.sqlstate, message: violation.message, everything: '' } : ran;
  }
  return { ...ran, results: ran.results.map((result, i) => withoutCheck(result, checks[i])) };
}

function checkOf({ check, kind }: StatementJudgement): RowCheck | undefined {
  return kind.kind === 'prepare' ? kind.inner.check : check;
}

function withoutCheck(result: Result, check: RowCheck | undefined): Result {
  if (!check?.added || result.columns.length === 0) return result;
  const { columns, modifiers, origins, rows } = result;
  const kept = check.added === 'only' ? [] : rows.map((row) => row.slice(0, -1));
  return {
    ...result,
    columns: columns.slice(0, -1),
    modifiers: modifiers.slice(0, -1),
    origins: origins.slice(0, -1),
    rows: kept,
  };
}

/** Reads what the role may see of each table that the statement touches: to be sent through the guard, and to the copy as it is. */
export function visibleParts(judgement: Judgement, role: RolePolicy): string[] {
  return grantsIn(judgement, role).flatMap(({ relation, select }) => {
    const columns = [...(select?.columns.values() ?? [])].filter(({ column }) => column.attnum > 0);
    const list = columns.map(({ column }) => quoteName(column.name)).join(', ');
    return list ? [`SELECT ${list} FROM ${qualifiedName(relation.schema, relation.name)}`] : [];
  });
}

/** Sums up the rows of each table that the role may not see. */
export function hiddenParts(judgement: Judgement, role: RolePolicy, attributes: ReadonlyMap<string, string>): string[] {
  return grantsIn(judgement, role).map(({ relation, select }) => {
    const seen = (select?.conditions ?? []).map(({ ok }) =>
      renderTemplate(ok, (slot) => {
        if (slot.kind === 'attribute') return `'${attributes.get(slot.name)}'::${slot.type}`;
        if (slot.kind === 'row') return 't';
        throw new Error('no limit in a condition');
      }),
    );
    const hidden = seen.length > 0 ? `(${seen.join(' AND ')}) IS NOT TRUE` : 'false';
    return `SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM ${qualifiedName(relation.schema, relation.name)} AS t WHERE ${hidden}`;
  });
}

/** Temporary tables aside, which end with the case. */
function grantsIn(judgement: Judgement, role: RolePolicy): RelationGrant[] {
  const names = new Set(judgement.statements.flatMap((statement) => statement.tables));
  return grantsOfTables(role).filter(({ relation }) => names.has(`${relation.schema}.${relation.name}`));
}
