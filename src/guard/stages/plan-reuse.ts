/**
 * After stage 4: which statements may be prepared at the server once and run again and again, with the same answers as when they are sent as texts.
 * An allow-list. A form, a name, a literal's type or a function that is not known to keep its meaning stays a text.
 */

import { FIRST_USER_OID } from '../../policy/compile/visible-types.ts';
import type { Analysis, Use } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Column, Oid } from '../../sql/catalog/catalog.ts';
import { as, fieldsOf, type Kind, type Node, stringOf } from '../../sql/parse/tree.ts';
import * as t from '../../sql/types/oids.ts';
import type { PlainLiteral, StatementKind } from '../decision.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import { effectOnPlans } from './plan-effects.ts';

export const planReuseStage: Stage = {
  name: 'plan-reuse',
  run(draft: Draft): void {
    const [statement, ...others] = draft.statements;
    for (const one of draft.statements) one.plans = effectOnPlans(draft, one, one.analysis, one.runsUserCode);
    if (!statement || others.length > 0) return;
    statement.reusable = isReusable(draft, statement);
    if (statement.reusable) statement.literals = plainLiterals(statement);
  },
};

/** Whether the statement may run by a plan: everything it uses lasts, and all parameters have known types. */
export function isReusable(draft: Draft, statement: DraftStatement): boolean {
  const { kind, analysis, query, runsUserCode, explains, copy, groups } = statement;
  if (!analysis || !query || runsUserCode || explains || copy || groups.length > 0 || !isPlain(kind)) return false;
  const isTold = (type: Oid | undefined): boolean => type !== undefined && TELLABLE.has(type);
  const parameters = Array.from({ length: analysis.parameters }, (_, i) => analysis.parameterTypes[i]);
  if (!analysis.uses.every(isLasting) || !parameters.every(isTold)) return false;
  if (parameters.length > 0 && !(isSound(analysis) && analysis.marks.writes.every((write) => fits(analysis, write))))
    return false;
  return new Forms(draft, analysis).allow(query);
}

/** A read of data, or a write of rows that lasts. */
function isPlain(kind: StatementKind): boolean {
  if (kind.kind === 'read') return !kind.catalogs;
  return kind.kind === 'write' && !kind.uncounted && !kind.temporary && !kind.ruled;
}

const VARCHAR = 1043;
const UUID = 2950;
/** bool[], int2[], int4[], text[], varchar[], int8[], numeric[], uuid[] */
const ARRAYS = [1000, 1005, 1007, 1009, 1015, 1016, 1231, 2951];

/** Literals of these types mean the same whatever the settings are and whatever is renamed; so do parameters. */
const LASTING: ReadonlySet<Oid> = new Set([
  t.BOOL,
  t.INT2,
  t.INT4,
  t.INT8,
  t.NUMERIC,
  t.FLOAT4,
  t.FLOAT8,
  t.TEXT,
  t.BPCHAR,
  VARCHAR,
  UUID,
]);

/** Of parameters, which are read by the settings of now at each Bind. */
const TELLABLE: ReadonlySet<Oid> = new Set([
  ...LASTING,
  ...ARRAYS,
  t.BYTEA,
  t.DATE,
  t.TIME,
  t.TIMESTAMP,
  t.TIMESTAMPTZ,
  t.INTERVAL,
  t.JSON_TYPE,
  t.JSONB,
]);

/** What a name found when it was prepared it finds again: relations are sent with their schema, the rest is the server's own. */
function isLasting(use: Use): boolean {
  switch (use.kind) {
    case 'relation':
      if (use.action === 'lock' || use.relation.persistence === 't' || isOwn(use.relation.oid)) return false;
      // What is written through a view is another statement each time that the view changes.
      return use.action === 'select' || use.relation.kind === 'r' || use.relation.kind === 'p';
    case 'column':
    case 'written':
      return true;
    case 'function':
      return use.candidates.length === 1 && use.candidates.every((fn) => isOwn(fn.oid) && fn.name !== 'set_config');
    case 'operator':
      return use.candidates.length === 1 && use.candidates.every(({ oid }) => isOwn(oid));
    case 'type':
      return isOwn(use.type.oid);
    case 'sample':
    case 'collects':
      return false;
  }
}

function isOwn(oid: Oid): boolean {
  return oid < FIRST_USER_OID;
}

/**
 * A plan that is made without the values of parameters may compute in another order, or at another time: an error would come elsewhere, or not at
 * all. So no expression in a statement with parameters may be able to fail.
 */
function isSound({ marks }: Analysis): boolean {
  if (marks.fallible.length > 0 || marks.tellingMerges.length > 0) return false;
  return [...marks.expressions.values()].every(({ leakproof }) => leakproof);
}

/**
 * The same of what is written: each value has its column's type, which has no length or precision of its own, so that nothing of it is converted on its way. With
 * the values of parameters a conversion fails before any row is looked for, and without them only where there is one.
 */
function fits(analysis: Analysis, write: Write): boolean {
  const { target, command } = write;
  if (command === 'DeleteStmt') return true;
  if (target?.source.kind !== 'relation') return false;
  const { columns } = target.source.view.relation;
  const values = valuesOf(write);
  return (
    values.length > 0 &&
    values.every(({ column: name, value }) => {
      const column = columns.find((one) => one.name === name);
      return column !== undefined && value !== undefined && isOfType(analysis, value, column);
    })
  );
}

interface WrittenValue {
  readonly column: string | undefined;
  readonly value: Node | undefined;
}

/** Types that untyped literals get from the columns to which they are assigned. */
function assignedTypes({ marks: { writes } }: Analysis): ReadonlyMap<Node, Oid> {
  const types = new Map<Node, Oid>();
  for (const write of writes) {
    const { source } = write.target ?? {};
    const columns = source?.kind === 'relation' ? source.view.relation.columns : [];
    for (const { column: name, value } of valuesOf(write)) {
      const column = as(value, 'A_Const')?.sval && columns.find((one) => one.name === name);
      if (value && column) types.set(value, column.type);
    }
  }
  return types;
}

/** What UPDATE sets, and what INSERT writes by VALUES; undefined: not a value of its own. */
function valuesOf({ node, lists }: Write): readonly WrittenValue[] {
  const update = as(node, 'UpdateStmt');
  if (update) {
    return (update.targetList ?? []).map((one) => {
      const { name, val, indirection } = as(one, 'ResTarget') ?? {};
      return { column: indirection?.length ? undefined : name, value: val };
    });
  }
  const insert = as(node, 'InsertStmt');
  const named = insert?.cols?.map((one) => as(one, 'ResTarget')?.name) ?? lists[0]?.columns ?? [];
  const rows = as(insert?.selectStmt, 'SelectStmt')?.valuesLists ?? [];
  return rows.flatMap((row): readonly WrittenValue[] => {
    const items = as(row, 'List')?.items ?? [undefined];
    return items.map((value, at) => ({ column: named[at], value }));
  });
}

function isOfType({ marks, parameterTypes }: Analysis, value: Node, { type, typmod }: Column): boolean {
  if (as(value, 'SetToDefault')) return true;
  const number = as(value, 'ParamRef')?.number;
  const literal = as(value, 'A_Const');
  // What is written out is the same in both.
  if (literal && !literal.sval) return true;
  if (literal) return typmod < 0 && LASTING.has(type);
  const found = number === undefined ? marks.expressions.get(value)?.type : parameterTypes[number - 1];
  return typmod < 0 && found === type && LASTING.has(type);
}

/** Node kinds that say all that they mean by names that were resolved. */
const FORMS: ReadonlySet<Kind> = new Set<Kind>([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'ReturningClause',
  'SetToDefault',
  'ResTarget',
  'ColumnRef',
  'A_Star',
  'String',
  'Integer',
  'Boolean',
  'List',
  'ParamRef',
  'A_Expr',
  'BoolExpr',
  'NullTest',
  'BooleanTest',
  'FuncCall',
  'TypeName',
  'SubLink',
  'RangeVar',
  'JoinExpr',
  'RangeSubselect',
  'SortBy',
  'CaseExpr',
  'CaseWhen',
  'CoalesceExpr',
  'MinMaxExpr',
  'RowExpr',
  'CommonTableExpr',
  'WindowDef',
  'SQLValueFunction',
]);

class Forms {
  private readonly assigned: ReadonlyMap<Node, Oid>;

  constructor(
    private readonly draft: Draft,
    private readonly analysis: Analysis,
  ) {
    this.assigned = assignedTypes(analysis);
  }

  allow(part: object): boolean {
    this.draft.workLimit.spend();
    // Where an index is found by a condition, a generic plan may not find it.
    if ('onConflictClause' in part) return false;
    if ('A_Const' in part) return this.allowLiteral(part as Node, undefined);
    const cast = as(part as Node, 'TypeCast');
    if (cast) {
      const literal = as(cast.arg, 'A_Const') && cast.arg;
      if (literal) return this.allowLiteral(literal, this.analysis.marks.expressions.get(part as Node)?.type);
      return fieldsOf(cast).every(([, inner]) => this.allow(inner));
    }
    return fieldsOf(part).every(([field, inner]) => {
      // Fields that contain a node by its kind begin with a capital; a kind's own fields do not.
      return (/^[a-z]/.test(field) || /^\d/.test(field) || FORMS.has(field as Kind)) && this.allow(inner);
    });
  }

  /** Numbers are typed by how they are written; a text by its place, or by the cast around it. */
  private allowLiteral(node: Node, cast: Oid | undefined): boolean {
    const { sval, bsval } = as(node, 'A_Const')!;
    if (bsval) return false;
    const type = cast ?? (sval ? (this.assigned.get(node) ?? this.analysis.marks.literals.get(node)) : t.INT4);
    return type !== undefined && LASTING.has(type);
  }
}

/** Literals that may become parameters: those of a Query without parameters, if no expression can fail, and if written values have their column's type. */
export function plainLiterals({ analysis, query }: DraftStatement): readonly PlainLiteral[] {
  if (!analysis || !query || analysis.parameters > 0 || !isSound(analysis)) return [];
  if (!analysis.marks.writes.every((write) => fits(analysis, write))) return [];
  // A plan without the values locks every partition.
  if (analysis.uses.some((use) => use.kind === 'relation' && use.relation.kind === 'p')) return [];
  const found: PlainLiteral[] = [];
  const assigned = assignedTypes(analysis);
  const take = (node: Node | undefined): void => {
    const literal = as(node, 'A_Const');
    const ofText = literal?.sval && (assigned.get(node!) ?? analysis.marks.literals.get(node!));
    const type = literal?.ival ? t.INT4 : ofText;
    if (type === t.INT4 || type === t.TEXT) found.push({ at: analysis.parsed.toChar(literal?.location ?? 0), type });
  };
  const { SelectStmt, UpdateStmt, DeleteStmt } = query as Partial<Record<string, { whereClause?: Node }>>;
  compared((SelectStmt ?? UpdateStmt ?? DeleteStmt)?.whereClause, take);
  wholeValues(analysis, take);
  return found.toSorted((a, b) => a.at - b.at);
}

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);

/** `column = literal`, `column IN (literal, …)` and `column BETWEEN literal AND literal`, under AND. */
function compared(condition: Node | undefined, take: (node: Node | undefined) => void): void {
  const all = as(condition, 'BoolExpr');
  if (all?.boolop === 'AND_EXPR') for (const one of all.args ?? []) compared(one, take);
  const { kind, name, lexpr, rexpr } = as(condition, 'A_Expr') ?? {};
  if (!as(lexpr, 'ColumnRef')) return;
  if (kind === 'AEXPR_OP' && name?.length === 1 && COMPARISONS.has(stringOf(name[0]) ?? '')) take(rexpr);
  if (kind === 'AEXPR_IN' || kind === 'AEXPR_BETWEEN') for (const one of as(rexpr, 'List')?.items ?? []) take(one);
}

/** Whole values of columns of their very type, which has no length: any other would be converted on its way, and a text perhaps cut. */
function wholeValues({ marks: { writes } }: Analysis, take: (node: Node | undefined) => void): void {
  const [only, ...others] = writes;
  if (others.length > 0 || only?.target?.source.kind !== 'relation') return;
  const { columns } = only.target.source.view.relation;
  for (const { column: name, value } of valuesOf(only)) {
    const { type, typmod = 0 } = columns.find((column) => column.name === name) ?? {};
    const { ival, sval } = as(value, 'A_Const') ?? {};
    if ((ival && type === t.INT4) || (sval && type === t.TEXT && typmod < 0)) take(value);
  }
}
