/** SQL that asks whether an object is one that the role finds in a system catalog: the catalog's own row filter, with the object's key. */

import { literal } from '../../policy/compile/catalog-conditions.ts';
import { shownSettings } from '../../policy/compile/shown-settings.ts';
import { FIRST_USER_OID } from '../../policy/compile/visible-types.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { renderTemplate } from '../../sql/text/edits.ts';
import { ROW } from '../rewrite/names.ts';

/** What conditions are made with. */
export interface Finder {
  /** Some row of that catalog, as the role finds it, for which the condition over `rowgate_row` holds. */
  found(catalog: string, condition: string): string;
  /** The OID that a text names, by `to_regclass` and similar functions; NULL if it names a schema that the role does not find. */
  named(lookup: string, text: string): string;
  /** SQL for whether a text is the name of a setting that the role may read. */
  shown(name: string): string;
}

const known = new WeakMap<RolePolicy, boolean>();

/**
 * INVARIANT 198: names and numbers of objects are not looked up only for a role that reads whole every table of the server's own catalogs (`catalogs`), and
 * so may know of each object that there is.
 */
export function knowsObjects(role: RolePolicy, { data }: Catalog): boolean {
  let knows = known.get(role);
  if (knows === undefined) {
    const own = data.relations.filter(
      ({ schema, kind, oid }) => schema === 'pg_catalog' && kind === 'r' && oid < FIRST_USER_OID,
    );
    knows = own.length > 0 && own.every(({ oid }) => role.relations.get(oid)?.named === true);
    known.set(role, knows);
  }
  return knows;
}

/** The server's own schemas that everybody may look into. */
const SYSTEM_SCHEMAS = ['pg_catalog', 'information_schema'];

export function finderOf(role: RolePolicy, catalog: Catalog): Finder {
  const visible = visibleSchemas([...SYSTEM_SCHEMAS, ...(role.schemas ?? [])]);
  return {
    // INVARIANT 138: of settings whose name is no constant those that SHOW gives: the list's, and those of the role.
    shown: (name) => `pg_catalog.lower(${name}) IN (${shownSettings(role)})`,
    // A lookup in a schema that its account may not use fails, and so reveals that it exists: only visible schemas are looked into.
    named: (lookup, text) =>
      `CASE WHEN pg_catalog.regexp_replace(${text}, ${visible}, '\\1', 'g') !~ '[.]' THEN pg_catalog.${lookup}(${text}) END`,
    found(name, condition) {
      const relation = catalog.relation('pg_catalog', name);
      const select = relation && role.relations.get(relation.oid)?.select;
      // Of a catalog that the role does not read nothing is found.
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

/**
 * A regular expression, as a string constant: such a schema's name and the dot after it. Before it may be a database's name, but not part of a longer
 * name: for another database's name the server gives the same error in any case.
 */
function visibleSchemas(names: readonly string[]): string {
  const schemas = names.map(asPattern).join('|');
  return literal(`(^|[^[:alnum:]_".$])(?:(?:[[:alnum:]_$]+|"[^"]*")[.])?("?)(?:${schemas})\\2[[:space:]]*[.]`);
}

function asPattern(name: string): string {
  return name
    .replaceAll('"', '""')
    .replace(/[^A-Za-z0-9_]/gu, (character) => ('\\^'.includes(character) ? `\\${character}` : `[${character}]`));
}
