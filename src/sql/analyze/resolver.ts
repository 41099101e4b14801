/** The state of one statement's resolution: what was found so far, and the methods by which a part of the tree is read from inside another. */
import type { Reason } from '../../core/reasons.ts';
import { type Refusal, type RefusalExtras, refusal } from '../../core/refusal.ts';
import type { Oid } from '../catalog/catalog.ts';
import type { ParsedText } from '../parse/parse.ts';
import { type Body, type Node, sameTree } from '../parse/tree.ts';
import { UNKNOWN } from '../types/oids.ts';
import type { Analysis, Marks, Use } from './findings.ts';
import type { Env, Expression, ExpressionPlace, QueryLevel, RangeTableEntry, RowGuard, Scope } from './range-table.ts';

/** Deeper nesting of queries and expressions is refused. PostgreSQL's own limit depends on its stack. */
const MAX_DEPTH = 250;

const MOST_REFUSALS = 20;

/**
 * Where SQL is recursive: expressions hold queries and queries hold expressions. The files that read them take these from the Resolver
 * instead of importing each other.
 */
export interface Verbs {
  /** Type and soundness of an expression; every node in it is judged, and remembered in `marks.expressions`. */
  expression(r: Resolver, node: Node, scope: Scope): Expression;
  /** `afterLeft` hears of the first arm of a set operation before the second is read: how a recursive CTE learns its columns. */
  select(
    r: Resolver,
    select: Body<'SelectStmt'>,
    place: ExpressionPlace,
    afterLeft?: (left: QueryLevel) => void,
  ): QueryLevel;
  /** The level of a data-modifying statement; undefined for any other. */
  write(r: Resolver, node: Node, place: ExpressionPlace): QueryLevel | undefined;
}

/** Of one level so many subqueries are compared with the next ones. */
const MOST_COMPARED = 30;

/**
 * Bind counts parameters in 16 bits. A higher number is refused where it is met: lists of as many places as a client names would take the
 * memory of everybody.
 */
const HIGHEST_PARAMETER = 65535;

/** How many names of each kind were made. */
type Made = readonly [guards: number, renames: number, prefixes: number];

/** A subquery that was read, and how many names of each kind had been made before and after it. */
interface ReadSubquery {
  readonly select: Body<'SelectStmt'>;
  readonly from: Made;
  readonly to: Made;
}

export class Resolver {
  readonly uses: Use[] = [];
  readonly refusals: Refusal[] = [];
  readonly parameterTypes: Oid[];
  parameters = 0;
  /** Levels whose columns the expressions read so far have named, in order: they decide to which query an aggregate belongs. */
  readonly touched: QueryLevel[] = [];
  /** Windows that are defined in their calls: they are read after everything else of their query. */
  readonly windows: { readonly window: Body<'WindowDef'>; readonly scope: Scope }[] = [];
  /** Bodies of the nodes that were read, for `analyze.ts`. */
  readonly read = new Set<object>();
  readonly marks: Marks = {
    relations: [],
    cteReferences: [],
    functions: [],
    calls: new Map(),
    callsAsFields: new Map(),
    fieldsAsCalls: new Map(),
    types: [],
    qualified: [],
    stars: [],
    samples: new Map(),
    wholeRows: [],
    rowFields: [],
    systemColumns: [],
    aliased: [],
    rowStars: [],
    references: new Map(),
    collations: new Map(),
    collationNames: [],
    expressions: new Map(),
    sublinks: new Map(),
    unstable: [],
    tellingMerges: [],
    fallible: [],
    patterns: new Set(),
    patternParts: new Set(),
    literals: new Map(),
    writes: [],
    outerAggregates: [],
    levels: [],
  };
  /** A value with a collation of its own is in sight. */
  collations = false;
  private depth = 0;
  private exhausted = false;
  private guards = 0;
  private renames = 0;
  private prefixes = 0;
  private readonly subqueries = new Map<QueryLevel, ReadSubquery[]>();

  constructor(
    readonly env: Env,
    readonly parsed: ParsedText,
    private readonly verbs: Verbs,
  ) {
    this.parameterTypes = [...env.parameterTypes];
  }

  /** Reads an expression. */
  expression(node: Node, scope: Scope): Expression {
    return this.verbs.expression(this, node, scope);
  }

  /** Reads each of a list of expressions. */
  expressions(nodes: readonly Node[] | undefined, scope: Scope): Expression[] {
    return (nodes ?? []).map((node) => this.expression(node, scope));
  }

  /** Reads a query inside the statement, or the statement itself. */
  select(select: Body<'SelectStmt'>, place: ExpressionPlace, afterLeft?: (left: QueryLevel) => void): QueryLevel {
    return this.verbs.select(this, select, place, afterLeft);
  }

  /** Reads a statement that may be a data-modifying one. */
  write(node: Node, place: ExpressionPlace): QueryLevel | undefined {
    return this.verbs.write(this, node, place);
  }

  /** Character of the text, from 0, at a byte location of the tree; -1 if the node has no location. */
  at(location: number | undefined): number {
    return location === undefined || location < 0 ? -1 : this.parsed.toChar(location);
  }

  refuse(reason: Reason, sqlstate: string, message: string, at = -1, extras: RefusalExtras = {}): void {
    // Finding the place of each needs another pass over the text: further refusals are not reported.
    if (this.refusals.length >= MOST_REFUSALS) return;
    this.refusals.push(refusal(reason, sqlstate, message, { ...extras, position: position(this.parsed.text, at) }));
  }

  /** A form that is not judged: refused by name. @param hint what to write instead. */
  unsupported(what: string, location: number | undefined, hint = 'No grant allows it: write it in another way.'): void {
    const message = `${what} is not supported for restricted roles`;
    this.refuse('unsupported', '0A000', message, this.at(location), { hint });
  }

  /** Runs `read` one level deeper; past the cap nothing is read and the statement is refused. */
  deeper<T>(read: () => T, otherwise: () => T): T {
    this.parsed.workLimit.spend();
    if (this.exhausted) return otherwise();
    if (this.depth >= MAX_DEPTH) {
      // The statement is refused: no more of it is read.
      this.exhausted = true;
      this.refuse('too-large', '54001', 'statement is nested too deeply', -1, { hint: 'Split the statement.' });
      return otherwise();
    }
    this.depth += 1;
    const found = read();
    this.depth -= 1;
    return found;
  }

  /**
   * Reads a subquery in an expression. If it equals an earlier one of the query, it gets the same generated names: as a key of GROUP BY and in the
   * select list the server must still find them equal.
   */
  subquery(select: Body<'SelectStmt'>, scope: Scope): QueryLevel {
    const beside = this.subqueries.get(scope.level) ?? [];
    this.subqueries.set(scope.level, beside);
    const spend = (): undefined => this.parsed.workLimit.spend() as undefined;
    const twin = beside.find((other) => sameTree(other.select, select, spend));
    const before = this.made();
    if (twin) [this.guards, this.renames, this.prefixes] = twin.from;
    const from = this.made();
    const level = this.select(select, { outer: scope, ctes: scope.level.ctes });
    if (twin) {
      // Names that were generated after its twin's may be those of enclosing relations.
      if (this.made().some((count, i) => count > twin.to[i]!)) this.unsupported('a subquery beside one like it', -1);
      [this.guards, this.renames, this.prefixes] = before;
    } else if (beside.length < MOST_COMPARED) beside.push({ select, from, to: this.made() });
    return level;
  }

  private made(): Made {
    return [this.guards, this.renames, this.prefixes];
  }

  newGuard(entry: RangeTableEntry): RowGuard {
    this.guards += 1;
    return { name: `rowgate_ok_${this.guards}`, entry, needed: false, fenced: false };
  }

  newName(): string {
    this.renames += 1;
    return `rowgate_t_${this.renames}`;
  }

  /** For the columns that are added to one relation. */
  newPrefix(): string {
    this.prefixes += 1;
    return `rowgate_c_${this.prefixes}`;
  }

  /** The type of $n so far; unknown where nothing has settled it. */
  parameterType(number: number): Oid {
    if (number > HIGHEST_PARAMETER) {
      this.refuse('too-large', '54023', `there is no parameter $${number}`, -1);
      return UNKNOWN;
    }
    this.parameters = Math.max(this.parameters, number);
    return this.parameterTypes[number - 1] || UNKNOWN;
  }

  /** As PostgreSQL does for parameters of undeclared type: the first place that asks for a type settles it. */
  settle(number: number, type: Oid): void {
    if (number > HIGHEST_PARAMETER) return;
    while (this.parameterTypes.length < number) this.parameterTypes.push(0);
    if (!this.parameterTypes[number - 1] || this.parameterTypes[number - 1] === UNKNOWN)
      this.parameterTypes[number - 1] = type;
  }

  finish(level: QueryLevel | undefined): Analysis {
    return {
      parsed: this.parsed,
      level,
      uses: this.uses,
      refusals: this.refusals,
      marks: this.marks,
      parameters: this.parameters,
      parameterTypes: this.parameterTypes,
    };
  }
}

/** Characters as PostgreSQL counts them for its Position field: code points, from 1; undefined for no place. */
export function position(text: string, at: number): number | undefined {
  if (at < 0) return undefined;
  let count = 1;
  for (let i = 0; i < at; i++) {
    const code = text.charCodeAt(i);
    if (code < 0xdc00 || code > 0xdfff) count += 1;
  }
  return count;
}
