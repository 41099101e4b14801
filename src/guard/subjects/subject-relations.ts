/** What holds data of a subject: relations with its keys, views over them, and functions that may read them. */
import { KNOWN_EXTENSIONS } from '../../policy/compile/known-extensions.ts';
import { descendants } from '../../policy/compile/names.ts';
import { keysOn } from '../../policy/compile/subjects.ts';
import { FIRST_USER_OID } from '../../policy/compile/visible-types.ts';
import type { RolePolicy, Subject } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Catalog, Fn, Oid, Relation } from '../../sql/catalog/catalog.ts';
import type { ViewParts } from '../../sql/catalog/objects.ts';
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
    private readonly role: RolePolicy,
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
    if (keys.size > 0) return { keys, opaque: false };
    // INVARIANT 61: a view without a key shows people without telling who they are; a view whose query is unknown may read everything, as may a
    // function that it calls. A table shows the rows of those that inherit from it.
    return this.reads(relation, new Set()) || this.inheritsFromPeople(relation) ? OPAQUE : NOTHING;
  }

  private inheritsFromPeople(relation: Relation): boolean {
    return descendants(this.catalog, relation).some((one) => keysOn(this.catalog, this.subject, one).length > 0);
  }

  /** Whether it is a view that reads a relation with a key, through other views too. */
  private reads({ kind, view }: Relation, seen: Set<Relation>): boolean {
    if (kind !== 'v' && kind !== 'm') return false;
    if (!view || this.callsReader(view)) return true;
    return view.relations.some((oid) => {
      const relation = this.catalog.relationsByOid.get(oid);
      if (!relation) return true;
      if (seen.has(relation)) return false;
      seen.add(relation);
      if (keysOn(this.catalog, this.subject, relation).length > 0 || this.inheritsFromPeople(relation)) return true;
      return this.reads(relation, seen);
    });
  }

  private callsReader({ functions, operators, nodes }: ViewParts): boolean {
    const { functionsByOid, operatorsByOid } = this.catalog;
    const called = [...(functions ?? [0]), ...operators.map((oid) => operatorsByOid.get(oid)?.fn ?? 0)];
    if (nodes.includes('COERCETODOMAIN') && readersInChecks(this.catalog, ({ type }) => type !== 0).length > 0)
      return true;
    return called.some((oid) => {
      const fn = functionsByOid.get(oid);
      return !fn || functionMayRead(fn) || (oid < FIRST_USER_OID && functionClass(fn, this.catalog) === 'SQL text');
    });
  }
}

/** Functions that may read data in the checks of tables and domains; undefined for an unknown one. */
export function readersInChecks(
  { data, functionsByOid, operatorsByOid }: Catalog,
  of: (check: { readonly relation: Oid; readonly type: Oid }) => boolean,
): (Fn | undefined)[] {
  const checks = (data.dependents ?? []).filter((one) => one.kind === 'constraint' && of(one));
  const called = checks.flatMap(({ calls, names }) => [
    ...(calls ?? [0]),
    ...names.flatMap(([of, oid]) => (of === PG_OPERATOR ? [operatorsByOid.get(oid)?.fn ?? 0] : [])),
  ]);
  return called.map((oid) => functionsByOid.get(oid)).filter((fn) => !fn || functionMayRead(fn));
}

/** The OID of its catalog, as in pg_depend. */
const PG_OPERATOR = 2617;

/**
 * Whether a function's result may come from data. Of granted user-defined functions, only IMMUTABLE ones are believed to compute from their arguments
 * alone; an aggregate is marked so whatever its steps do.
 */
export function functionMayRead({ oid, extension, kind, volatility }: Fn): boolean {
  if (oid < FIRST_USER_OID || KNOWN_EXTENSIONS.has(extension)) return false;
  return volatility !== 'i' || kind !== 'f';
}

/** Functions of a statement that may read data, including those of operators and casts; undefined for an unknown one. */
export function readers({ uses }: Analysis, catalog: Catalog): (Fn | undefined)[] {
  return uses.flatMap((use) => {
    if (use.kind === 'function') return use.candidates.filter(functionMayRead);
    if (use.kind === 'type' && use.type.kind === 'd')
      return readersInChecks(catalog, ({ type }) => type === use.type.oid);
    if (use.kind !== 'operator') return [];
    const fns = use.candidates.map(({ fn }) => catalog.functionsByOid.get(fn));
    return fns.filter((fn) => !fn || functionMayRead(fn));
  });
}
