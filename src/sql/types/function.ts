/** Which function a call means (manual, section 10.3), or which cast or column where it only looks like a call. */
import type { Catalog, Oid } from '../catalog/catalog.ts';
import { type CallCandidate, type CallForm, callCandidates } from './call.ts';
import { accepts, best } from './candidates.ts';
import { coercion } from './coercion.ts';
import { commonType } from './common-type.ts';
import { found } from './found.ts';
import * as t from './oids.ts';
import type { QualifiedName } from './path.ts';
import { pathway } from './pathway.ts';
import type { Resolved } from './resolved.ts';
import { arrayType, baseType, category, elementType, isRow, rowRelation } from './type.ts';
import { typeByName } from './type-name.ts';

/** PostgreSQL's FUNC_MAX_ARGS. */
const MAX_ARGUMENTS = 100;

/**
 * The function for arguments of these types, in the order of the call; those of WITHIN GROUP's ORDER BY come last. `UNKNOWN` is a literal without a
 * type, `UNTELLABLE` (0) an argument of unknown type.
 */
export function resolveFunction(
  catalog: Catalog,
  searchPath: readonly string[],
  name: QualifiedName,
  args: readonly Oid[],
  form: CallForm = {},
): Resolved {
  if (args.length > MAX_ARGUMENTS) return { kind: 'none', why: 'called in the wrong form' };
  const input = args.map((type) => (catalog.typesByOid.has(type) ? type : t.UNTELLABLE));
  const candidates = callCandidates(catalog, searchPath, name, input.length, form);
  if (input.includes(t.UNTELLABLE)) return untellable(catalog, searchPath, name, input, candidates, form);
  const exact = candidates.find((candidate) => input.every((type, i) => candidate.args[i] === type));
  if (exact) return complete(catalog, exact, input, form);
  const castTo = input.length === 1 && !form.argNames?.length ? castTarget(catalog, searchPath, name, input[0]!) : 0;
  if (castTo !== 0) {
    if (!isPlain(form)) return { kind: 'none', why: 'called in the wrong form' };
    return { kind: 'cast', result: castTo, coercion: coercion(catalog, input[0]!, castTo, 'explicit') };
  }
  const accepted = candidates.filter((candidate) => accepts(catalog, input, candidate));
  if (accepted.length === 0) return column(catalog, name, input, form) ?? { kind: 'none', why: 'no candidate' };
  const chosen = best(catalog, input, accepted);
  return chosen ? complete(catalog, chosen, input, form) : { kind: 'ambiguous' };
}

/** The type that a call of one argument casts to; 0 if such a call is not a cast (manual, section 10.3, step 3). */
function castTarget(catalog: Catalog, searchPath: readonly string[], name: QualifiedName, from: Oid): Oid {
  const target = typeByName(catalog, searchPath, name.schema === undefined ? [name.name] : [name.schema, name.name]);
  if (target?.relation !== 0) return 0;
  if (target.oid === t.INTERNAL) return 0;
  if (from === t.UNKNOWN || from === t.UNTELLABLE) return target.oid;
  const way = pathway(catalog, from, target.oid, 'explicit');
  if (way === 'relabel') return target.oid;
  if (way !== 'io') return 0;
  // A row is not turned into text by this notation: `name(p)` is rather the column.
  const row = from === t.RECORD || isRow(catalog, from);
  return row && category(catalog, target.oid) === 'S' ? 0 : target.oid;
}

/** A column of the one argument, where that is a row; a whole table's row has its system columns too (manual, section 5.6). */
function column(catalog: Catalog, called: QualifiedName, input: readonly Oid[], form: CallForm): Resolved | undefined {
  const row = input[0];
  const notation = form.variadic || form.argNames?.length;
  if (row === undefined || input.length !== 1 || called.schema !== undefined || notation || !isPlain(form))
    return undefined;
  const { name } = called;
  if (row === t.RECORD) return { kind: 'column', name, relation: 0, result: t.UNTELLABLE };
  const relation = rowRelation(catalog, row);
  if (!relation) return undefined;
  const found = relation.columns.find((candidate) => candidate.name === name);
  if (found) return { kind: 'column', name, column: found, relation: relation.oid, result: found.type };
  const system = SYSTEM_COLUMNS.get(name);
  return system === undefined ? undefined : { kind: 'column', name, relation: relation.oid, result: system };
}

const SYSTEM_COLUMNS: ReadonlyMap<string, Oid> = new Map([
  ['tableoid', t.OID],
  ['ctid', t.TID],
  ['xmin', t.XID],
  ['xmax', t.XID],
  ['cmin', t.CID],
  ['cmax', t.CID],
]);

function complete(catalog: Catalog, chosen: CallCandidate, input: readonly Oid[], form: CallForm): Resolved {
  if (chosen.ambiguous) return { kind: 'ambiguous' };
  const { fn } = chosen;
  if (!formFits(chosen, input, form)) {
    const counted = fn.kind === 'a' && fn.aggKind !== 'n' && form.withinGroup !== undefined;
    return { kind: 'none', why: counted ? 'no candidate' : 'called in the wrong form' };
  }
  if (form.variadic && fn.variadic === t.ANY) {
    const last = input[input.length - 1]!;
    if (elementType(catalog, baseType(catalog, last)) === 0) return { kind: 'none', why: 'called in the wrong form' };
  }
  const resolved = found(catalog, fn, undefined, input, chosen.args, fn.result);
  if (resolved.kind !== 'found') return resolved;
  if (chosen.expanded > 0 && fn.variadic !== t.ANY) {
    // The expanded arguments are gathered into one array: there must be such a type.
    if (arrayType(catalog, resolved.argTypes[input.length - 1]!) === 0) {
      return { kind: 'none', why: 'polymorphic type not settled' };
    }
  }
  return fn.aggKind === 'h' ? hypothetical(catalog, resolved, input, form.withinGroup ?? 0) : resolved;
}

/** Nothing in it that only aggregates and window functions take. */
function isPlain({ star, distinct, orderBy, filter, over, withinGroup, call }: CallForm): boolean {
  return !star && !distinct && !orderBy && !filter && !over && withinGroup === undefined && !call;
}

/** Whether that kind of function may be called in this form (manual, sections 4.2.7 and 4.2.8). */
function formFits(chosen: CallCandidate, input: readonly Oid[], form: CallForm): boolean {
  const { fn } = chosen;
  const { star, distinct, orderBy, filter, over, withinGroup } = form;
  if (form.call) return fn.kind === 'p';
  switch (fn.kind) {
    case 'f':
      return isPlain(form);
    case 'w':
      return over === true && !distinct && !orderBy && !filter && withinGroup === undefined;
    case 'a':
      if (form.argNames?.length && !over) return false;
      if (fn.aggKind !== 'n') return !over && !distinct && !star && directArgumentsFit(chosen, input, withinGroup);
      if (over && (distinct || orderBy)) return false;
      if (distinct && star) return false;
      return withinGroup === undefined && (input.length > 0 || star === true);
    default:
      return false;
  }
}

/** An ordered-set aggregate takes its direct arguments in parentheses and the others after WITHIN GROUP. */
function directArgumentsFit(
  { fn, args, expanded }: CallCandidate,
  input: readonly Oid[],
  withinGroup: number | undefined,
): boolean {
  if (withinGroup === undefined) return false;
  const direct = input.length - withinGroup;
  const declared = expanded > 1 ? args.length - (expanded - 1) : args.length;
  if (fn.variadic === 0 || fn.directArgs < declared) return direct === fn.directArgs;
  return fn.aggKind === 'h' ? expanded === 2 * withinGroup : expanded > withinGroup;
}

/** Hypothetical arguments of type "any" and the corresponding sorted ones become one type, pair by pair. */
function hypothetical(catalog: Catalog, resolved: Resolved, input: readonly Oid[], sorted: number): Resolved {
  if (resolved.kind !== 'found') return resolved;
  const argTypes = [...resolved.argTypes];
  const coercions = [...resolved.coercions];
  const direct = input.length - sorted;
  for (let i = 0; i < sorted; i++) {
    const [beside, ordered] = [direct - sorted + i, direct + i];
    if (argTypes[beside] !== t.ANY) continue;
    const common = commonType(catalog, [input[ordered]!, input[beside]!]);
    if (common === 0) return { kind: 'none', why: 'polymorphic type not settled' };
    for (const place of [beside, ordered]) {
      const way = coercion(catalog, input[place]!, common, 'implicit');
      if (way.kind === 'impossible') return { kind: 'none', why: 'polymorphic type not settled' };
      argTypes[place] = common;
      coercions[place] = way;
    }
  }
  return { ...resolved, argTypes, coercions };
}

function untellable(
  catalog: Catalog,
  searchPath: readonly string[],
  name: QualifiedName,
  input: readonly Oid[],
  candidates: readonly CallCandidate[],
  form: CallForm,
): Resolved {
  const fns = candidates.filter((candidate) => accepts(catalog, input, candidate)).map(({ fn }) => fn);
  const castTo = input.length === 1 && !form.argNames?.length ? castTarget(catalog, searchPath, name, input[0]!) : 0;
  const mayBeColumn = column(catalog, name, [t.RECORD], form) !== undefined && input.length === 1;
  if (fns.length === 0 && castTo === 0 && !mayBeColumn) return { kind: 'none', why: 'no candidate' };
  return { kind: 'untellable', candidates: fns, ...(castTo !== 0 && { castTo }), mayBeColumn };
}
