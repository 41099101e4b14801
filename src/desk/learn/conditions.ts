/** What can be read from a statement's text: conditions that are in nearly all statements on a table, such as `school_id = $1`, and the columns of `*`. */
import type { Catalog, Relation } from '../../sql/catalog/catalog.ts';
import { isParsed, parse } from '../../sql/parse/parse.ts';
import { as, type Body, type Node, strings } from '../../sql/parse/tree.ts';
import type { SeenStatement } from './seen.ts';

export interface Proposed {
  readonly table: Relation;
  readonly column: string;
  /** Of the statements on the table, from 0 to 1. */
  readonly share: number;
  /** What it was compared with; undefined: not known. */
  readonly value: string | undefined;
}

const SHARE = 0.95;

interface Tally {
  statements: number;
  readonly columns: Map<string, { count: number; values: Set<string | undefined> }>;
}

export function proposedConditions(
  statements: readonly SeenStatement[],
  catalog: Catalog,
  searchPath: readonly string[],
): Proposed[] {
  const tallies = new Map<Relation, Tally>();
  for (const { text = '', evidence } of statements) {
    const parsed = parse(text);
    if (!isParsed(parsed)) continue;
    for (const { node } of parsed.statements)
      eachQuery(node, (from, where) => {
        if (where !== 'none') tally(tallies, from, where, evidence.count, catalog, searchPath);
      });
  }
  return [...tallies].flatMap(([table, { statements: all, columns }]) =>
    [...columns].flatMap(([column, { count, values }]): Proposed[] => {
      // Who is looked up by the key is another one each time.
      const isKey =
        table.primaryKey.length === 1 &&
        table.columns.some((one) => one.attnum === table.primaryKey[0] && one.name === column);
      const [value] = values;
      const known = values.size === 1 ? value : undefined;
      return isKey || count < all * SHARE ? [] : [{ table, column, share: count / all, value: known }];
    }),
  );
}

/** The columns of `*` and `alias.*`, for tables. */
export function starColumns(
  text: string,
  catalog: Catalog,
  searchPath: readonly string[],
): { readonly table: Relation; readonly column: string }[] {
  const parsed = parse(text);
  if (!isParsed(parsed)) return [];
  const found: { table: Relation; column: string }[] = [];
  for (const { node } of parsed.statements)
    eachQuery(node, (from, _where, targets) => {
      const stars = targets.flatMap((target) => {
        const fields = as(as(target, 'ResTarget')?.val, 'ColumnRef')?.fields ?? [];
        return as(fields.at(-1), 'A_Star') ? [strings(fields.slice(0, -1)).at(-1)] : [];
      });
      if (stars.length === 0) return;
      const tables = new Map<string, Relation>();
      for (const item of from) addTables(item, tables, [], catalog, searchPath);
      for (const [alias, table] of tables)
        if (stars.includes(undefined) || stars.includes(alias))
          for (const { name } of table.columns) found.push({ table, column: name });
    });
  return found;
}

/** `none`: an INSERT, which finds no rows. */
type Found = (from: readonly Node[], where: Node | undefined | 'none', targets: readonly Node[]) => void;

/** A query's FROM, WHERE and list of results, those of queries inside too. */
function eachQuery(node: unknown, found: Found): void {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const one of node) eachQuery(one, found);
    return;
  }
  const select = as(node as Node, 'SelectStmt');
  if (select?.fromClause) found(select.fromClause, select.whereClause, select.targetList ?? []);
  const change = as(node as Node, 'UpdateStmt') ?? as(node as Node, 'DeleteStmt');
  if (change?.relation) found([{ RangeVar: change.relation }], change.whereClause, change.returningClause?.exprs ?? []);
  const insert = as(node as Node, 'InsertStmt');
  if (insert?.relation && insert.returningClause)
    found([{ RangeVar: insert.relation }], 'none', insert.returningClause.exprs ?? []);
  for (const inner of Object.values(node)) eachQuery(inner, found);
}

function tally(
  tallies: Map<Relation, Tally>,
  from: readonly Node[],
  where: Node | undefined,
  count: number,
  catalog: Catalog,
  searchPath: readonly string[],
): void {
  const tables = new Map<string, Relation>();
  const conditions: Node[] = [];
  for (const item of from) addTables(item, tables, conditions, catalog, searchPath);
  addConditions(where, conditions);
  const met = new Map<Relation, Map<string, string | undefined>>();
  for (const condition of conditions) {
    const equal = equality(condition, tables);
    if (!equal) continue;
    const columns = met.get(equal.table) ?? new Map<string, string | undefined>();
    columns.set(equal.column, equal.value);
    met.set(equal.table, columns);
  }
  for (const table of new Set(tables.values())) {
    const known = tallies.get(table) ?? { statements: 0, columns: new Map() };
    tallies.set(table, known);
    known.statements += count;
    for (const [column, value] of met.get(table) ?? []) {
      const seen = known.columns.get(column) ?? { count: 0, values: new Set() };
      known.columns.set(column, seen);
      seen.count += count;
      seen.values.add(value);
    }
  }
}

function addTables(
  item: Node,
  tables: Map<string, Relation>,
  conditions: Node[],
  catalog: Catalog,
  searchPath: readonly string[],
): void {
  const range = as(item, 'RangeVar');
  if (range?.relname !== undefined) {
    const schemas = range.schemaname === undefined ? searchPath : [range.schemaname];
    const table = schemas.map((schema) => catalog.relation(schema, range.relname!)).find((one) => one !== undefined);
    if (table) tables.set(range.alias?.aliasname ?? range.relname, table);
  }
  const join = as(item, 'JoinExpr');
  if (!join) return;
  for (const side of [join.larg, join.rarg]) if (side) addTables(side, tables, conditions, catalog, searchPath);
  // What an outer join is on leaves rows of the other side.
  if (join.jointype === 'JOIN_INNER') addConditions(join.quals, conditions);
}

/** Each that has to be true. */
function addConditions(node: Node | undefined, conditions: Node[]): void {
  const both = as(node, 'BoolExpr');
  if (both?.boolop === 'AND_EXPR') for (const arg of both.args ?? []) addConditions(arg, conditions);
  else if (node) conditions.push(node);
}

function equality(
  node: Node,
  tables: ReadonlyMap<string, Relation>,
): { table: Relation; column: string; value: string | undefined } | undefined {
  const expression = as(node, 'A_Expr');
  if (expression?.kind !== 'AEXPR_OP' || strings(expression.name).join() !== '=') return undefined;
  const { lexpr, rexpr } = expression;
  const [reference, other] = as(lexpr, 'ColumnRef') ? [lexpr, rexpr] : [rexpr, lexpr];
  const names = strings(as(reference, 'ColumnRef')?.fields);
  const constant = as(uncast(other), 'A_Const');
  if (names.length === 0 || !(constant || as(uncast(other), 'ParamRef'))) return undefined;
  const column = names.at(-1)!;
  const candidates = [...tables].filter(
    ([alias, table]) =>
      (names.length < 2 || alias === names.at(-2)) && table.columns.some(({ name }) => name === column),
  );
  const table = candidates[0]?.[1];
  return table && candidates.length === 1 ? { table, column, value: plainValue(constant) } : undefined;
}

/** Undefined for the placeholder literals that the store of statements writes in the place of others. */
function plainValue(constant: Body<'A_Const'> | undefined): string | undefined {
  const text = constant?.sval?.sval ?? (constant?.ival ? String(constant.ival.ival ?? 0) : undefined);
  return text === undefined || /^(?:a|1|)$/.test(text) ? undefined : text;
}

function uncast(node: Node | undefined): Node | undefined {
  const cast = as(node, 'TypeCast');
  return cast ? uncast(cast.arg) : node;
}
