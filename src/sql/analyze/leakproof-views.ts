/**
 * Whether a view's own query holds nothing that can fail, read from the parts of its parsed rule: then conditions around it may be moved
 * into it, and no fence is needed where they cannot fail either. An allow-list; whatever else a view is made of keeps its fence.
 */
import type { Catalog, Oid, Relation } from '../catalog/catalog.ts';
import { neededBy } from '../types/cannot-fail.ts';

/** Names of parse nodes, as the server writes them (`src/include/nodes/parsenodes.h`, `primnodes.h`). */
const HARMLESS: ReadonlySet<string> = new Set(
  `QUERY RTE RANGETBLENTRY RTEPERMISSIONINFO ALIAS TARGETENTRY FROMEXPR JOINEXPR RANGETBLREF VAR CONST RELABELTYPE OPEXPR BOOLEXPR NULLTEST
   BOOLEANTEST DISTINCTEXPR SCALARARRAYOPEXPR ARRAY ARRAYEXPR COALESCE COALESCEEXPR CASE CASEEXPR WHEN CASEWHEN`.split(
    /\s+/,
  ),
);

/** The OIDs of no collation (0) and of the database's default (100) in pg_collation. */
const PLAIN_COLLATIONS: readonly Oid[] = [0, 100];

const known = new WeakMap<Catalog, Map<Oid, boolean>>();

/** Whether its query consists only of leakproof parts; cached by catalog. */
export function viewCannotLeak(catalog: Catalog, view: Relation): boolean {
  const answers = known.get(catalog) ?? new Map<Oid, boolean>();
  known.set(catalog, answers);
  const before = answers.get(view.oid);
  if (before !== undefined) return before;
  // A view that refers to itself is not leakproof.
  answers.set(view.oid, false);
  const leakproof = holdsNothingElse(catalog, view);
  answers.set(view.oid, leakproof);
  return leakproof;
}

function holdsNothingElse(catalog: Catalog, { oid, view }: Relation): boolean {
  if (!view) return false;
  return (
    // INVARIANT 47: every kind of node is known, and every operator runs a function that cannot fail whatever it is given.
    view.nodes.every((node) => HARMLESS.has(node)) &&
    view.operators.every((operator) => runsSoundly(catalog, operator)) &&
    view.relations.every((relation) => relation === oid || standsSoundly(catalog, relation))
  );
}

function runsSoundly(catalog: Catalog, operator: Oid): boolean {
  const fn = catalog.functionsByOid.get(catalog.operatorsByOid.get(operator)?.fn ?? 0);
  return fn !== undefined && (fn.leakproof || neededBy(fn) === 'nothing');
}

function standsSoundly(catalog: Catalog, oid: Oid): boolean {
  const relation = catalog.relationsByOid.get(oid);
  if (!relation) return false;
  if (relation.kind === 'v') return viewCannotLeak(catalog, relation);
  // A virtual column is an expression; two collations that meet fail where they do.
  return (
    'rpm'.includes(relation.kind) &&
    relation.columns.every((c) => c.generated !== 'v' && PLAIN_COLLATIONS.includes(c.collation))
  );
}
