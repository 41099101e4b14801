/**
 * `row.f` that calls `f(row)`, and `f(row)` that reads the field `row.f` (manual, section 8.16.5). Either becomes the other form in the tree, before
 * anything but the resolver has seen it: whatever judges calls judges these, and what is sent can mean nothing else.
 */
import { Buffer } from 'node:buffer';
import type { Oid } from '../catalog/catalog.ts';
import { type Body, type Node, replaceInPlace } from '../parse/tree.ts';
import { extentOf } from '../text/extent.ts';
import { tokenAt } from '../text/tokens.ts';
import { accepts } from '../types/candidates.ts';
import { visibleFunctions } from '../types/visible.ts';
import type { CallAsField, FieldAsCall } from './findings.ts';
import type { Expression, Scope } from './range-table.ts';
import type { Resolver } from './resolver.ts';

/** Whether some function of that name takes one value of that type. */
export function isTaken({ env: { catalog, searchPath } }: Resolver, name: string, type: Oid): boolean {
  return visibleFunctions(catalog, searchPath, { name }).some(
    ({ fn }) => fn.args.length > 0 && fn.args.length - fn.defaults <= 1 && accepts(catalog, [type], fn),
  );
}

/** Turns `row.name` into `name(arg)`, and reads that. `location`: a byte of the text from which the call's own extent follows. */
export function readAsCall(
  r: Resolver,
  node: Node,
  call: { readonly name: string; readonly arg: Node; readonly location: number } & CallAsField,
  scope: Scope,
): Expression {
  const { name, arg, location, ...written } = call;
  const funcname = [{ String: { sval: name } }];
  const body: Body<'FuncCall'> = { funcname, args: [arg], funcformat: 'COERCE_EXPLICIT_CALL', location };
  r.marks.callsAsFields.set(body, written);
  replaceInPlace(node, { FuncCall: body });
  return r.expression(node, scope);
}

/** The byte at which the name of `(…).name` begins; undefined if it has no place in the text. */
export function placeOfField(r: Resolver, node: Node): number | undefined {
  const extent = extentOf(node, r.parsed);
  if (!extent) return undefined;
  const tokens = r.parsed.tokens();
  let at = tokenAt(tokens, extent.end - 1);
  while (at >= 0 && tokens[at]!.word !== '.') at -= 1;
  const field = tokens[at + 1];
  return at >= 0 && field ? Buffer.byteLength(r.parsed.text.slice(0, field.start)) : undefined;
}

/** Turns `name(arg)`, of which the argument is read, into `(arg).name`, and reads that. */
export function readAsField(
  r: Resolver,
  node: Node,
  { arg, name, location }: FieldAsCall & { readonly arg: Node },
  scope: Scope,
): Expression {
  // The grammar gives it no place; by this one its extent is that of the call.
  const body = { arg, indirection: [{ String: { sval: name } }], location };
  r.marks.fieldsAsCalls.set(body, { name, location });
  replaceInPlace(node, { A_Indirection: body });
  return r.expression(node, scope);
}
