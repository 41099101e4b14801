/** In which types two keys that are equal are the same key, and how the text of one is read as the server reads it. */
import { INTEGERS } from '../../sql/analyze/fallible.ts';
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import * as t from '../../sql/types/oids.ts';
import { baseType } from '../../sql/types/type.ts';

const VARCHAR = 1043;
const UUID = 2950;
const TEXTS: readonly Oid[] = [t.TEXT, VARCHAR];

/** Characters of a key as text, by its type: so that the column has one length, and can be taken out of a row that passes in pieces. */
export const KEY_WIDTHS: ReadonlyMap<number, number> = new Map([
  [21, 6],
  [23, 11],
  [20, 20],
  [2950, 36],
]);

export interface Compared {
  readonly type: Oid;
  readonly collation?: Oid | undefined;
}

/**
 * Whether `=` between them is the server's own, and true only for one value. No user-defined type (citext treats two texts as equal), no collation of
 * a column's own (it may not be deterministic), and no user-defined operator, which exact types would choose.
 */
export function isOneKey(catalog: Catalog, a: Compared, b: Compared): boolean {
  if (a.collation !== undefined || b.collation !== undefined) return false;
  const [x, y] = [baseType(catalog, a.type), baseType(catalog, b.type)];
  if (catalog.typesByOid.get(x)?.schema !== 'pg_catalog') return false;
  if (x !== y && ![INTEGERS, TEXTS].some((family) => family.includes(x) && family.includes(y))) return false;
  return !hasOwnEquality(catalog, [a.type, x], [b.type, y]);
}

function hasOwnEquality(catalog: Catalog, left: readonly Oid[], right: readonly Oid[]): boolean {
  return catalog.operatorsNamed('=').some((operator) => {
    if (operator.schema === 'pg_catalog') return false;
    const meets = (a: readonly Oid[], b: readonly Oid[]) => a.includes(operator.left) && b.includes(operator.right);
    return meets(left, right) || meets(right, left);
  });
}

/** Whether a key of the type can be read from what a client writes. */
export function isReadableKey(type: Oid): boolean {
  return INTEGERS.includes(type) || TEXTS.includes(type) || type === UUID || type === t.BPCHAR;
}

/** int2, int4 or int8. */
export function isIntegerKey(type: Oid): boolean {
  return INTEGERS.includes(type);
}

/** The key in the server's form, for a text that the server would read as a value of the type; undefined if that is not known. */
export function readKey(type: Oid, text: string): string | undefined {
  if (INTEGERS.includes(type)) return readInteger(text);
  if (type === UUID) return readUuid(text);
  if (type === t.BPCHAR) return unpadded(text);
  return TEXTS.includes(type) ? text : undefined;
}

/** `character(n)` without the blanks at its end. An expression for these would be tried at each blank before them, of which a client may send a megabyte. */
export function unpadded(text: string): string {
  let end = text.length;
  while (text[end - 1] === ' ') end -= 1;
  return text.slice(0, end);
}

const INTEGER =
  /^[ \t\n\v\f\r]*([-+]?)(0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|\d(?:_?\d)*)[ \t\n\v\f\r]*$/;

/** Longer ones are not read: a number of a million digits takes long. */
const LONGEST_INTEGER = 200;

/** As the server writes integers, and nearly all clients: no number of so few digits is out of range. */
const AS_WRITTEN = /^(?:0|-?[1-9]\d{0,17})$/;

/** As pg_strtoint64 does: ` 0x4D ` and `7_7` are 77. An older server refuses such forms. */
function readInteger(text: string): string | undefined {
  if (AS_WRITTEN.test(text)) return text;
  if (text.length > LONGEST_INTEGER) return undefined;
  const [, sign, digits] = INTEGER.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = BigInt(digits.replaceAll('_', ''));
  const signed = sign === '-' ? -value : value;
  return signed === BigInt.asIntN(64, signed) ? String(signed) : undefined;
}

/** As uuid_in: with or without braces, with or without a hyphen after each four digits. */
function readUuid(text: string): string | undefined {
  const inside = /^\{(.*)\}$/.exec(text)?.[1] ?? text;
  if (!/^[0-9a-fA-F]{4}(?:-?[0-9a-fA-F]{4}){7}$/.test(inside)) return undefined;
  const hex = inside.replaceAll('-', '').toLowerCase();
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
