/** A second look at the whole tree: whatever could name data or run code, and was read by no rule of resolution, refuses the statement. */

import type { Kind, Node } from '../parse/tree.ts';
import { fieldsOf } from '../parse/tree.ts';
import type { Resolver } from './resolver.ts';

/** The nodes that can read data: relations, columns, calls, operators, casts, types, subqueries. */
const SENSITIVE: ReadonlySet<string> = new Set<Kind>([
  'ColumnRef',
  'FuncCall',
  'A_Expr',
  'TypeCast',
  'SubLink',
  'A_Indirection',
  'RangeVar',
  'ParamRef',
]);

/** Fields that hold such a body without its kind around it. */
const INLINE: ReadonlySet<string> = new Set(['typeName', 'relation']);

/** INVARIANT 3: nothing that PostgreSQL would analyze escapes resolution: a field that the grammar has and no rule visits is found here. */
export function refuseUnread(r: Resolver, node: Node): void {
  if (r.refusals.length === 0) visit(r, node);
}

function visit(r: Resolver, value: unknown): void {
  if (typeof value !== 'object' || value === null || r.refusals.length > 0) return;
  r.parsed.workLimit.spend();
  // A list of parts has no fields of its own; most of a tree is lists.
  if (Array.isArray(value)) {
    for (const inner of value) visit(r, inner);
    return;
  }
  for (const [field, inner] of fieldsOf(value)) {
    // (a, b) = (SELECT …): the parser repeats one source for every column.
    if (field === 'MultiAssignRef' && (inner as { colno?: number }).colno !== 1) continue;
    const bare = INLINE.has(field) && !Object.keys(inner).some((key) => /^[A-Z]/.test(key));
    if ((SENSITIVE.has(field) || bare) && !r.read.has(inner)) {
      r.unsupported(`this place for ${NAMES[field] ?? 'an expression'}`, (inner as { location?: number }).location);
      return;
    }
    visit(r, inner);
  }
}

const NAMES: Readonly<Record<string, string>> = {
  ColumnRef: 'a column',
  FuncCall: 'a function',
  TypeCast: 'a cast',
  SubLink: 'a subquery',
  RangeVar: 'a relation',
  relation: 'a relation',
  typeName: 'a type',
};
