/** Pieces of a role's YAML, as `rowgate explain` suggests them. */
import type { Relation } from '../sql/catalog/catalog.ts';

/** Stands where the DBA has to choose. */
export const ANY = '…';

/** A table with the columns that may be read. */
export function columnsSnippet(relation: Relation, columns: readonly string[]): string {
  return ['tables:', `  ${key(relation)}:`, '    select:', `      columns: ${list(columns)}`].join('\n');
}

/** One kind of write on a table, and what must be read of it for that; `select`: absent where nothing more must be. */
export function writeSnippet(
  relation: Relation,
  verb: string,
  written: readonly string[],
  select: readonly string[] | undefined,
): string {
  const lines = ['tables:', `  ${key(relation)}:`];
  if (select) lines.push(`    select: { columns: ${list(select)} }`);
  lines.push(`    ${verb}: ${verb === 'delete' ? '{}' : `{ columns: ${list(written)} }`}`);
  return lines.join('\n');
}

/** In quotes where YAML would read more than a name. */
export function yamlText(text: string): string {
  const plain = /^[\p{L}_][\p{L}\p{N}_. ]*$/u.test(text) && text === text.trim();
  return plain && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text);
}

function list(columns: readonly string[]): string {
  return `[${columns.map((column) => (column === ANY ? ANY : yamlText(column))).join(', ')}]`;
}

/** As a key of `tables:`; the schema only where it is not `public`. */
function key(relation: Relation): string {
  const parts = relation.schema === 'public' ? [relation.name] : [relation.schema, relation.name];
  return yamlText(parts.map((part) => (/[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join('.'));
}
