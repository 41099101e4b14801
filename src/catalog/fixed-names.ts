/**
 * Which functions of users find the same names under every `search_path`: those with a path of their own, and those whose short texts name the server's
 * own objects alone. What is not known to be so is taken to depend on the path.
 */
import { setImmediate as otherWork } from 'node:timers/promises';
import { functionClass } from '../guard/function-class.ts';
import type { Catalog, Fn, Oid } from '../sql/catalog/catalog.ts';
import { isParsed, loadParser, parse } from '../sql/parse/parse.ts';
import { parserModule } from '../sql/parse/parser-module.ts';

/** A row of what the catalog's query gives. */
export interface Written {
  readonly oid: Oid;
  readonly ownPath: boolean;
  /** pg_language.lanname */
  readonly language: string;
  /** `plpgsql`: the whole CREATE FUNCTION; of a body that was parsed when it was made: `RETURN …` or `BEGIN ATOMIC … END`. */
  readonly source: string;
}

const USERS = 16384;
const ANYELEMENT = 2283;
const TRIGGER = 2279;
/** Of a result: no value, and the row of a trigger's table. */
const NO_VALUE: ReadonlySet<Oid> = new Set([2278, TRIGGER]);

/** Others are served between two groups of texts. */
const GROUP = 20;

/** INVARIANT 145: a function whose names are not known to be fixed is absent. */
export async function fixedNames(
  catalog: Catalog,
  written: readonly Written[],
): Promise<ReadonlyMap<Oid, NonNullable<Fn['fixedNames']>>> {
  const found = new Map<Oid, NonNullable<Fn['fixedNames']>>();
  const texts = new Texts(catalog);
  if (written.length > 0) await loadParser({ fingerprints: false });
  for (const [at, one] of written.entries()) {
    const fn = catalog.functionsByOid.get(one.oid);
    if (one.ownPath) found.set(one.oid, 'path');
    else if (fn && texts.areFixed(fn, one)) found.set(one.oid, 'text');
    if (at % GROUP === GROUP - 1) await otherWork();
  }
  return found;
}

/**
 * Fields of the forms that may stand in a text. None of these looks a name up but by `isOwn…` below; the server chooses casts by the types alone.
 */
const FORMS: Readonly<Record<string, readonly string[]>> = {
  SelectStmt: ['targetList', 'whereClause', 'limitCount', 'limitOption', 'op'],
  ResTarget: ['name', 'val'],
  ParamRef: ['number'],
  ColumnRef: ['fields'],
  A_Const: ['ival', 'fval', 'sval', 'boolval', 'bsval', 'isnull'],
  A_Expr: ['kind', 'name', 'lexpr', 'rexpr', 'rexpr_list_start', 'rexpr_list_end'],
  A_ArrayExpr: ['elements', 'list_start', 'list_end'],
  BoolExpr: ['boolop', 'args'],
  NullTest: ['arg', 'nulltesttype'],
  BooleanTest: ['arg', 'booltesttype'],
  CaseExpr: ['arg', 'args', 'defresult'],
  CaseWhen: ['expr', 'result'],
  CoalesceExpr: ['args'],
  MinMaxExpr: ['op', 'args'],
  FuncCall: ['funcname', 'args', 'funcformat'],
  TypeCast: ['arg', 'typeName'],
  CollateClause: ['arg', 'collname'],
  A_Indirection: ['arg', 'indirection'],
  A_Indices: ['is_slice', 'lidx', 'uidx'],
  List: ['items'],
  // The names themselves, which are looked at where they stand.
  String: ['sval'],
};
const OPERATORS: ReadonlySet<unknown> = new Set(
  ['OP', 'OP_ANY', 'OP_ALL', 'DISTINCT', 'NOT_DISTINCT', 'NULLIF', 'IN', 'LIKE', 'ILIKE'].map(
    (kind) => `AEXPR_${kind}`,
  ),
);

/** The same of PL/pgSQL. An unknown form, a query, a record but a trigger's, a cursor and a handler are none of these. */
const PLPGSQL_FORMS: Readonly<Record<string, readonly string[]>> = {
  PLpgSQL_function: ['datums', 'action', 'new_varno', 'old_varno'],
  PLpgSQL_rec: ['refname', 'dno', 'lineno'],
  PLpgSQL_recfield: ['fieldname', 'recparentno'],
  PLpgSQL_var: ['refname', 'lineno', 'datatype', 'isconst', 'notnull', 'default_val', 'dno'],
  PLpgSQL_type: ['typname'],
  PLpgSQL_expr: ['query', 'parseMode'],
  PLpgSQL_stmt_block: ['lineno', 'label', 'body', 'n_initvars'],
  PLpgSQL_stmt_return: ['lineno', 'expr', 'retvarno'],
  PLpgSQL_stmt_loop: ['lineno', 'label', 'body'],
  PLpgSQL_stmt_while: ['lineno', 'label', 'cond', 'body'],
  PLpgSQL_stmt_fori: ['lineno', 'label', 'var', 'lower', 'upper', 'step', 'reverse', 'body'],
  PLpgSQL_stmt_exit: ['lineno', 'is_exit', 'label', 'cond'],
  PLpgSQL_stmt_raise: ['lineno', 'elog_level', 'condname', 'message', 'params'],
  PLpgSQL_stmt_assign: ['lineno', 'varno', 'expr'],
  PLpgSQL_stmt_if: ['lineno', 'cond', 'then_body', 'elsif_list', 'else_body'],
  PLpgSQL_if_elsif: ['lineno', 'cond', 'stmts'],
};
const EXPRESSION = 2;
/** To a variable, or to a field of a record. */
const ASSIGNMENTS: ReadonlyMap<unknown, RegExp> = new Map([
  [3, /^\s*\w+\s*:?=(?![=<>])(.*)$/s],
  [4, /^\s*(?:new|old)\s*\.\s*\w+\s*:?=(?![=<>])(.*)$/is],
]);
const ROWS: ReadonlySet<unknown> = new Set(['new', 'old']);

type Body = Readonly<Record<string, unknown>>;

class Texts {
  /** Names of users' types: one may stand before the server's on a path that names pg_catalog later. */
  private readonly typesOfUsers: ReadonlySet<string>;
  /** `new` and `old` are the rows of a trigger's table, and the server looks up no function for their fields. */
  private ofTrigger = false;
  /** A cast of users between two types of the server's own would run their code. */
  private readonly castsAreOwn: boolean;

  constructor(private readonly catalog: Catalog) {
    const { types, casts } = catalog.data;
    this.typesOfUsers = new Set(types.filter(({ oid }) => oid >= USERS).map(({ name }) => name));
    this.castsAreOwn = casts.every(({ fn, source, target }) => fn < USERS || source >= USERS || target >= USERS);
  }

  areFixed(fn: Fn, { language, source }: Written): boolean {
    try {
      if (language === 'internal') return this.catalog.typesByOid.get(fn.result)?.ownFunctions === true;
      if (isIdentity(fn)) return language === 'sql' && /^\s*select\s+\$1\s*;?\s*$/i.test(source);
      const types = [...fn.args, fn.result, ...fn.outColumns.map(({ type }) => type)];
      if (!this.castsAreOwn || !types.every((type) => NO_VALUE.has(type) || this.isOwnType(type))) return false;
      if (language !== 'plpgsql') return this.isSql(source);
      this.ofTrigger = fn.result === TRIGGER;
      return this.isPlpgsql(source);
    } catch {
      // The parser has failed at it.
      return false;
    } finally {
      this.ofTrigger = false;
    }
  }

  private isSql(text: string): boolean {
    const parsed = parse(text.replace(/^RETURN /, 'SELECT ').replace(/^BEGIN ATOMIC\s(.*)\sEND$/s, '$1'));
    return isParsed(parsed) && parsed.statements.every(({ node }) => this.isForm(node));
  }

  private isPlpgsql(definition: string): boolean {
    // What the library tells of a declaration leaves its collation out.
    if (/collate/i.test(definition) && this.catalog.data.collations.length > 0) return false;
    const tree = parserModule.ask((library) => library.parsePlPgSQLSync(definition) as { plpgsql_funcs?: unknown });
    return !(tree instanceof Error) && this.isPlpgsqlForm(tree.plpgsql_funcs);
  }

  private isPlpgsqlForm(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return value !== undefined;
    if (Array.isArray(value)) return value.every((one) => this.isPlpgsqlForm(one));
    return Object.entries(value).every(([kind, body]: [string, Body]) => {
      const fields = Object.hasOwn(PLPGSQL_FORMS, kind) ? PLPGSQL_FORMS[kind]! : [];
      if (!Object.keys(body).every((field) => fields.includes(field))) return false;
      if (kind === 'PLpgSQL_rec' && !(this.ofTrigger && ROWS.has(body.refname))) return false;
      if (kind === 'PLpgSQL_type') return this.isSql(`SELECT NULL::${String(body.typname)}`);
      if (kind === 'PLpgSQL_expr') return this.isPlpgsqlExpression(String(body.query), body.parseMode);
      return (
        fields.length > 0 && Object.values(body).every((one) => typeof one !== 'object' || this.isPlpgsqlForm(one))
      );
    });
  }

  private isPlpgsqlExpression(query: string, mode: unknown): boolean {
    if (mode === EXPRESSION) return this.isSql(`SELECT ${query}`);
    const assigned = ASSIGNMENTS.get(mode)?.exec(query)?.[1];
    return assigned !== undefined && this.isSql(`SELECT ${assigned}`);
  }

  /** A node, or a list of them. */
  private isForm(value: unknown): boolean {
    if (Array.isArray(value)) return value.every((one) => this.isForm(one));
    const [[kind, body] = ['', {}], ...more] = Object.entries(value as Record<string, Body>);
    if (more.length > 0 || !Object.hasOwn(FORMS, kind)) return false;
    const fields = FORMS[kind]!;
    if (!Object.keys(body).every((field) => fields.includes(field) || field === 'location')) return false;
    if (!this.isOwnName(kind, body)) return false;
    if (kind === 'A_Const') return true;
    return Object.entries(body).every(
      ([field, one]) => field === 'typeName' || typeof one !== 'object' || this.isForm(one),
    );
  }

  private isOwnName(kind: string, body: Body): boolean {
    switch (kind) {
      case 'ColumnRef': {
        // `a.b` may be a call of a function b.
        const [row, ...fields] = names(body.fields) ?? [];
        return row !== undefined && (fields.length === 0 || (this.ofTrigger && fields.length === 1 && ROWS.has(row)));
      }
      case 'A_Expr':
        return OPERATORS.has(body.kind) && this.isOwnOperator(nameOfServer(body.name));
      case 'CaseExpr':
        return body.arg === undefined || this.isOwnOperator('=');
      case 'FuncCall':
        return this.isOwnFunction(nameOfServer(body.funcname));
      case 'CollateClause': {
        const name = nameOfServer(body.collname);
        const { collations } = this.catalog.data;
        return name !== undefined && collations.every((one) => one.name !== name);
      }
      case 'A_Indirection':
        // A field may be a call.
        return (body.indirection as readonly Body[]).every((one) => Object.hasOwn(one, 'A_Indices'));
      case 'TypeCast':
        return this.isOwnTypeName(body.typeName as Body);
      default:
        return true;
    }
  }

  private isOwnOperator(name: string | undefined): boolean {
    const all = this.catalog.operatorsNamed(name ?? '');
    return (
      all.length > 0 && all.every(({ oid, left, right }) => oid < USERS && !this.looksUp(left) && !this.looksUp(right))
    );
  }

  private isOwnFunction(name: string | undefined): boolean {
    const all = this.catalog.functionsNamed(name ?? '');
    return (
      all.length > 0 &&
      all.every(
        (fn) =>
          functionClass(fn, this.catalog) === 'arguments' &&
          ![fn.result, ...fn.args].some((type) => this.looksUp(type)),
      )
    );
  }

  private isOwnTypeName({
    names: list,
    typemod: _,
    typmods = [],
    arrayBounds: __,
    location: ___,
    ...more
  }: Body): boolean {
    const name = nameOfServer(list);
    const type = name === undefined || this.typesOfUsers.has(name) ? undefined : this.catalog.type('pg_catalog', name);
    return Object.keys(more).length === 0 && this.isForm(typmods) && type !== undefined && this.isOwnType(type.oid);
  }

  /** A value of it is read, written and cast by the server's own code alone, which looks no name up. */
  private isOwnType(oid: Oid): boolean {
    const type = this.catalog.typesByOid.get(oid);
    if (!type || oid >= USERS || type.schema !== 'pg_catalog') return false;
    return ['b', 'r', 'm'].includes(type.kind) && !this.looksUp(oid);
  }

  /** The `reg…` types and their arrays. */
  private looksUp(oid: Oid): boolean {
    const type = this.catalog.typesByOid.get(oid);
    return type !== undefined && (type.name.startsWith('reg') || (type.element !== 0 && this.looksUp(type.element)));
  }
}

/** It gives the value that it is given, which may be of any type: nothing else may be done with it. */
function isIdentity({ args, result, outColumns }: Fn): boolean {
  return args.length === 1 && args[0] === ANYELEMENT && result === ANYELEMENT && outColumns.length === 0;
}

function names(list: unknown): string[] | undefined {
  const all = (list as readonly Body[] | undefined)?.map((one) => (one.String as Body | undefined)?.sval);
  return all?.every((one) => typeof one === 'string') ? (all as string[]) : undefined;
}

/** One without its schema, or in the server's. */
function nameOfServer(list: unknown): string | undefined {
  const all = names(list);
  if (all?.length === 2 && all[0] === 'pg_catalog') return all[1];
  return all?.length === 1 ? all[0] : undefined;
}
