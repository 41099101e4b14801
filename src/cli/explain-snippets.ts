/** Pieces of a role's YAML, as `rowgate explain` suggests them. */
import type { Relation } from '../sql/catalog.ts';

/** Stands where the DBA has to choose. */
export const ANY = '…';

/** A table with the columns that may be read. */
export function columnsSnippet(relation: Relation, columns: readonly string[]): string {
  return ['tables:', `  ${key(relation)}:`, '    select:', `      columns: ${list(columns)}`].join('\n');
}

/** One kind of write on a table; what is changed or deleted must be held whole for reading as well. */
export function writeSnippet(relation: Relation, verb: string): string {
  const all = list(relation.columns.map((column) => column.name));
  const columns = `{ columns: ${all} }`;
  const lines = ['tables:', `  ${key(relation)}:`];
  if (verb !== 'insert') lines.push(`    select: ${columns}`);
  lines.push(`    ${verb}: ${verb === 'delete' ? '{}' : columns}`);
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
