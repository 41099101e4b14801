/** The name of a relation as it is sent. */
import type { Relation } from '../../sql/catalog/catalog.ts';
import { qualifiedName } from '../../sql/parse/tree.ts';

/** With its schema. A temporary table's own name is never sent, so that it cannot be taken for another table's. */
export function sentName({ schema, name, sentName: instead }: Relation): string {
  return qualifiedName(schema, instead ?? name);
}
