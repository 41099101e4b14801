/**
 * How many decimal digits a number can have, told from the text that makes it: where a sum gives each row a power of its own, as
 * `sum(id * 10::numeric ^ n)`, it holds the values of all of them.
 */
import type { Catalog, Oid } from '../catalog/catalog.ts';
import { as, type Body, type Node, strings } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import { baseType } from '../types/type.ts';
import type { Marks } from './findings.ts';
import type { Cte, QueryLevel, RangeTableColumn, RangeTableEntry } from './range-table.ts';

/** Nothing in the text tells where it ends. */
export const UNBOUNDED = Number.POSITIVE_INFINITY;

/** What a column of a table may hold: data, of which no row can be given a place by the statement. */
const STORED = 30;

/** Of a float, which has few digits, but has them anywhere. */
const FLOATS: ReadonlyMap<Oid, number> = new Map([
  [t.FLOAT4, 9],
  [t.FLOAT8, 17],
]);

/** The most that a value of the type can tell. */
const BY_TYPE: ReadonlyMap<Oid, number> = new Map([
  [t.BOOL, 1],
  [t.INT2, 5],
  [t.INT4, 10],
  [t.INT8, 19],
  [t.OID, 10],
  [t.DATE, 10],
  [t.TIME, 14],
  [t.TIMETZ, 20],
  [t.TIMESTAMP, 19],
  [t.TIMESTAMPTZ, 19],
  [t.INTERVAL, 30],
  [790 /* money */, 19],
]);

/** Functions of numbers whose result is about as long as their longest argument. */
const KEEPS: ReadonlySet<string> = new Set([
  ...['abs', 'ceil', 'ceiling', 'floor', 'round', 'trunc', 'sign', 'mod', 'gcd', 'min', 'max', 'any_value', 'nullif'],
]);

/** Those that give it a bounded number of digits more. */
const ADDS: ReadonlySet<string> = new Set([
  ...['sum', 'avg', 'sqrt', 'ln', 'log', 'log10', 'div', 'stddev', 'stddev_pop', 'stddev_samp'],
]);

const MORE = 20;

/** `UNBOUNDED` where nothing tells. */
export function digitsOf(node: Node, marks: Marks, catalog: Catalog, spend: () => void): number {
  const type = baseType(catalog, marks.expressions.get(node)?.type ?? t.UNTELLABLE);
  // INVARIANT: only where a float is what is summed: as a numeric, `10 ^ n` is a place of its own for each row.
  return Math.min(new Digits(marks, catalog, spend).of(node), FLOATS.get(type) ?? UNBOUNDED);
}

class Digits {
  private readonly known = new Map<Node, number>();

  constructor(
    private readonly marks: Marks,
    private readonly catalog: Catalog,
    private readonly spend: () => void,
  ) {}

  of(node: Node | undefined): number {
    if (!node) return UNBOUNDED;
    const known = this.known.get(node);
    if (known !== undefined) return known;
    this.spend();
    const type = baseType(this.catalog, this.marks.expressions.get(node)?.type ?? t.UNTELLABLE);
    const found = Math.min(this.written(node), BY_TYPE.get(type) ?? UNBOUNDED);
    this.known.set(node, found);
    return found;
  }

  private most(nodes: readonly (Node | undefined)[] | undefined): number {
    return Math.max(0, ...(nodes ?? []).map((node) => this.of(node)));
  }

  /** INVARIANT: an allow-list: of any other form only the type tells. */
  private written(node: Node): number {
    const constant = as(node, 'A_Const');
    if (constant) return digitsOfConstant(constant);
    const reference = this.marks.references.get(node);
    if (reference) return this.ofColumn(reference.entry, reference.column);
    const cast = as(node, 'TypeCast');
    if (cast) return Math.min(this.of(cast.arg), digitsOfModifier(cast));
    const operation = as(node, 'A_Expr');
    if (operation) return this.ofOperation(operation);
    const choice = as(node, 'CaseExpr');
    if (choice) {
      const results = (choice.args ?? []).map((when) => as(when, 'CaseWhen')?.result);
      return this.most(choice.defresult ? [...results, choice.defresult] : results);
    }
    const either = as(node, 'CoalesceExpr') ?? as(node, 'MinMaxExpr');
    if (either) return this.most(either.args);
    const call = as(node, 'FuncCall');
    if (call) return this.ofCall(call);
    const subquery = as(node, 'SubLink');
    const level = subquery?.subLinkType === 'EXPR_SUBLINK' ? this.marks.sublinks.get(node) : undefined;
    return level ? this.ofOutput(level, 0) : UNBOUNDED;
  }

  private ofOperation({ kind, name, lexpr, rexpr }: Body<'A_Expr'>): number {
    if (kind === 'AEXPR_NULLIF') return this.of(lexpr);
    if (kind !== 'AEXPR_OP') return UNBOUNDED;
    const right = this.of(rexpr);
    if (!lexpr) return right;
    const left = this.of(lexpr);
    switch (strings(name).join('.')) {
      case '+':
      case '-':
        return Math.max(left, right) + 1;
      case '*':
        return left + right;
      case '/':
        return left + right + MORE;
      case '%':
        return Math.max(left, right);
      case '^': {
        const exponent = as(rexpr, 'A_Const')?.ival?.ival ?? 0;
        return exponent > 0 && exponent <= 10 ? left * exponent : UNBOUNDED;
      }
      case '->':
      case '->>':
      case '#>':
      case '#>>':
        return left;
      default:
        return UNBOUNDED;
    }
  }

  private ofCall(call: Body<'FuncCall'>): number {
    const fn = this.marks.calls.get(call)?.fn;
    if (fn?.schema !== 'pg_catalog') return UNBOUNDED;
    if (fn.name === 'extract' || fn.name === 'date_part') return MORE;
    if (KEEPS.has(fn.name)) return this.most(call.args);
    return ADDS.has(fn.name) ? this.most(call.args) + MORE : UNBOUNDED;
  }

  private ofColumn(entry: RangeTableEntry, column: RangeTableColumn): number {
    if (column.from) return this.ofColumn(column.from.entry, column.from.column);
    const index = entry.columns.indexOf(column);
    switch (entry.source.kind) {
      case 'relation': {
        const own = entry.source.view.columns[index]?.column;
        return own?.type === t.NUMERIC && own.typmod >= 0 ? precisionOf(own.typmod) : STORED;
      }
      case 'excluded':
        return STORED;
      case 'query':
        return this.ofOutput(entry.source.level, index);
      case 'cte':
        return this.ofCte(entry.source.cte, index);
      case 'join':
        return this.ofMerged(entry.source.arms, column.name);
      case 'function':
        return BY_TYPE.get(column.type) ?? UNBOUNDED;
    }
  }

  private ofMerged(arms: readonly RangeTableEntry[], name: string): number {
    const found = arms.flatMap((arm) =>
      arm.columns.filter((c) => c.name === name && c.access === 'granted').map((c) => this.ofColumn(arm, c)),
    );
    return found.length > 0 ? Math.max(...found) : UNBOUNDED;
  }

  /** A recursive one makes each value of the one before. */
  private ofCte({ level, recursions, columns }: Cte, index: number): number {
    const type = columns?.[index]?.type ?? t.UNTELLABLE;
    const typed = BY_TYPE.get(baseType(this.catalog, type)) ?? UNBOUNDED;
    return !level || recursions.length > 0 ? typed : this.ofOutput(level, index);
  }

  private ofOutput(level: QueryLevel, index: number): number {
    this.spend();
    if (level.kind === 'set') return Math.max(...level.arms.map((arm) => this.ofOutput(arm, index)));
    if (level.kind === 'values')
      return this.most(level.select?.valuesLists?.map((list) => as(list, 'List')?.items?.[index]));
    const output = level.outputs[index];
    if (output?.source) return this.ofColumn(output.source.entry, output.source.column);
    return output?.node ? this.of(output.node) : UNBOUNDED;
  }
}

function digitsOfConstant({ ival, fval, sval, boolval, isnull }: Body<'A_Const'>): number {
  if (isnull || boolval !== undefined) return 1;
  if (ival !== undefined) return String(Math.abs(ival.ival ?? 0)).length;
  const text = fval?.fval ?? sval?.sval ?? '';
  const [, digits = '', exponent = '0'] = /^[-+]?([\d._]+)(?:e([-+]?\d+))?$/i.exec(text) ?? [];
  return digits === '' ? UNBOUNDED : digits.length + Math.abs(Number(exponent));
}

/** `numeric(10, 2)` has ten. */
function digitsOfModifier({ typeName }: Body<'TypeCast'>): number {
  const name = strings(typeName?.names).at(-1);
  const [precision, scale = 0] = (typeName?.typmods ?? []).map((node) => as(node, 'A_Const')?.ival?.ival ?? -1);
  const plain = name === 'numeric' && !typeName?.arrayBounds && precision !== undefined && precision > 0 && scale >= 0;
  return plain ? precision + scale : UNBOUNDED;
}

/** Of a numeric's type modifier (manual, section 8.1.2). */
function precisionOf(typmod: number): number {
  return ((typmod - 4) >> 16) & 0xffff;
}
