/**
 * Which numbers have a length that the data and the text bound. A sum of others, as `sum(id * 10::numeric ^ n)`, can give each row a decimal place of
 * its own and so hold the values of all of them.
 */
import type { Catalog, Oid } from '../catalog/catalog.ts';
import { as, type Body, type Node, strings } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import { baseType } from '../types/type.ts';
import type { Marks } from './findings.ts';
import type { Cte, QueryLevel, RangeTableColumn, RangeTableEntry } from './range-table.ts';

/** Types whose values have few digits over their whole range. */
const SHORT: ReadonlySet<Oid> = new Set([
  ...[t.BOOL, t.INT2, t.INT4, t.INT8, t.OID, t.DATE, t.TIME, t.TIMETZ, t.TIMESTAMP, t.TIMESTAMPTZ, t.INTERVAL],
  790, // money
]);

const FLOATS: ReadonlySet<Oid> = new Set([t.FLOAT4, t.FLOAT8]);

/** Functions of `pg_catalog` that add at most a fixed number of digits to those of their arguments. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  ...['abs', 'ceil', 'ceiling', 'floor', 'round', 'trunc', 'sign', 'mod', 'gcd', 'min', 'max', 'any_value', 'nullif'],
  ...['sum', 'avg', 'sqrt', 'ln', 'log', 'log10', 'div', 'stddev', 'stddev_pop', 'stddev_samp'],
  ...['extract', 'date_part'],
]);

const OPERATORS: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%']);
const JSON_PATHS: ReadonlySet<string> = new Set(['->', '->>', '#>', '#>>']);

export class BoundedNumbers {
  private readonly known = new Map<Node, boolean>();

  constructor(
    private readonly marks: Marks,
    private readonly catalog: Catalog,
    private readonly spend: () => void,
  ) {}

  /**
   * Whether a sum of it is. A float counts as short only where a float is what is summed: cast to numeric, `10 ^ n` is a place of its own
   * for each row.
   */
  canBeSummed(node: Node): boolean {
    return FLOATS.has(this.typeOf(node)) || this.has(node);
  }

  private typeOf(node: Node): Oid {
    return baseType(this.catalog, this.marks.expressions.get(node)?.type ?? t.UNTELLABLE);
  }

  private has(node: Node | undefined): boolean {
    if (!node) return false;
    let known = this.known.get(node);
    if (known === undefined) {
      this.spend();
      known = SHORT.has(this.typeOf(node)) || this.isMadeSo(node);
      this.known.set(node, known);
    }
    return known;
  }

  private haveAll(nodes: readonly (Node | undefined)[] | undefined): boolean {
    return (nodes ?? []).every((node) => this.has(node));
  }

  /** An allow-list: of any other form only the type tells. */
  private isMadeSo(node: Node): boolean {
    if (as(node, 'A_Const')) return true;
    const reference = this.marks.references.get(node);
    if (reference) return this.ofColumn(reference.entry, reference.column);
    const cast = as(node, 'TypeCast');
    if (cast) return this.has(cast.arg);
    const operation = as(node, 'A_Expr');
    if (operation) return this.ofOperation(operation);
    const choice = as(node, 'CaseExpr');
    if (choice) {
      const results = (choice.args ?? []).map((when) => as(when, 'CaseWhen')?.result);
      return this.haveAll(choice.defresult ? [...results, choice.defresult] : results);
    }
    const either = as(node, 'CoalesceExpr') ?? as(node, 'MinMaxExpr');
    if (either) return this.haveAll(either.args);
    const call = as(node, 'FuncCall');
    if (call) {
      const fn = this.marks.calls.get(call)?.fn;
      return fn?.schema === 'pg_catalog' && FUNCTIONS.has(fn.name) && this.haveAll(call.args);
    }
    const level = as(node, 'SubLink')?.subLinkType === 'EXPR_SUBLINK' ? this.marks.sublinks.get(node) : undefined;
    return level !== undefined && this.ofOutput(level, 0);
  }

  private ofOperation({ kind, name, lexpr, rexpr }: Body<'A_Expr'>): boolean {
    if (kind === 'AEXPR_NULLIF') return this.has(lexpr);
    if (kind !== 'AEXPR_OP') return false;
    if (!lexpr) return this.has(rexpr);
    const operator = strings(name).join('.');
    if (JSON_PATHS.has(operator)) return this.has(lexpr);
    // A power of a constant that is small: a product written out.
    const exponent = operator === '^' ? (as(rexpr, 'A_Const')?.ival?.ival ?? 0) : 0;
    return this.has(lexpr) && (OPERATORS.has(operator) ? this.has(rexpr) : exponent > 0 && exponent <= 10);
  }

  private ofColumn(entry: RangeTableEntry, column: RangeTableColumn): boolean {
    if (column.from) return this.ofColumn(column.from.entry, column.from.column);
    const index = entry.columns.indexOf(column);
    switch (entry.source.kind) {
      // What is stored: the statement can give no row a place there.
      case 'relation':
      case 'excluded':
        return true;
      case 'query':
        return this.ofOutput(entry.source.level, index);
      case 'cte':
        return this.ofCte(entry.source.cte, index);
      case 'join': {
        const merged = entry.source.arms.flatMap((arm) => {
          const found = arm.columns.filter(({ name, access }) => name === column.name && access === 'granted');
          return found.map((one) => this.ofColumn(arm, one));
        });
        return merged.length > 0 && merged.every((bounded) => bounded);
      }
      case 'function':
        return SHORT.has(column.type);
    }
  }

  /** A recursive one makes each value of the one before. */
  private ofCte({ level, recursions, columns }: Cte, index: number): boolean {
    if (SHORT.has(baseType(this.catalog, columns?.[index]?.type ?? t.UNTELLABLE))) return true;
    return level !== undefined && recursions.length === 0 && this.ofOutput(level, index);
  }

  private ofOutput(level: QueryLevel, index: number): boolean {
    this.spend();
    if (level.kind === 'set') return level.arms.every((arm) => this.ofOutput(arm, index));
    if (level.kind === 'values')
      return this.haveAll(level.select?.valuesLists?.map((list) => as(list, 'List')?.items?.[index]));
    const output = level.outputs[index];
    if (output?.source) return this.ofColumn(output.source.entry, output.source.column);
    return this.has(output?.node);
  }
}
