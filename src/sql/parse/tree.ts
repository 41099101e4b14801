/** Reading PostgreSQL's raw parse tree as `libpg-query` gives it: the kind of a node, its body, equality without locations. */
import type { Node } from '@pgsql/types';
import { QUOTED } from './keywords.ts';

export type { Node } from '@pgsql/types';

type KeysOf<T> = T extends unknown ? keyof T : never;
/** `ColumnRef`, `A_Expr`, …: every node kind that the grammar has. */
export type Kind = KeysOf<Node>;
/** The fields of a node of kind K. */
export type Body<K extends Kind> = Extract<Node, Record<K, unknown>>[K];

/** The kind of a node: the one key of its wrapper. */
export function kindOf(node: Node): Kind {
  for (const key in node) return key as Kind;
  throw new Error('a node without a kind');
}

/** The body of a node known to be of kind K; undefined if it is of another kind. */
export function as<K extends Kind>(node: Node | undefined, kind: K): Body<K> | undefined {
  return node === undefined ? undefined : (node as unknown as Partial<Record<K, Body<K>>>)[kind];
}

/** The text of a String node; undefined for anything else. */
export function stringOf(node: Node | undefined): string | undefined {
  const body = as(node, 'String');
  return body === undefined ? undefined : (body.sval ?? '');
}

/** The texts of a list of String nodes. Throws where one is not: the grammar promises it. */
export function strings(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((n) => {
    const s = stringOf(n);
    if (s === undefined) throw new Error(`expected a name, found ${kindOf(n)}`);
    return s;
  });
}

/** The parts of a node of the tree, with their fields' names. Empty for a constant: its value is only read by questions (`guard/cache`). */
export function fieldsOf(part: object): [string, object][] {
  const fields: [string, object][] = [];
  if ('A_Const' in part) return fields;
  for (const field in part) {
    const inner: unknown = (part as Record<string, unknown>)[field];
    if (typeof inner === 'object' && inner !== null) fields.push([field, inner]);
  }
  return fields;
}

/** The same without the names. */
export function partsOf(part: object): object[] {
  return fieldsOf(part).map(([, inner]) => inner);
}

/** Some byte of the text that the part covers; undefined if it has no location. */
export function placeIn(part: object): number | undefined {
  const { location } = ('A_Const' in part ? part.A_Const : part) as { location?: unknown };
  if (typeof location === 'number' && location >= 0) return location;
  for (const inner of partsOf(part)) {
    const place = placeIn(inner);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** True for fields that contain a node's location in its text. */
function isLocation(field: string): boolean {
  let is = LOCATIONS.get(field);
  if (is === undefined) {
    is = field.endsWith('location') || field === 'stmt_len' || /^(rexpr_)?list_(start|end)$/.test(field);
    LOCATIONS.set(field, is);
  }
  return is;
}

/** The answer for each field's name: the grammar has a few hundred. */
const LOCATIONS = new Map<string, boolean>();

/**
 * Equality of two trees (or parts) with everything but locations; absent and undefined fields are the same.
 * `samePart` has the last word on two objects where it has one.
 */
export function sameTree(a: unknown, b: unknown, samePart?: (a: object, b: object) => boolean | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const known = samePart?.(a, b);
  if (known !== undefined) return known;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((x, i) => sameTree(x, b[i], samePart));
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const k in left) {
    if (left[k] !== right[k] && !isLocation(k) && !sameTree(left[k], right[k], samePart)) return false;
  }
  for (const k in right) if (left[k] === undefined && right[k] !== undefined && !isLocation(k)) return false;
  return true;
}

/** Makes `node` another node, in place: whatever holds it holds the new one. */
export function replaceInPlace(node: Node, replacement: Node): void {
  const record = node as unknown as Record<string, unknown>;
  for (const key of Object.keys(record)) delete record[key];
  Object.assign(record, replacement);
}

/** A name as it must be written in SQL: quoted unless it is a plain lower-case identifier and not a keyword. */
export function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) && !QUOTED.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** `schema.name`, quoted as needed. */
export function qualifiedName(schema: string, name: string): string {
  return `${quoteName(schema)}.${quoteName(name)}`;
}
