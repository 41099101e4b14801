/** Resolves `(row).field`, `array[1]` and `array[1:2]`. */
import type { Oid } from '../catalog.ts';
import type { Body } from '../tree.ts';
import { as, kindOf, stringOf } from '../tree.ts';
import * as t from '../types/oids.ts';
import { baseType, elementType, rowRelation } from '../types/type.ts';
import type { Expression, Scope } from './model.ts';
import type { Resolver } from './resolver.ts';
import { UNTOLD } from './structure.ts';

export function resolveIndirection(r: Resolver, body: Body<'A_Indirection'>, scope: Scope): Expression {
  const arg = r.expression(body.arg!, scope);
  let { type } = arg;
  let sound = true;
  for (const step of body.indirection ?? []) {
    const field = stringOf(step);
    if (field !== undefined) {
      type = fieldOf(r, body, type, field);
    } else if (kindOf(step) === 'A_Indices') {
      const indices = as(step, 'A_Indices')!;
      for (const bound of [indices.lidx, indices.uidx]) if (bound) r.expression(bound, scope);
      sound = false;
      const element = elementType(r.env.catalog, baseType(r.env.catalog, type));
      type = indices.is_slice ? type : element || (type === t.JSONB ? t.JSONB : t.UNTELLABLE);
    } else {
      r.unsupported('(…).*', undefined);
      return UNTOLD;
    }
  }
  return { type, sound, constant: arg.constant && sound, barrier: 'none' };
}

function fieldOf(r: Resolver, body: Body<'A_Indirection'>, type: Oid, field: string): Oid {
  const { catalog } = r.env;
  // A row of the statement's own making: its fields are those that it was given, all of them seen.
  const own = wholeRowField(r, body, field);
  if (own !== undefined) return own;
  const relation = rowRelation(catalog, type);
  const column = relation?.columns.find((c) => c.name === field);
  if (column) return column.type;
  if (relation) {
    // INVARIANT: `(row).name` may call the function `name` on the row.
    r.refuse('column-unknown', '42703', `column "${field}" not found in data type ${relation.name}`);
  } else if (type !== t.RECORD && type !== t.UNTELLABLE) {
    r.refuse('column-unknown', '42809', `column notation .${field} applied to a value that is not a row`);
  } else {
    // Arguments with defaults may be left out.
    const fn = catalog.functionsNamed(field).some((f) => f.args.length > 0 && f.args.length - f.defaults <= 1);
    if (fn) r.unsupported(`(…).${field}, which may call the function "${field}"`, undefined);
  }
  return t.UNTELLABLE;
}

/** `(t).field` where t is a whole row of FROM: undefined where it is not, 0 where the field is not there (refused). */
function wholeRowField(r: Resolver, body: Body<'A_Indirection'>, field: string): Oid | undefined {
  const whole = r.marks.wholeRows.find((w) => w.node === body.arg);
  if (!whole) return undefined;
  const column = whole.entry.columns.find((c) => c.name === field && c.access === 'granted');
  if (column) return column.type;
  const withheld = whole.entry.columns.some((c) => c.name === field);
  const relation = whole.entry.source.kind === 'relation' ? whole.entry.source.view.relation : undefined;
  if (withheld && relation) {
    r.uses.push({ kind: 'column', relation, column: field, at: -1 });
    r.refuse('column-withheld', '42501', `permission denied for column "${field}" of relation "${relation.name}"`);
  } else
    r.refuse('column-unknown', '42703', `column "${field}" not found in data type ${whole.entry.name ?? 'record'}`);
  return 0;
}
