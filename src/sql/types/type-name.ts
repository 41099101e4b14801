/** Which type a written name means. */
import type { Catalog, Type } from '../catalog/catalog.ts';
import { pathPositions } from './path.ts';

/**
 * The type of a TypeName's `names`: one part is looked up along the path, two are schema and type, three begin with this database. `arrayBounds`
 * counts the `[]` after it: any number of them is the one array type. Type modifiers do not change which type it is.
 */
export function typeByName(
  catalog: Catalog,
  searchPath: readonly string[],
  names: readonly string[],
  arrayBounds = 0,
): Type | undefined {
  const found = named(catalog, searchPath, names);
  if (!found || arrayBounds === 0) return found;
  return catalog.typesByOid.get(found.array);
}

function named(catalog: Catalog, searchPath: readonly string[], names: readonly string[]): Type | undefined {
  const [first, second, third] = names;
  if (first === undefined || names.length > 3) return undefined;
  if (second === undefined) {
    for (const schema of pathPositions(searchPath).keys()) {
      const found = catalog.type(schema, first);
      if (found) return found;
    }
    return undefined;
  }
  if (third === undefined) return catalog.type(first, second);
  return first === catalog.data.database ? catalog.type(second, third) : undefined;
}
