/** State shared by the rewriting of one statement's calls, casts and literals that concern the catalogs: the questions, and what is done. */
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { catalogColumn } from '../../sql/analyze/catalog-column.ts';
import type { Catalog, Fn, Oid } from '../../sql/catalog/catalog.ts';
import { as, type Node, partsOf } from '../../sql/parse/tree.ts';
import { givesNothing } from '../function-class.ts';
import { type Finder, finderOf, knowsObjects } from '../metadata/found.ts';
import { type RegKind, regKind } from '../metadata/reg-types.ts';
import type { Filtered } from './reg-values.ts';
import type { Rewriter } from './rewriter.ts';

export interface MetadataContext {
  /** As a Parse declares them; 0 where it does not. */
  readonly parameterTypes: readonly Oid[];
  readonly role: RolePolicy;
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
}

/** Of the statement. */
export interface Parameters {
  /** Of a PREPARE: the types that its text declares. */
  readonly declaredTypes: readonly Node[];
  /** The types that the server is sent for them. */
  readonly readAs: Map<number, Oid>;
}

export class MetadataWork implements Filtered {
  readonly nodes = new Set<Node>();
  readonly calls = new Set<object>();
  readonly types = new Set<object>();
  /** Bodies of calls that were replaced, and types that went with their casts. */
  readonly replaced = new Set<object>();
  readonly finder: Finder;
  /** Casts to names, and functions that tell of objects alone, stay as they are. */
  readonly knowsObjects: boolean;
  private readonly fromFunctions: ReadonlySet<Node>;

  constructor(
    readonly w: Rewriter,
    readonly analysis: Analysis,
    readonly context: MetadataContext,
    readonly parameters: Parameters,
  ) {
    this.finder = finderOf(context.role, context.catalog);
    this.knowsObjects = knowsObjects(context.role, context.catalog);
    this.fromFunctions = new Set(
      analysis.marks.levels.flatMap((level) => level.roots.filter((root) => root.inFrom).map((root) => root.node)),
    );
  }

  /** The type of an expression, 0 if there is none. */
  typeOf(node: Node | undefined): Oid {
    return (node && this.analysis.marks.expressions.get(node)?.type) ?? 0;
  }

  /** The type of a parameter as the statement settled it; 0 for any other node. */
  parameterType(node: Node): Oid {
    const number = as(node, 'ParamRef')?.number;
    return number === undefined ? 0 : (this.analysis.parameterTypes[number - 1] ?? 0);
  }

  regKind(type: Oid): RegKind {
    return this.knowsObjects ? { kind: 'no' } : regKind(this.context.catalog, type);
  }

  /** `pg_class.oid` if the node is that column unchanged. */
  catalogColumn(node: Node | undefined): string | undefined {
    const reference = node && this.analysis.marks.references.get(node);
    return reference && catalogColumn(reference.entry, reference.column);
  }

  /** What gives nothing of itself tells all that it knows where the role names it. */
  isGranted(fn: Fn): boolean {
    return givesNothing(fn) && this.context.role.functions.has(fn.oid);
  }

  isInFrom(node: Node): boolean {
    return this.fromFunctions.has(node);
  }

  /** Nothing in it has to be filtered. */
  pass(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    for (const set of [this.nodes as Set<object>, this.calls, this.types]) set.add(value);
    for (const inner of partsOf(value)) this.pass(inner);
  }

  /** The text of a node went: nothing in it is to be changed. */
  leaveOut(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    for (const set of [this.nodes as Set<object>, this.calls, this.types, this.replaced]) set.add(value);
    for (const inner of partsOf(value)) this.leaveOut(inner);
  }
}
