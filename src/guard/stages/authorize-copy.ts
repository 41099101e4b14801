/**
 * Stage 4 for COPY with a table: whether it can be copied in that direction, which of its columns are (PostgreSQL's CopyGetAttnums), and what the
 * condition of COPY FROM may ask.
 */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RelationGrant, RolePolicy } from '../../policy/model/policy.ts';
import { type Analysis, analyzeExpression, type Use } from '../../sql/analyze/analyze.ts';
import type { Column, Fn, Relation } from '../../sql/catalog/catalog.ts';
import { type Node, strings } from '../../sql/parse/tree.ts';
import { BOOL } from '../../sql/types/oids.ts';
import type { Draft, DraftStatement } from '../draft.ts';
import { functionClass } from '../function-class.ts';
import { metadataFunction } from '../metadata/functions.ts';
import { regKind } from '../metadata/reg-types.ts';
import { isSequenceFunction } from '../sequences.ts';
import { authorizeCollations } from './authorize-collations.ts';

/** What COPY FROM needs beyond an insert grant: no RETURNING could show the rows as they are stored. undefined: granted. */
export function judgeCopyInto({ insert, relation }: RelationGrant): Refusal | undefined {
  if (!insert || insert.conditions.length === 0) return undefined;
  return refusal(
    'write-restricted',
    '0A000',
    `COPY FROM into "${relation.name}" is not supported: rows are restricted`,
    {
      hint: 'The insert grant has "rows" or a scope, and COPY cannot be held to them. Use INSERT statements instead.',
      rule: insert.rule,
    },
  );
}

/**
 * Settles what is copied; returns the refusal if that was not granted, or if there is no such column. `judge`: of what its condition uses.
 */
export function authorizeCopy(
  draft: Draft,
  statement: DraftStatement,
  judge: (use: Use) => Refusal | undefined,
): Refusal | undefined {
  const { copy, analysis } = statement;
  const source = analysis?.marks.relations[0]?.entry.source;
  if (!copy?.relation || source?.kind !== 'relation') return undefined;
  const { relation } = source.view;
  const from = copy.is_from === true;
  const wrong = kindRefusal(relation, from, draft.catalog.data.serverVersion);
  if (wrong) return wrong;
  const names = copy.attlist && strings(copy.attlist);
  const columns = columnsOf(draft.role, relation, names, from);
  const note = (name: string): void => {
    statement.columns.add(`${relation.schema}.${relation.name}.${name}`);
  };
  if ('severity' in columns) {
    if (columns.reason === 'column-withheld') for (const name of names ?? []) note(name);
    return columns;
  }
  for (const { name } of columns) note(name);
  const where = copy.whereClause && conditionOn(draft, copy.whereClause, relation, columns);
  statement.copied = { relation, columns, where };
  return where && conditionRefusal(draft, statement, where, copy.whereClause!, judge);
}

/** Its names mean columns that are copied: a default of another one would stand in its place, and may be withheld. */
function conditionOn(draft: Draft, node: Node, relation: Relation, copied: readonly Column[]): Analysis {
  const columns = relation.columns.map((column) => {
    const access = copied.includes(column) ? 'granted' : 'withheld';
    return { column, access, masked: false, leaky: false } as const;
  });
  const view = { relation, columns, guarded: false, hides: 'no', system: false } as const;
  const { catalog, searchPath } = draft;
  const none = { catalog, searchPath, viewOf: () => view, targetOf: () => view, parameterTypes: [] };
  return analyzeExpression(node, draft.parsed!, none, relation.name, view).analysis;
}

/**
 * INVARIANT 205: the condition of COPY FROM is computed of what the client has sent, and of nothing else: it names no row but that one, looks nothing up
 * and runs no code of users. So it can tell nothing, and needs no filter.
 */
function conditionRefusal(
  draft: Draft,
  statement: DraftStatement,
  where: Analysis,
  node: Node,
  judge: (use: Use) => Refusal | undefined,
): Refusal | undefined {
  const { marks, uses, refusals, parameters } = where;
  for (const use of uses) {
    const found = judge(use);
    if (found) return found;
  }
  const [unresolved] = refusals;
  if (unresolved?.reason === 'column-withheld')
    return { ...unresolved, hint: 'The condition of COPY FROM names columns that are copied.' };
  const collation = authorizeCollations(draft, { ...statement, analysis: where });
  if (unresolved || collation) return unresolved ?? collation;
  const looksUp = [...marks.expressions.values()].some(({ type }) => regKind(draft.catalog, type).kind !== 'no');
  const calls = uses.some((use) => use.kind === 'function' && !use.candidates.every((fn) => isPlain(draft, fn)));
  const elsewhere = marks.sublinks.size + marks.wholeRows.length + parameters > 0;
  const isPlainTest = !elsewhere && !looksUp && !calls && !draft.userCode.runsIn(where, draft.role);
  if (isPlainTest && marks.expressions.get(node)?.type === BOOL && !marks.qualified.some(({ drop }) => drop > 0))
    return undefined;
  return refusal('unsupported', '0A000', 'COPY FROM with this condition is not supported for restricted roles', {
    hint: 'It takes columns that are copied, constants, and built-in functions that look at these alone.',
  });
}

function isPlain({ catalog }: Draft, fn: Fn): boolean {
  const found = functionClass(fn, catalog);
  const asks = found === undefined || found === 'settings' || found === 'types' || found === 'parsers';
  return (
    fn.kind === 'f' &&
    !fn.returnsSet &&
    fn.volatility !== 'v' &&
    !asks &&
    !metadataFunction(fn) &&
    !isSequenceFunction(fn)
  );
}

const KINDS: Readonly<Record<string, string>> = {
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
  S: 'sequence',
  p: 'partitioned table',
};

/** In PostgreSQL's words. COPY TO takes tables, and since version 18 materialized views; COPY FROM takes partitioned tables as well. */
function kindRefusal({ kind, name }: Relation, from: boolean, serverVersion: number): Refusal | undefined {
  if (kind === 'r' || (from ? kind === 'p' : kind === 'm' && serverVersion >= 180_000)) return undefined;
  return refusal('unsupported', '42809', `cannot copy ${from ? 'to' : 'from'} ${KINDS[kind] ?? 'relation'} "${name}"`, {
    hint: from || kind === 'S' ? undefined : 'Try the COPY (SELECT ...) TO variant.',
  });
}

/** Without a list: COPY TO returns what the role may see of the table, as `SELECT *`; COPY FROM takes every column, each of which must be granted. */
function columnsOf(
  role: RolePolicy,
  relation: Relation,
  names: readonly string[] | undefined,
  from: boolean,
): readonly Column[] | Refusal {
  const grant = role.relations.get(relation.oid);
  // A column is copied only where the grant of that direction names it.
  const granted = (name: string): boolean =>
    (from ? grant?.insert?.columns.has(name) : grant?.select?.columns.has(name)) === true;
  const stored = relation.columns.filter((column) => column.generated === '');
  if (!names) {
    const missing = from ? stored.find((column) => !granted(column.name)) : undefined;
    if (missing) return withheld(role, relation, missing.name, from);
    return stored.filter((column) => granted(column.name));
  }
  const columns: Column[] = [];
  for (const name of names) {
    const column = relation.columns.find((c) => c.name === name);
    const of = `column "${name}" of relation "${relation.name}"`;
    if (!column) return refusal('column-unknown', '42703', `${of} does not exist`);
    if (!granted(name)) return withheld(role, relation, name, from);
    if (column.generated !== '') {
      return refusal('unsupported', '42P10', `column "${name}" is a generated column`, {
        detail: 'Generated columns cannot be used in COPY.',
      });
    }
    if (columns.includes(column)) {
      return refusal('column-unknown', '42701', `column "${name}" specified more than once`);
    }
    columns.push(column);
  }
  return columns;
}

function withheld(role: RolePolicy, relation: Relation, name: string, from: boolean): Refusal {
  const grant = role.relations.get(relation.oid);
  const rule = (from ? grant?.insert?.rule : grant?.select?.rule) ?? grant?.rule;
  return refusal('column-withheld', '42501', `permission denied for column "${name}" of relation "${relation.name}"`, {
    hint: `Column "${name}" is not among the columns granted to role "${role.name}"${from ? ' for INSERT' : ''}.`,
    rule,
  });
}
