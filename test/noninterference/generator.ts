/** What the parts of the statement generator share: the choices, names, literals and parameters, and the ways from one part to another. */
import type { Choices } from './choices.ts';
import { LITERALS } from './functions.ts';
import { type Column, type Relation, SQL_TYPE, type Telling, type Type } from './model.ts';

/** One entry of FROM. */
export interface Item {
  /** '' for what is no row: then `name` of a column is the expression itself, as of a group. */
  readonly alias: string;
  readonly columns: readonly Column[];
  readonly telling: readonly Telling[];
  /** Columns that tell its rows apart; undefined where there may be equal ones. */
  readonly key?: readonly string[];
  readonly relation?: Relation;
}

export interface Query {
  readonly sql: string;
  readonly columns: readonly Column[];
  /** Its rows come in an order that leaves nothing open. */
  readonly ordered: boolean;
}

export interface From {
  readonly sql: string;
  readonly items: readonly Item[];
}

export interface Parameter {
  readonly type: Type;
  readonly value: string | null;
  /** Its type goes with the Parse. */
  readonly declared: boolean;
}

/** The parts call each other through this. */
export interface Grammar {
  scalar(g: Generator, type: Type, items: readonly Item[], depth: number): string;
  /** `types`: of the columns that it must give; absent: whatever. */
  query(g: Generator, depth: number, outer: readonly Item[], types?: readonly Type[]): Query;
  from(g: Generator, depth: number, outer: readonly Item[]): From;
  aggregate(g: Generator, type: Type, items: readonly Item[], depth: number): string | undefined;
}

/** OIDs of the server's own types, which are the same everywhere. */
const DECLARABLE: Readonly<Partial<Record<Type, number>>> = {
  int: 23,
  bigint: 20,
  numeric: 1700,
  float: 701,
  text: 25,
  bool: 16,
  date: 1082,
  timestamptz: 1184,
  jsonb: 3802,
  'text[]': 1009,
  'int[]': 1007,
  uuid: 2950,
  range: 3904,
  bytea: 17,
};

export class Generator {
  readonly parameters: Parameter[] = [];
  readonly ctes: Item[] = [];
  /** The next query is the outermost one: its columns need no names. */
  outermost = false;
  private readonly bare = new Set<string>();
  private names = 0;

  /** `parameters`: some literals become parameters of the extended protocol. */
  constructor(
    readonly choices: Choices,
    readonly grammar: Grammar,
    private readonly extended: boolean,
  ) {}

  /** New, and sometimes one that a policy uses as well. */
  alias(): string {
    this.names += 1;
    return this.choices.chance(3) ? `r${this.names === 1 ? '' : this.names}` : `t${this.names}`;
  }

  /** A relation under its own name, as ORMs write it: once in a statement. */
  ownName(relation: Relation): boolean {
    if (this.bare.has(relation.name) || !this.choices.chance(12)) return false;
    this.bare.add(relation.name);
    return true;
  }

  name(prefix: string): string {
    this.names += 1;
    return `${prefix}${this.names}`;
  }

  literal(type: Type): string {
    const value = this.choices.chance(4) ? null : this.choices.pick(LITERALS[type]);
    if (this.extended && type in DECLARABLE && this.choices.chance(40)) {
      const cast = this.choices.chance(50) ? `::${SQL_TYPE[type]}` : '';
      this.parameters.push({ type, value, declared: cast === '' || this.choices.chance(50) });
      return `$${this.parameters.length}${cast}`;
    }
    if (value === null) return `NULL::${SQL_TYPE[type]}`;
    if (type === 'int') return value;
    return `'${value}'::${SQL_TYPE[type]}`;
  }

  /** A pattern or the like: a plain literal, or a parameter. */
  constant(of: readonly string[]): string {
    const value = this.choices.pick(of);
    if (!this.extended || !this.choices.chance(40)) return `'${value}'`;
    this.parameters.push({ type: 'text', value, declared: this.choices.chance(50) });
    return `$${this.parameters.length}`;
  }

  /** The types that a Parse declares; 0 is left to the server. A parameter that the text no longer uses needs a declared type. */
  declaredTypes(sql: string): number[] {
    return this.parameters.map(({ type, declared }, i) =>
      declared || !new RegExp(`\\$${i + 1}(?!\\d)`).test(sql) ? (DECLARABLE[type] ?? 0) : 0,
    );
  }

  /** References to columns of a type, as they are written. */
  references(type: Type, items: readonly Item[]): string[] {
    return items.flatMap((item) =>
      item.columns.filter((column) => column.type === type).map((column) => reference(item, column.name)),
    );
  }
}

export function reference(item: Item, column: string): string {
  return item.alias === '' ? column : `${item.alias}.${column}`;
}
