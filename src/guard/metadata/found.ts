/** SQL that asks whether an object is one that the role finds in a system catalog: the catalog's own row filter, with the object's key. */
import type { RolePolicy } from '../../policy/policy.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { renderTemplate } from '../../sql/edits.ts';
import { ROW } from '../rewrite/names.ts';

/** What conditions are made with. */
export interface Finder {
  /** Some row of that catalog, as the role finds it, for which the condition over `rowgate_row` holds. */
  found(catalog: string, condition: string): string;
}

export function finderOf(role: RolePolicy, catalog: Catalog): Finder {
  return {
    found(name, condition) {
      const relation = catalog.relation('pg_catalog', name);
      const select = relation && role.relations.get(relation.oid)?.select;
      // INVARIANT: of a catalog that the role does not read nothing is found.
      if (!select) return '(false)';
      const filters = select.conditions.map(({ filter }) =>
        renderTemplate(filter, (slot) => {
          if (slot.kind !== 'row') throw new Error('a system catalog has no slots but its row');
          return ROW;
        }),
      );
      return `EXISTS (SELECT FROM pg_catalog.${name} AS ${ROW} WHERE ${[condition, ...filters].join(' AND ')})`;
    },
  };
}

/** The role of that OID is the account in use, or owns what the role was granted or the database. */
export function roleFound(f: Finder, oid: string): string {
  const named = `pg_catalog.pg_get_userbyid(${oid}) = CURRENT_USER`;
  const owns = `${f.found('pg_class', `${ROW}.relowner = ${oid}`)} OR ${f.found('pg_database', `${ROW}.datdba = ${oid}`)}`;
  return `(${named} OR ${owns})`;
}
