/** Tells plans that look rows up by whole primary keys: whatever the values are, each gives one row at most. */
import type { PlanNode } from './plan-node.ts';
import type { GuardedReads, PlanRows } from './plan-rows.ts';

/** Columns of a relation's primary key, where `index` is the index that keeps it. */
export type PrimaryKey = (
  relation: { readonly schema: string; readonly name: string },
  index: string,
) => readonly string[] | undefined;

/** With one row below, they give one row at most. Aggregates are not among them: of one row CUBE makes thousands. */
const OF_ONE_ROW: ReadonlySet<string> = new Set(
  'Limit|LockRows|Result|Sort|Materialize|Subquery Scan|ModifyTable'.split('|'),
);

/**
 * The most rows that a statement with this generic plan returns and reads, whatever its parameters are; undefined if that depends on them. Only a
 * lookup by a whole primary key has a bound: if a generic plan merely expects few rows, some values may still give many.
 */
export function pointRows(plans: readonly PlanNode[], guarded: GuardedReads, keyOf: PrimaryKey): PlanRows | undefined {
  let read = 0;
  const isPoint = (node: PlanNode): boolean => {
    if (isPolicysAlone(node, guarded)) return true;
    if (node.type === 'Index Scan' || node.type === 'Index Only Scan') {
      if (!isLookup(node, keyOf)) return false;
      if (guarded.of(node.relation!)) read += 1;
      // What its conditions ask is the policy's, or no point.
      return node.children.every(isPoint);
    }
    if (node.type === 'Nested Loop') return node.children.length === 2 && node.children.every(isPoint);
    return OF_ONE_ROW.has(node.type) && node.children.every(isPoint);
  };
  return plans.every(isPoint) ? { result: plans.length, read } : undefined;
}

/** A condition of the policy: it removes rows, and adds none. */
function isPolicysAlone(node: PlanNode, guarded: GuardedReads): boolean {
  const scans = scansOf(node);
  return scans.length > 0 && scans.every((scan) => scan.relation !== undefined && guarded.isPolicys(scan));
}

function scansOf(node: PlanNode): PlanNode[] {
  if (node.relation || node.children.length === 0)
    return [node, ...node.children.filter((c) => !c.type.startsWith('Bitmap')).flatMap(scansOf)];
  return node.children.flatMap(scansOf);
}

function isLookup(node: PlanNode, keyOf: PrimaryKey): boolean {
  const key = node.relation && keyOf(node.relation, node.index);
  if (!key || key.length === 0) return false;
  const equal = equalColumns(node.indexCondition);
  return equal !== undefined && key.every((column) => equal.has(column));
}

const NAME = '(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+")';
/** A parameter, perhaps cast; or a number that the policy says. */
const VALUE = "(?:\\$\\d+|\\(\\$\\d+\\)::[a-z ]+|\\d+|'\\d+'::[a-z]+)";
const EQUALITY = new RegExp(`^(?:${NAME}\\.)?(${NAME}) = ${VALUE}$`);

/** The columns of `((a = $1) AND (b = $2))`; undefined for any other condition. */
function equalColumns(condition: string): ReadonlySet<string> | undefined {
  if (!condition.startsWith('(') || !condition.endsWith(')')) return undefined;
  const inside = condition.slice(1, -1);
  const parts = inside.startsWith('(') ? inside.slice(1, -1).split(') AND (') : [inside];
  const columns = new Set<string>();
  for (const part of parts) {
    const name = EQUALITY.exec(part)?.[1];
    if (name === undefined) return undefined;
    columns.add(name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);
  }
  return columns;
}
