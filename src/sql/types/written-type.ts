/** A type as a column definition writes it: which one it is, with its modifiers, and how it is written so that nothing else can be meant. */
import type { Catalog, Oid, Type } from '../catalog/catalog.ts';
import { as, type Body, qualifiedName, strings } from '../parse/tree.ts';
import { typeByName } from './type-name.ts';

export interface WrittenType {
  readonly type: Type;
  /** pg_attribute.atttypmod; -1 if there is no modifier. */
  readonly typmod: number;
  /** With its schema: `pg_catalog.varchar(40)`, `pg_catalog.int8[]`. */
  readonly text: string;
}

/** Of the server's own types that take numbers as modifiers: what pg_attribute makes of these (manual, chapter 8). */
const MODIFIERS: Readonly<Record<string, (first: number, second?: number) => number>> = {
  varchar: (length) => length + 4,
  bpchar: (length) => length + 4,
  numeric: (precision, scale = 0) => ((precision << 16) | (scale & 0x7ff)) + 4,
  timestamp: (digits) => digits,
  timestamptz: (digits) => digits,
  time: (digits) => digits,
  timetz: (digits) => digits,
  bit: (length) => length,
  varbit: (length) => length,
};

/** undefined: there is no such type, or it has modifiers of another kind. */
export function writtenType(
  catalog: Catalog,
  searchPath: readonly string[],
  body: Body<'TypeName'>,
): WrittenType | undefined {
  if (body.setof || body.pct_type) return undefined;
  const names = strings(body.names);
  const element = typeByName(catalog, searchPath, names);
  const bounds = body.arrayBounds?.length ?? 0;
  const type = bounds === 0 ? element : typeByName(catalog, searchPath, names, bounds);
  const modifiers = (body.typmods ?? []).map((node) => {
    const constant = as(node, 'A_Const');
    return constant?.ival && (constant.ival.ival ?? 0);
  });
  const [first, second] = modifiers;
  const text = element && qualifiedName(element.schema, element.name);
  if (!element || !type || text === undefined) return undefined;
  const brackets = bounds === 0 ? '' : '[]';
  if (modifiers.length === 0) return { type, typmod: -1, text: text + brackets };
  const typmodOf = element.schema === 'pg_catalog' ? MODIFIERS[element.name] : undefined;
  const most = element.name === 'numeric' ? 2 : 1;
  if (!typmodOf || first === undefined || modifiers.length > most || modifiers.includes(undefined)) return undefined;
  return { type, typmod: typmodOf(first, second), text: `${text}(${modifiers.join(', ')})${brackets}` };
}

/** Whether both are the same type with the same modifiers. */
export function isSameType(a: WrittenType, b: { readonly type: Oid; readonly typmod: number }): boolean {
  return a.type.oid === b.type && a.typmod === b.typmod;
}
