/** The name that PostgreSQL gives a result column without AS, from the expression alone (parse_target.c's rules, as documented for SELECT). */
import type { Node } from '../parse/tree.ts';
import { as, kindOf, strings } from '../parse/tree.ts';

/** The name of an unnamed target; `?column?` if the expression gives none. */
export function columnName(node: Node): string {
  return guess(node).name ?? '?column?';
}

/** The expression, and those in it from which its name may come: where one of them becomes something else, the name changes. */
export function nameGivers(node: Node): Node[] {
  const inner =
    as(node, 'TypeCast')?.arg ??
    as(node, 'CollateClause')?.arg ??
    as(node, 'A_Indirection')?.arg ??
    as(node, 'CaseExpr')?.defresult;
  return inner ? [node, ...nameGivers(inner)] : [node];
}

/** strength 2: a good name; 1: one that CASE or a cast gives way to; 0: none. */
interface Guess {
  readonly name: string | undefined;
  readonly strength: 0 | 1 | 2;
}

const NONE: Guess = { name: undefined, strength: 0 };
const strong = (name: string | undefined): Guess => (name === undefined ? NONE : { name, strength: 2 });

function guess(node: Node): Guess {
  switch (kindOf(node)) {
    case 'ColumnRef': {
      const fields = as(node, 'ColumnRef')?.fields ?? [];
      return strong(lastName(fields));
    }
    case 'A_Indirection': {
      const body = as(node, 'A_Indirection')!;
      const name = lastName(body.indirection ?? []);
      return name === undefined ? guess(body.arg!) : strong(name);
    }
    case 'FuncCall':
      return strong(strings(as(node, 'FuncCall')?.funcname).at(-1));
    case 'A_Expr':
      return as(node, 'A_Expr')?.kind === 'AEXPR_NULLIF' ? strong('nullif') : NONE;
    case 'TypeCast': {
      const body = as(node, 'TypeCast')!;
      const inner = guess(body.arg!);
      if (inner.strength > 1 || body.typeName === undefined) return inner;
      const name = strings(body.typeName.names).at(-1);
      return name === undefined ? inner : { name, strength: 1 };
    }
    case 'CollateClause':
      return guess(as(node, 'CollateClause')!.arg!);
    case 'GroupingFunc':
      return strong('grouping');
    case 'SubLink':
      return subLink(as(node, 'SubLink')!);
    case 'CaseExpr': {
      const otherwise = as(node, 'CaseExpr')?.defresult;
      const inner = otherwise ? guess(otherwise) : NONE;
      return inner.strength > 1 ? inner : { name: 'case', strength: 1 };
    }
    case 'A_ArrayExpr':
      return strong('array');
    case 'RowExpr':
      return strong('row');
    case 'CoalesceExpr':
      return strong('coalesce');
    case 'MinMaxExpr':
      return strong(as(node, 'MinMaxExpr')?.op === 'IS_LEAST' ? 'least' : 'greatest');
    case 'SQLValueFunction':
      return strong(SQL_VALUES[as(node, 'SQLValueFunction')?.op ?? '']);
    case 'XmlExpr':
      return strong(XML[as(node, 'XmlExpr')?.op ?? '']);
    case 'XmlSerialize':
      return strong('xmlserialize');
    case 'MergeSupportFunc':
      return strong('merge_action');
    case 'JsonParseExpr':
      return strong('json');
    case 'JsonScalarExpr':
      return strong('json_scalar');
    case 'JsonSerializeExpr':
      return strong('json_serialize');
    case 'JsonObjectConstructor':
      return strong('json_object');
    case 'JsonArrayConstructor':
    case 'JsonArrayQueryConstructor':
      return strong('json_array');
    case 'JsonObjectAgg':
      return strong('json_objectagg');
    case 'JsonArrayAgg':
      return strong('json_arrayagg');
    case 'JsonFuncExpr':
      return strong(JSON_FUNCTIONS[as(node, 'JsonFuncExpr')?.op ?? '']);
    default:
      return NONE;
  }
}

function subLink(body: { subLinkType?: string; subselect?: Node }): Guess {
  if (body.subLinkType === 'EXISTS_SUBLINK') return strong('exists');
  if (body.subLinkType === 'ARRAY_SUBLINK') return strong('array');
  if (body.subLinkType !== 'EXPR_SUBLINK') return NONE;
  const select = as(body.subselect, 'SelectStmt');
  const first = leftmost(select);
  if (first?.valuesLists?.length) return strong('column1');
  const target = as(first?.targetList?.[0], 'ResTarget');
  if (!target) return NONE;
  if (target.name !== undefined) return strong(target.name);
  const star = (as(target.val, 'ColumnRef')?.fields ?? []).some((field) => 'A_Star' in field);
  // The server has named the subquery's own column by then, `?column?` too.
  return target.val && !star ? strong(columnName(target.val)) : NONE;
}

type Select = NonNullable<ReturnType<typeof as<'SelectStmt'>>>;

function leftmost(select: Select | undefined): Select | undefined {
  let current = select;
  while (current?.larg) current = current.larg;
  return current;
}

function lastName(fields: readonly Node[]): string | undefined {
  for (let i = fields.length - 1; i >= 0; i--) {
    const name = as(fields[i], 'String')?.sval;
    if (name !== undefined) return name;
  }
  return undefined;
}

const SQL_VALUES: Record<string, string> = {
  SVFOP_CURRENT_DATE: 'current_date',
  SVFOP_CURRENT_TIME: 'current_time',
  SVFOP_CURRENT_TIME_N: 'current_time',
  SVFOP_CURRENT_TIMESTAMP: 'current_timestamp',
  SVFOP_CURRENT_TIMESTAMP_N: 'current_timestamp',
  SVFOP_LOCALTIME: 'localtime',
  SVFOP_LOCALTIME_N: 'localtime',
  SVFOP_LOCALTIMESTAMP: 'localtimestamp',
  SVFOP_LOCALTIMESTAMP_N: 'localtimestamp',
  SVFOP_CURRENT_ROLE: 'current_role',
  SVFOP_CURRENT_USER: 'current_user',
  SVFOP_USER: 'user',
  SVFOP_SESSION_USER: 'session_user',
  SVFOP_CURRENT_CATALOG: 'current_catalog',
  SVFOP_CURRENT_SCHEMA: 'current_schema',
};

const XML: Record<string, string> = {
  IS_XMLCONCAT: 'xmlconcat',
  IS_XMLELEMENT: 'xmlelement',
  IS_XMLFOREST: 'xmlforest',
  IS_XMLPARSE: 'xmlparse',
  IS_XMLPI: 'xmlpi',
  IS_XMLROOT: 'xmlroot',
};

const JSON_FUNCTIONS: Record<string, string> = {
  JSON_EXISTS_OP: 'json_exists',
  JSON_QUERY_OP: 'json_query',
  JSON_VALUE_OP: 'json_value',
};
