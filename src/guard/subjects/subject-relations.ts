/** What holds data of a subject: relations with its keys, views over them, and functions that may read them. */
import { KNOWN_EXTENSIONS } from '../../policy/compile/known-extensions.ts';
import { descendants } from '../../policy/compile/names.ts';
import { keysOn } from '../../policy/compile/subjects.ts';
import { FIRST_USER_OID } from '../../policy/compile/visible-types.ts';
import type { RolePolicy, Subject } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Catalog, Column, Dependent, Fn, Oid, Relation } from '../../sql/catalog/catalog.ts';
import type { ViewParts } from '../../sql/catalog/objects.ts';
import { baseType } from '../../sql/types/type.ts';
import { functionClass } from '../function-class.ts';

/** `keys`: the columns that tell whose row it is. `opaque`: it reads people, but no column tells whose each row is. */
export interface HeldData {
  readonly keys: ReadonlySet<string>;
  readonly opaque: boolean;
}

const NO_KEYS: ReadonlySet<string> = new Set();
const NOTHING: HeldData = { keys: NO_KEYS, opaque: false };
const OPAQUE: HeldData = { keys: NO_KEYS, opaque: true };

/** Of one subject; remembers what it was asked. */
export class SubjectRelations {
  private readonly relations = new Map<Relation, HeldData>();

  constructor(
    readonly subject: Subject,
    private readonly catalog: Catalog,
    readonly role: RolePolicy,
  ) {}

  of(relation: Relation): HeldData {
    let held = this.relations.get(relation);
    if (!held) {
      held = this.look(relation);
      this.relations.set(relation, held);
    }
    return held;
  }

  holds(relation: Relation): boolean {
    const { keys, opaque } = this.of(relation);
    return opaque || keys.size > 0;
  }

  private look(relation: Relation): HeldData {
    if (relation.persistence === 't' || this.role.relations.get(relation.oid)?.system === true) return NOTHING;
    const keys = new Set(keysOn(this.catalog, this.subject, relation).map(({ name }) => name));
    // INVARIANT 61: a view without a key shows people without telling who they are; a view whose query is unknown may read everything, as may a
    // function that it calls. A table shows the rows of those that inherit from it, about more people where these have keys of their own.
    if (this.inheritsOther(relation, keys)) return OPAQUE;
    if (keys.size > 0) return { keys, opaque: false };
    return this.reads(relation, new Set()) ? OPAQUE : NOTHING;
  }

  /** Whether tables that inherit from it have other keys than these. */
  private inheritsOther(relation: Relation, keys: ReadonlySet<string>): boolean {
    const isOther = ({ name }: Column): boolean => !keys.has(name);
    return descendants(this.catalog, relation).some((one) => keysOn(this.catalog, this.subject, one).some(isOther));
  }

  /** Whether it is a view that reads a relation with a key, through other views too. */
  private reads({ kind, view }: Relation, seen: Set<Relation>): boolean {
    if (kind !== 'v' && kind !== 'm') return false;
    if (!view || this.callsReader(view)) return true;
    return view.relations.some((oid) => {
      const relation = this.catalog.relationsByOid.get(oid);
      // A subquery is relation 0: what it reads is listed by itself.
      if (!relation) return oid !== 0;
      if (seen.has(relation)) return false;
      seen.add(relation);
      if (keysOn(this.catalog, this.subject, relation).length > 0 || this.inheritsOther(relation, NO_KEYS)) return true;
      return this.reads(relation, seen);
    });
  }

  private callsReader({ functions, operators, nodes }: ViewParts): boolean {
    const { functionsByOid, operatorsByOid } = this.catalog;
    const called = [...functions, ...operators.map((oid) => operatorsByOid.get(oid)?.fn ?? 0)];
    // Which domains it converts to is not recorded.
    if (nodes.includes('COERCETODOMAIN') && domainsThatRead(this.catalog).size > 0) return true;
    return called.some((oid) => {
      const fn = functionsByOid.get(oid);
      return !fn || functionMayRead(fn) || (oid < FIRST_USER_OID && functionClass(fn, this.catalog) === 'SQL text');
    });
  }
}

/** Whether a check of the relation calls a function that may read data. */
export function hasReadingCheck(catalog: Catalog, { oid }: Relation): boolean {
  const checks = catalog.data.dependents.filter((one) => one.kind === 'constraint' && one.relation === oid);
  return checks.some((check) => callsReader(check, catalog) || isCheckedByData(catalog, typesNamed(check)));
}

const domains = new WeakMap<Catalog, ReadonlySet<Oid>>();

/** Domains of which a check may read data: what a value is checked against is told by an error. */
function domainsThatRead(catalog: Catalog): ReadonlySet<Oid> {
  let found = domains.get(catalog);
  if (!found) {
    const checks = catalog.data.dependents.filter(({ kind, type }) => kind === 'constraint' && type !== 0);
    const reading = new Set(checks.filter((check) => callsReader(check, catalog)).map(({ type }) => type));
    found = reading;
    for (let size = -1; size !== reading.size; ) {
      size = reading.size;
      for (const check of checks) if (reachesAny(catalog, typesNamed(check), reading)) reading.add(check.type);
    }
    domains.set(catalog, found);
  }
  return found;
}

function callsReader({ calls, names }: Dependent, { functionsByOid, operatorsByOid }: Catalog): boolean {
  const operators = names.filter(([of]) => of === PG_OPERATOR).map(([, oid]) => operatorsByOid.get(oid)?.fn ?? 0);
  return [...calls, ...operators].some((oid) => mayRead(functionsByOid.get(oid)));
}

/** Those that a check converts to. */
function typesNamed({ names, type }: Dependent): Oid[] {
  return names.filter(([of, oid]) => of === PG_TYPE && oid !== type).map(([, oid]) => oid);
}

function mayRead(fn: Fn | undefined): boolean {
  return !fn || functionMayRead(fn);
}

/** INVARIANT 156: whether a value of one of these types may be checked by what reads data: of a domain, in whatever other types it stands. */
export function isCheckedByData(catalog: Catalog, types: Iterable<Oid>): boolean {
  return reachesAny(catalog, types, domainsThatRead(catalog));
}

function reachesAny(catalog: Catalog, types: Iterable<Oid>, reading: ReadonlySet<Oid>): boolean {
  if (reading.size === 0) return false;
  const within = new Set(types);
  for (const oid of within) {
    if (oid < FIRST_USER_OID) continue;
    const type = catalog.typesByOid.get(oid);
    if (!type || reading.has(oid)) return true;
    for (const inner of [type.base, type.element, type.subtype]) within.add(inner);
    if (type.relation === 0) continue;
    const row = catalog.relationsByOid.get(type.relation);
    if (!row) return true;
    for (const column of row.columns) within.add(column.type);
  }
  return false;
}

/** The same of parts of such values alone: of an array or a row the server reads a literal, with all its checks, before anything runs. */
export function isCheckedEarly(catalog: Catalog, types: Iterable<Oid>): boolean {
  return isCheckedByData(
    catalog,
    [...types].map((type) => baseType(catalog, type)),
  );
}

/** All types of which a statement may make values. */
export function typesIn({ uses, marks, parameterTypes }: Analysis): Set<Oid> {
  const types = new Set(parameterTypes);
  for (const use of uses) if (use.kind === 'type') types.add(use.type.oid);
  for (const { type } of marks.expressions.values()) types.add(type);
  for (const type of marks.literals.values()) types.add(type);
  for (const { entry } of marks.wholeRows) for (const { type } of entry.columns) types.add(type);
  return types;
}

/** OIDs of catalogs, as in pg_depend. */
const PG_TYPE = 1247;
const PG_OPERATOR = 2617;

/**
 * Whether a function's result may come from data. Of granted user-defined functions, only IMMUTABLE ones are believed to compute from their arguments
 * alone; an aggregate is marked so whatever its steps do.
 */
export function functionMayRead({ oid, extension, kind, volatility }: Fn): boolean {
  if (oid < FIRST_USER_OID || KNOWN_EXTENSIONS.has(extension)) return false;
  return volatility !== 'i' || kind !== 'f';
}

/** Functions of a statement that may read data, including those of operators and casts; undefined for an unknown one, and for that of a check. */
export function readers(analysis: Analysis, catalog: Catalog): (Fn | undefined)[] {
  const called = analysis.uses.flatMap((use) => {
    if (use.kind === 'function') return use.candidates.filter(functionMayRead);
    if (use.kind !== 'operator') return [];
    return use.candidates.map(({ fn }) => catalog.functionsByOid.get(fn)).filter(mayRead);
  });
  return isCheckedByData(catalog, typesIn(analysis)) ? [...called, undefined] : called;
}
