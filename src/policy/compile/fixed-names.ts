/**
 * Unqualified names in a policy: each must mean one object, whatever the order of the schemas. Otherwise an object that is created later in another
 * schema would replace the intended one in the policy.
 */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { as } from '../../sql/parse/tree.ts';
import type { SqlProblem } from '../source/sql-source.ts';

const SERVER = 'pg_catalog';

/** Tells if the name exists in several schemas. `what`: the kind of object; `path`: the schemas to search. */
export function ambiguity(
  what: string,
  found: { readonly schema: string; readonly name: string },
  path: readonly string[],
  has: (schema: string) => boolean,
): string | undefined {
  // The server's own objects come first: if one is found, there was no other. A later object with this name would be in another schema.
  if (found.schema === SERVER) return undefined;
  const others = [...path, SERVER].filter((schema) => schema !== found.schema && has(schema));
  if (others.length === 0) return undefined;
  const schemas = [found.schema, ...new Set(others)].map((schema) => `"${schema}"`).join(' and ');
  return `${what} "${found.name}" is in ${schemas}: write its schema`;
}

/**
 * INVARIANT 105: an unqualified name of a user's object is unique on the search path. Objects of extensions are exempt: extensions overload the
 * server's operators on purpose.
 */
export function ambiguousNames(analysis: Analysis, catalog: Catalog, path: readonly string[]): readonly SqlProblem[] {
  const problems: SqlProblem[] = [];
  const add = (offset: number, message: string | undefined): void => {
    if (message !== undefined) problems.push({ message, offset });
  };
  const charAt = (location: number | undefined): number => Math.max(0, analysis.parsed.toChar(location ?? 0));
  for (const { body, fn } of analysis.marks.functions) {
    if (fn.extension !== '') continue;
    const has = (schema: string) => catalog.functionsNamed(fn.name).some((one) => one.schema === schema);
    add(charAt(body.location), ambiguity('function', fn, path, has));
  }
  for (const { body, type } of analysis.marks.types) {
    if (body.names?.length !== 1) continue;
    add(
      charAt(body.location),
      ambiguity('type', type, path, (schema) => catalog.type(schema, type.name) !== undefined),
    );
  }
  for (const { node, entry } of analysis.marks.relations) {
    const body = as(node, 'RangeVar');
    if (!body || body.schemaname !== undefined || entry.source.kind !== 'relation') continue;
    const { relation } = entry.source.view;
    const has = (schema: string) => catalog.relation(schema, relation.name) !== undefined;
    add(charAt(body.location), ambiguity('relation', relation, path, has));
  }
  for (const use of analysis.uses) {
    // A qualified name: no operator's own name contains a dot.
    if (use.kind !== 'operator' || use.name.includes('.')) continue;
    for (const operator of use.candidates) {
      if (operator.extension !== '') continue;
      const has = (schema: string) => catalog.operatorsNamed(operator.name).some((one) => one.schema === schema);
      add(use.at, ambiguity('operator', operator, path, has));
    }
  }
  return problems;
}
