/**
 * Finds what a policy's condition or mask must not contain: what is not immutable, and what does not depend on one row alone. Each problem has its
 * position.
 */
import type { Refusal } from '../../core/refusal.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Expression } from '../../sql/analyze/range-table.ts';
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import { as, type Node } from '../../sql/parse/tree.ts';
import { BOOL, DATE, INTERVAL, TIMESTAMP, TIMESTAMPTZ, TIMETZ, UNKNOWN } from '../../sql/types/oids.ts';
import { baseType, elementType, isRow } from '../../sql/types/type.ts';
import type { SqlProblem } from '../source/sql-source.ts';

/** Problems of the expression at `node`, by their offset in the parsed text. */
export function problemsOf(
  analysis: Analysis,
  node: Node,
  catalog: Catalog,
  what: 'condition' | 'mask',
): readonly SqlProblem[] {
  const problems: SqlProblem[] = analysis.refusals.map((r: Refusal) => ({
    message: r.message,
    offset: (r.position ?? 1) - 1,
  }));
  for (const { what: thing, at } of analysis.marks.unstable) {
    problems.push({
      message: `${thing} is not immutable: its result moves with the session's settings or with time; only attributes and now() may`,
      offset: at,
    });
  }
  for (const [literal, type] of analysis.marks.literals) {
    const body = as(literal, 'A_Const');
    const moved = movedBySettings(body?.sval?.sval ?? '', type, catalog);
    if (moved) problems.push({ message: moved, offset: placeOf(analysis, body?.location) });
  }
  if (analysis.marks.wholeRows.length > 0)
    problems.push({ message: 'a whole row cannot stand here: name its columns', offset: 0 });
  if (analysis.marks.callsAsFields.size + analysis.marks.fieldsAsCalls.size > 0)
    problems.push({ message: 'write calls as f(x) and fields as (x).f', offset: 0 });
  const type = analysis.marks.expressions.get(node)?.type;
  if (what === 'condition' && problems.length === 0 && type !== BOOL && type !== UNKNOWN) {
    problems.push({ message: 'expected a boolean condition', offset: 0 });
  }
  problems.push(...callsOfSeveralRows(analysis, node));
  return problems;
}

/** Calls that do not return one value for one row, and what they are called. */
const SEVERAL_ROWS: Readonly<Record<Expression['barrier'], string | undefined>> = {
  none: undefined,
  subquery: undefined,
  aggregate: 'an aggregate',
  window: 'a window function',
  'set-returning': 'a set-returning function',
};

/** In a mask, the server would compute such a call from rows that the role may not see, or it would turn one row into several. */
function callsOfSeveralRows(analysis: Analysis, root: Node): SqlProblem[] {
  const problems = ownCalls(root).flatMap((node): SqlProblem[] => {
    const what = SEVERAL_ROWS[analysis.marks.expressions.get(node)?.barrier ?? 'none'];
    const offset = placeOf(analysis, as(node, 'FuncCall')?.location);
    return what === undefined ? [] : [{ message: `${what} cannot stand here`, offset }];
  });
  // To the grammar, GROUPING is not a function call.
  if (problems.length === 0 && analysis.level?.aggregated)
    problems.push({ message: 'an aggregate cannot stand here', offset: 0 });
  return problems;
}

/** Function calls in the expression, except those in its subqueries, which have rows of their own. */
function ownCalls(value: unknown): Node[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(ownCalls);
  const node = value as Node;
  const link = as(node, 'SubLink');
  if (link) return ownCalls(link.testexpr);
  const inner = Object.values(value).flatMap(ownCalls);
  return as(node, 'FuncCall') ? [node, ...inner] : inner;
}

function placeOf(analysis: Analysis, location: number | undefined): number {
  return Math.max(0, analysis.parsed.toChar(location ?? 0));
}

/** Why the literal depends on settings, and how to write it instead; undefined if it does not. Domains, arrays and ranges are examined too. */
function movedBySettings(text: string, oid: Oid, catalog: Catalog): string | undefined {
  const type = baseType(catalog, oid);
  if (isRow(catalog, type)) return 'a literal of a row type cannot stand here: write each of its values by itself';
  const inside = elementType(catalog, type) || catalog.typesByOid.get(type)?.subtype || 0;
  if (inside === 0) return movedScalar(text.trim(), type);
  for (const part of partsOf(text)) {
    const moved = movedBySettings(part, inside, catalog);
    if (moved !== undefined) return moved;
  }
  return undefined;
}

/** The values in an array or range literal. It is cut at every character that could end one: too many parts are reported, never too few. */
function partsOf(text: string): string[] {
  return text
    .split(/[{}()[\]",\\]+/)
    .map((part) => part.trim())
    .filter((part) => part !== '' && !/^(null|empty)$/i.test(part));
}

function movedScalar(text: string, type: Oid): string | undefined {
  const fixed = /^[+-]?infinity$/i.test(text);
  const iso = fixed || /^\d{4}-\d{2}-\d{2}/.test(text);
  const zoned = fixed || /(z|[+-]\d{2}(:?\d{2})?)$/i.test(text.slice(10));
  switch (type) {
    case DATE:
    case TIMESTAMP:
      return iso ? undefined : `'${text}' moves with the session's DateStyle: write YYYY-MM-DD`;
    case TIMESTAMPTZ:
      return iso && zoned ? undefined : zoneMissing(text);
    case TIMETZ:
      return /[+-]\d{2}/.test(text) ? undefined : zoneMissing(text);
    case INTERVAL:
      return signMoves(text)
        ? `'${text}' moves with the session's IntervalStyle: give each of its parts a sign`
        : undefined;
    default:
      return undefined;
  }
}

function zoneMissing(text: string): string {
  return `'${text}' moves with the session's time zone: write it with an offset, as 2026-09-01 00:00+02`;
}

/** With the interval style `sql_standard`, a sign before the first part applies to all parts if no other part has one. */
function signMoves(text: string): boolean {
  const [first, ...others] = text.match(/[+-]?\d[\d.:]*/g) ?? [];
  return first?.startsWith('-') === true && others.some((part) => !/^[+-]/.test(part));
}
