/** The class of a built-in function: by its name, or by what the server's own catalog says of it. */
import { FIRST_USER_OID } from '../policy/compile/visible-types.ts';
import type { Catalog, Fn, Oid } from '../sql/catalog/catalog.ts';
import * as t from '../sql/types/oids.ts';
import { CLASSES, type FunctionClassName, INFORMATION_SCHEMA_FUNCTIONS, OVERLOADS } from './builtin-functions.ts';

const NAMES: ReadonlyMap<string, FunctionClassName> = new Map(
  Object.entries(CLASSES).flatMap(([name, { names }]) =>
    names.map((one): [string, FunctionClassName] => [one, name as FunctionClassName]),
  ),
);

/** `internal`, which nothing in SQL has for a value, and what handlers and triggers give. */
const INTERNAL = 2281;
const UNCALLABLE: ReadonlySet<Oid> = new Set([INTERNAL, 2279, 3838, 2280, 3115, 325, 269, 3310]);
const CSTRING = 2275;
const CSTRINGS = 1263;

/** Undefined of what did not come with the server, or is not in the table of classes: it may not be called. */
export function functionClass(fn: Fn, catalog: Catalog): FunctionClassName | undefined {
  if (fn.oid >= FIRST_USER_OID) return undefined;
  if (fn.schema === 'information_schema') return INFORMATION_SCHEMA_FUNCTIONS.has(fn.name) ? 'catalogs' : 'objects';
  if (fn.schema !== 'pg_catalog') return undefined;
  return classByName(fn) ?? classByRule(fn, catalog);
}

/** Whether it gives NULL in place of what it would tell. */
export function givesNothing(fn: Fn): boolean {
  return fn.schema === 'pg_catalog' && fn.oid < FIRST_USER_OID && classByName(fn) === 'nothing';
}

/** Whether some function of that name may give nothing. */
export function mayGiveNothing(name: string): boolean {
  const overloaded = Object.entries(OVERLOADS).some(([of, is]) => is === 'nothing' && of.startsWith(`${name}(`));
  return NAMES.get(name) === 'nothing' || overloaded || name.startsWith(COUNTERS);
}

function classByName(fn: Fn): FunctionClassName | undefined {
  const signature = `${fn.name}(${fn.args.join()})`;
  if (Object.hasOwn(OVERLOADS, signature)) return OVERLOADS[signature];
  return NAMES.get(fn.name) ?? (fn.name.startsWith(COUNTERS) ? classOfCounter(fn) : undefined);
}

const COUNTERS = 'pg_stat_';

/** Numbers and times of rows of a table, of sessions, of the server; the others change them. */
function classOfCounter({ name }: Fn): FunctionClassName {
  return name.startsWith('pg_stat_get_') ? 'nothing' : 'other sessions';
}

function classByRule(fn: Fn, catalog: Catalog): FunctionClassName | undefined {
  if (UNCALLABLE.has(fn.result) || fn.args.includes(INTERNAL)) return 'uncallable';
  const isText = [fn.result, ...fn.args].some((type) => type === CSTRING || type === CSTRINGS);
  if (isText || (fn.result === t.BYTEA && fn.name.endsWith('send'))) return 'text forms';
  if (fn.name.startsWith('binary_upgrade_')) return 'administration';
  if (operatorFunctions(catalog).has(fn.oid)) return 'operators';
  // Support functions of index methods that sorting and grouping do not call.
  return fn.name.startsWith('spg_') || fn.name === 'bound_box' ? 'uncallable' : undefined;
}

const known = new WeakMap<Catalog, ReadonlySet<Oid>>();

/** What the server's own operators run. */
function operatorFunctions(catalog: Catalog): ReadonlySet<Oid> {
  let found = known.get(catalog);
  if (!found) {
    const own = catalog.data.operators.filter(({ oid, schema }) => oid < FIRST_USER_OID && schema === 'pg_catalog');
    found = new Set(own.map(({ fn }) => fn));
    known.set(catalog, found);
  }
  return found;
}
