/** `functions` of a role: `public.school_year`, or `public.school_year(date)` if the name is overloaded. */
import type { Catalog, Fn, Oid } from '../../sql/catalog/catalog.ts';
import { pathPositions } from '../../sql/types/path.ts';
import { suggestion } from '../source/suggestion.ts';
import { ambiguity } from './fixed-names.ts';
import { type ResolvedName, splitName } from './names.ts';

/** The grammar's own names of types, which the catalog does not have (manual, table 8.1). */
const TYPE_WORDS: Readonly<Record<string, string>> = {
  int: 'int4',
  integer: 'int4',
  smallint: 'int2',
  bigint: 'int8',
  boolean: 'bool',
  decimal: 'numeric',
  dec: 'numeric',
  real: 'float4',
  float: 'float8',
  'double precision': 'float8',
  'character varying': 'varchar',
  character: 'bpchar',
  char: 'bpchar',
  'bit varying': 'varbit',
  'time without time zone': 'time',
  'time with time zone': 'timetz',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
};

/**
 * Finds the function that the text names. As in GRANT, a name without arguments must be unique; for the server's own functions it means all of that
 * name.
 */
export function resolveFunctions(
  catalog: Catalog,
  searchPath: readonly string[],
  text: string,
): ResolvedName<readonly Fn[]> {
  const match = /^([^()]+)(?:\((.*)\))?$/s.exec(text.trim());
  const parts = splitName(match?.[1]?.trim() ?? '');
  if (!parts || parts.length > 2)
    return { problem: `expected a function as schema.name or schema.name(types), found "${text}"`, missing: false };
  const name = parts.at(-1) ?? '';
  const schema = parts.length === 2 ? parts[0] : undefined;
  if (schema !== undefined && !catalog.hasSchema(schema)) {
    return { problem: `schema "${schema}" does not exist${suggestion(schema, catalog.data.schemas)}`, missing: true };
  }
  const path = schema === undefined ? [...pathPositions(searchPath).keys()] : [schema];
  let candidates = firstOf(catalog, path, name);
  if (candidates.length === 0) {
    const known = catalog.data.functions.filter((fn) => path.includes(fn.schema)).map((fn) => fn.name);
    return { problem: `function "${text}" does not exist${suggestion(name, new Set(known))}`, missing: true };
  }
  const has = (other: string) => catalog.functionsNamed(name).some((fn) => fn.schema === other);
  const problem = schema === undefined ? ambiguity('function', candidates[0]!, path, has) : undefined;
  if (problem !== undefined) return { problem, missing: true };
  if (match?.[2] !== undefined) {
    const types =
      match[2].trim() === '' ? [] : match[2].split(',').map((word) => resolveType(catalog, searchPath, word));
    candidates = candidates.filter((fn) => sameTypes(fn.args, types));
  }
  const [only, second] = candidates;
  if (only && second && only.schema === 'pg_catalog') return { value: candidates };
  if (only && second)
    return {
      problem: `function name "${text}" is not unique; write its argument types: ${signatures(catalog, candidates)}`,
      missing: true,
    };
  if (only) return { value: [only] };
  return {
    problem: `function "${text}" does not exist; there is ${signatures(catalog, firstOf(catalog, path, name))}`,
    missing: true,
  };
}

function firstOf(catalog: Catalog, path: readonly string[], name: string): Fn[] {
  for (const schema of path) {
    const here = catalog.functionsNamed(name).filter((fn) => fn.schema === schema);
    if (here.length > 0) return here;
  }
  return [];
}

function sameTypes(args: readonly Oid[], types: readonly (Oid | undefined)[]): boolean {
  return args.length === types.length && args.every((arg, index) => arg === types[index]);
}

/** The OID of a type as SQL writes it, `integer[]` for its array; undefined if there is none. */
export function resolveType(catalog: Catalog, searchPath: readonly string[], text: string): Oid | undefined {
  const whole = text.trim();
  const array = whole.endsWith('[]');
  const word = (array ? whole.slice(0, -2) : whole).trim().replace(/\s+/g, ' ');
  const builtIn = Object.hasOwn(TYPE_WORDS, word.toLowerCase()) ? TYPE_WORDS[word.toLowerCase()] : undefined;
  const parts = builtIn === undefined ? splitName(word) : ['pg_catalog', builtIn];
  if (!parts || parts.length > 2) return undefined;
  const name = parts.at(-1) ?? '';
  const path = parts.length === 2 ? [parts[0] ?? ''] : [...pathPositions(searchPath).keys()];
  for (const schema of path) {
    const type = catalog.type(schema, name);
    if (type) return array ? type.array || undefined : type.oid;
  }
  return undefined;
}

function signatures(catalog: Catalog, functions: readonly Fn[]): string {
  const typeName = (oid: Oid): string => catalog.typesByOid.get(oid)?.name.replace(/^_(.*)$/, '$1[]') ?? '?';
  const shown = functions.slice(0, 3).map((fn) => `${fn.schema}.${fn.name}(${fn.args.map(typeName).join(', ')})`);
  return `${shown.join(', ')}${functions.length > 3 ? ', …' : ''}`;
}
