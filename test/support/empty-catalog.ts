/** The catalog of an empty database. */
import { Catalog } from '../../src/sql/catalog/catalog.ts';

/** `serverVersion` as in server_version_num. */
export function emptyCatalog(serverVersion = 180_000): Catalog {
  return new Catalog({
    serverVersion,
    database: 'empty',
    encoding: 'UTF8',
    relations: [],
    types: [],
    functions: [],
    operators: [],
    casts: [],
    opclasses: [],
    schemas: [],
    collations: [],
    dependents: [],
    members: [],
  });
}
