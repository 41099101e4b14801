/**
 * Whether users' code may run in a statement: functions, triggers, rules, checks, row security. Such code may change settings of the session that
 * Rowgate relies on. Only what is known to run none is excepted; everything else is assumed to run some.
 */
import { KNOWN_EXTENSIONS } from '../policy/compile/known-extensions.ts';
import { FIRST_USER_OID } from '../policy/compile/visible-types.ts';
import type { Condition, RelationGrant, RolePolicy, SqlNeeds } from '../policy/model/policy.ts';
import type { Analysis, Use } from '../sql/analyze/analyze.ts';
import type { Catalog, Dependent, Fn, Oid, Relation, Type } from '../sql/catalog/catalog.ts';
import { CLASSES, DENIED } from './builtin-functions.ts';
import { functionClass } from './function-class.ts';

/** OIDs of the catalogs of an object's names. */
const PG_TYPE = 1247;
const PG_PROC = 1255;
const PG_CLASS = 1259;
const PG_CONSTRAINT = 2606;
const PG_NAMESPACE = 2615;
const PG_OPERATOR = 2617;
const PG_COLLATION = 3456;

const known = new WeakMap<Catalog, UserCode>();
const knownByPath = new WeakMap<Catalog, UserCode>();

/** The guards of one catalog share it. */
export function userCodeOf(catalog: Catalog): UserCode {
  return once(known, catalog, () => new UserCode(catalog));
}

/** Of it, what may find other names under another search_path. */
export function codeByPathOf(catalog: Catalog): UserCode {
  return once(knownByPath, catalog, () => new UserCode(catalog, true));
}

function once(all: WeakMap<Catalog, UserCode>, catalog: Catalog, make: () => UserCode): UserCode {
  const one = all.get(catalog) ?? make();
  all.set(catalog, one);
  return one;
}

export class UserCode {
  private readonly dependents = new Map<Oid, Dependent[]>();
  private readonly ofTypes = new Map<Oid, Dependent[]>();
  /** Tables whose foreign keys refer to this one: changing it may change them. */
  private readonly referring = new Map<Oid, Set<Oid>>();
  private readonly children = new Map<Oid, Relation[]>();
  private readonly reads = new Map<Oid, boolean>();
  private readonly writes = new Map<Oid, boolean>();
  private readonly grants = new WeakMap<RelationGrant, boolean>();

  /** Functions of users that count as harmless; false while one is looked at. */
  private readonly fixed = new Map<Fn, boolean>();

  /** `byPath`: code whose names are the same under every search_path is none. */
  constructor(
    private readonly catalog: Catalog,
    private readonly byPath = false,
  ) {
    for (const one of catalog.data.dependents) {
      put(one.type === 0 ? this.dependents : this.ofTypes, one.type === 0 ? one.relation : one.type, one);
      if (one.kind !== 'constraint') continue;
      for (const [of, oid] of one.names) {
        if (of !== PG_CLASS || oid === one.relation) continue;
        const known = this.referring.get(oid);
        if (known) known.add(one.relation);
        else this.referring.set(oid, new Set([one.relation]));
      }
    }
    for (const relation of catalog.data.relations) for (const of of relation.parents) put(this.children, of, relation);
  }

  /** What resolution found in a statement of this role. Values of parameters are read as their types. */
  runsIn({ uses, parameterTypes }: Pick<Analysis, 'uses' | 'parameterTypes'>, role: RolePolicy): boolean {
    return uses.some((use) => this.runsBy(use, role)) || parameterTypes.some((type) => this.isCodeInType(type));
  }

  private runsBy(use: Use, role: RolePolicy): boolean {
    switch (use.kind) {
      case 'function':
        // A setting that a statement gives itself was judged.
        return use.candidates.some((fn) => !this.isHarmless(fn) && !isSetConfig(fn));
      case 'operator':
        return use.candidates.some(({ oid, fn }) => oid >= FIRST_USER_OID && this.isFunctionOfUsers(fn));
      case 'type':
        return this.isCodeInType(use.type.oid);
      case 'relation':
        return this.runsByRelation(use.relation, use.action !== 'select' && use.action !== 'lock', role);
      case 'column':
      case 'written':
      case 'sample':
      case 'collects':
        return false;
    }
  }

  private runsByRelation(relation: Relation, written: boolean, role: RolePolicy): boolean {
    if (relation.persistence === 't') return relation.columns.some(({ type }) => this.isCodeInType(type));
    const grant = role.relations.get(relation.oid);
    if (grant && this.isCodeInGrant(grant)) return true;
    return written ? this.runsByWriting(relation) : this.runsByReading(relation);
  }

  /** Conditions and masks of the policy, which are part of the sent text. */
  private isCodeInGrant(grant: RelationGrant): boolean {
    let known = this.grants.get(grant);
    if (known === undefined) {
      const { select } = grant;
      const commands = [select, grant.insert, grant.update, grant.delete];
      const conditions: readonly Condition[] = commands.flatMap((command) => command?.conditions ?? []);
      const masks = [...(select?.columns.values() ?? [])].map(({ maskNeeds }) => maskNeeds);
      known = [...conditions.map(({ needs }) => needs), ...masks].some((needs) => needs && this.isCodeIn(needs));
      this.grants.set(grant, known);
    }
    return known;
  }

  private isCodeIn({ functions, elsewhere }: SqlNeeds): boolean {
    return (
      functions.some((fn) => !this.isHarmless(fn)) || elsewhere.some(({ relation }) => this.runsByReading(relation))
    );
  }

  private runsByReading(relation: Relation): boolean {
    return reaches(this.reads, relation, (of) => this.readsWithCode(of));
  }

  private runsByWriting(relation: Relation): boolean {
    return reaches(this.writes, relation, (of) => this.writesWithCode(of));
  }

  /** Of the relation by itself, or else what is read with it. */
  private readsWithCode(relation: Relation): boolean | readonly (Relation | undefined)[] {
    if (relation.oid < FIRST_USER_OID) return false;
    const byPolicies = relation.rowSecurity ? this.readByPolicies(relation) : [];
    const byItself = byPolicies === true || this.readsByItself(relation);
    return byPolicies === true || byItself === true || [...byPolicies, ...(byItself || [])];
  }

  /** INVARIANT 150: of row security no more than known policies runs: a table of which none is known counts as code, and what they read is read too. */
  private readByPolicies(relation: Relation): true | readonly (Relation | undefined)[] {
    const policies = (this.dependents.get(relation.oid) ?? []).filter(({ kind }) => kind === 'policy');
    if (policies.length === 0 || policies.some((policy) => this.namesCode(policy))) return true;
    const names = policies.flatMap((policy) => policy.names);
    return names.flatMap(([of, oid]) => (of === PG_CLASS && oid !== relation.oid ? [this.relation(oid)] : []));
  }

  private readsByItself(relation: Relation): boolean | readonly (Relation | undefined)[] {
    switch (relation.kind) {
      case 'v':
        // A subquery in its list of relations is relation 0.
        return (
          this.isCodeInView(relation) ||
          (relation.view?.relations ?? []).filter((oid) => oid !== 0).map((oid) => this.relation(oid))
        );
      case 'r':
      case 'p':
      case 'm':
      case 'S':
        // While it plans, the server computes what is constant in them.
        return (
          this.isCodeInDependents(relation, ['index', 'constraint', 'statistics', 'partitioning']) ||
          this.childrenOf(relation)
        );
      default:
        return true;
    }
  }

  private isCodeInView(relation: Relation): boolean {
    const { view } = relation;
    if (!view || view.nodes.includes('COERCETODOMAIN')) return true;
    const functions = view.functions.map((oid) => this.catalog.functionsByOid.get(oid));
    return functions.some((fn) => !fn || !this.isHarmless(fn)) || this.isCodeInDependents(relation, ['view']);
  }

  /** The same of a change; foreign keys may pass it on. */
  private writesWithCode(relation: Relation): boolean | readonly (Relation | undefined)[] {
    const { oid, kind, rules, columns, view } = relation;
    if (!['r', 'p', 'v'].includes(kind) || rules.length > 0) return true;
    if (this.runsByReading(relation) || columns.some(({ type }) => this.isCodeInType(type))) return true;
    if (this.isCodeInDependents(relation, ['trigger', 'default'])) return true;
    // Without a base the server writes by triggers of the view alone, or refuses.
    if (kind === 'v') return view === undefined || (view.writes ? [this.relation(view.writes.base)] : false);
    return [...[...(this.referring.get(oid) ?? [])].map((of) => this.relation(of)), ...this.childrenOf(relation)];
  }

  private relation(oid: Oid): Relation | undefined {
    return this.catalog.relationsByOid.get(oid);
  }

  private childrenOf({ oid }: Relation): readonly Relation[] {
    return this.children.get(oid) ?? [];
  }

  private isCodeInDependents({ oid }: Relation, kinds: readonly Dependent['kind'][]): boolean {
    return (this.dependents.get(oid) ?? []).some((one) => kinds.includes(one.kind) && this.namesCode(one));
  }

  /** A part of an object is free of code only if it is known to be. */
  private namesCode({ kind, names, type, calls, relation }: Dependent): boolean {
    // INVARIANT 103: functions that a default, check, index or trigger's condition calls must be known to leave settings alone; pg_depend does not
    // record the server's own.
    if (calls.some((oid) => !this.isKnownHarmless(oid))) return true;
    return names.some(([of, oid, attnum]) => {
      switch (of) {
        case PG_CLASS:
          // The key of a partitioned table does not name the functions in it.
          return kind === 'partitioning' && attnum === 0;
        case PG_CONSTRAINT:
        case PG_NAMESPACE:
        case PG_COLLATION:
          return false;
        case PG_TYPE:
          // A check names the domain that it is of.
          return oid !== type && this.isCodeInType(oid);
        case PG_PROC:
          return this.isFunctionOfUsers(oid) || (kind === 'trigger' && !this.suitsRow(oid, relation));
        case PG_OPERATOR: {
          const operator = this.catalog.operatorsByOid.get(oid);
          return !operator || this.isFunctionOfUsers(operator.fn);
        }
        default:
          return true;
      }
    });
  }

  private isFunctionOfUsers(oid: Oid): boolean {
    return oid >= FIRST_USER_OID && !this.isKnownHarmless(oid);
  }

  private isKnownHarmless(oid: Oid): boolean {
    const fn = this.catalog.functionsByOid.get(oid);
    return fn !== undefined && this.isHarmless(fn);
  }

  private isHarmless(fn: Fn): boolean {
    return isHarmless(fn, this.catalog) || (this.byPath && this.hasFixedNames(fn));
  }

  /** What the text of a trigger's function does with the row may run code of the row's types. */
  private suitsRow(fn: Oid, relation: Oid): boolean {
    if (this.catalog.functionsByOid.get(fn)?.fixedNames !== 'text') return true;
    return this.relation(relation)?.columns.every(({ type }) => type < FIRST_USER_OID) === true;
  }

  /** Its arguments and result are converted outside of it. */
  private hasFixedNames(fn: Fn): boolean {
    if (!fn.fixedNames) return false;
    let found = this.fixed.get(fn);
    if (found === undefined) {
      this.fixed.set(fn, false);
      const types = [...fn.args, fn.result, ...fn.outColumns.map(({ type }) => type)];
      found = !types.some((type) => this.isCodeInType(type));
      this.fixed.set(fn, found);
    }
    return found;
  }

  /** Checks of domains, and what ranges call. Input and output of a base type are C. */
  private isCodeInType(oid: Oid, within: readonly Oid[] = []): boolean {
    if (oid < FIRST_USER_OID || within.includes(oid)) return false;
    const type = this.catalog.typesByOid.get(oid);
    if (!type) return true;
    const inside = (of: Oid): boolean => this.isCodeInType(of, [...within, oid]);
    switch (type.kind) {
      case 'e':
        return false;
      case 'b':
        return type.element !== 0 && inside(type.element);
      case 'r':
      case 'm':
        return !type.ownFunctions || inside(type.subtype);
      case 'd':
        return this.isCodeInDomain(type) || inside(type.base);
      case 'c':
        return (this.catalog.relationsByOid.get(type.relation)?.columns ?? []).some((column) => inside(column.type));
      default:
        return true;
    }
  }

  private isCodeInDomain({ oid, constrained, computesDefault }: Type): boolean {
    if (computesDefault) return true;
    if (!constrained) return false;
    return (this.ofTypes.get(oid) ?? []).some((one) => this.namesCode(one));
  }
}

/** Whether any reachable object contains code. Only the first one's answer is remembered: the others may be part of a circle. */
function reaches(
  known: Map<Oid, boolean>,
  first: Relation,
  look: (relation: Relation) => boolean | readonly (Relation | undefined)[],
): boolean {
  const before = known.get(first.oid);
  if (before !== undefined) return before;
  const seen = new Set<Relation | undefined>([first]);
  let found = false;
  for (const relation of seen) {
    const further = relation ? look(relation) : true;
    if (typeof further === 'object') for (const next of further) seen.add(next);
    else if (further) found = true;
    if (found) break;
  }
  known.set(first.oid, found);
  return found;
}

/** The server's own functions that may be called, a few that may be granted, and those of known extensions. What was granted beyond these may do anything. */
function isHarmless(fn: Fn, catalog: Catalog): boolean {
  if (fn.extension !== '') return KNOWN_EXTENSIONS.has(fn.extension) && !DENIED.has(fn.name);
  const found = functionClass(fn, catalog);
  if (found === undefined || JUDGED_BY_CALL.has(fn.name)) return false;
  return CLASSES[found].allowed || found === 'waits' || OF_NUMBERS.has(fn.name);
}

/** By grant, as all of `waits`: they take numbers and texts, look no name up and leave settings alone. */
const OF_NUMBERS: ReadonlySet<string> = new Set(['pg_cancel_backend', 'pg_notify', 'pg_terminate_backend']);

/** What these change, or read, is judged at each call of a statement, and nowhere else. */
const JUDGED_BY_CALL: ReadonlySet<string> = new Set(['set_config', 'pg_input_is_valid', 'pg_input_error_info']);

function isSetConfig({ oid, name }: Fn): boolean {
  return oid < FIRST_USER_OID && name === 'set_config';
}

function put<K, T>(map: Map<K, T[]>, key: K, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
