/** Where the search path finds a schema: the order in which same-named functions, operators and types hide one another. */

const positions = new WeakMap<readonly string[], ReadonlyMap<string, number>>();

/**
 * Each schema of the path with its position; `pg_catalog` comes first if the path does not name it (manual, section 5.10.3). Temporary schemas are
 * left out: Rowgate's sessions have none, and functions and operators are never looked up there.
 */
export function pathPositions(searchPath: readonly string[]): ReadonlyMap<string, number> {
  const known = positions.get(searchPath);
  if (known) return known;
  const found = new Map<string, number>();
  const path = searchPath.includes('pg_catalog') ? searchPath : ['pg_catalog', ...searchPath];
  for (const schema of path) if (!found.has(schema)) found.set(schema, found.size);
  positions.set(searchPath, found);
  return found;
}

/** A possibly qualified name of a function or an operator. */
export interface QualifiedName {
  readonly schema?: string;
  readonly name: string;
}
