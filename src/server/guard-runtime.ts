/** The policy in force, and what remembers decisions under it. Replaced as a whole by a reload; a broken edit changes nothing. */
import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import { pathOfRole } from '../guard/client-path.ts';
import { formatSearchPath, parseSearchPath } from '../guard/search-path.ts';
import { limitsAt } from '../policy/model/during.ts';
import { isGuarded } from '../policy/model/is-guarded.ts';
import { type Policy, type Principal, type RolePolicy, roleOf } from '../policy/model/policy.ts';
import { type KeyTypes, keyTypes, type SubjectKeys, subjectKeys } from '../policy/model/subject-keys.ts';
import type { SessionPolicy } from '../session/ports.ts';
import { Catalog } from '../sql/catalog/catalog.ts';
import { majorVersion } from '../sql/parse/older-grammar.ts';
import { KnownNames } from '../sql/text/known-names.ts';

/** Judges statements of one role; remembers what it judged. */
export type Judge = Pick<SessionPolicy, 'judge' | 'begin'>;

/** `searchPath`: another one than the policy's. */
export type MakeJudge = (context: { catalog: Catalog; role: RolePolicy; searchPath?: readonly string[] }) => Judge;

/** Texts are `roles/teacher.yaml:7:3: …`. */
export interface PolicyInForce {
  readonly policy: Policy;
  /** Errors that withhold a relation, column or function each, most often one that the database does not have. */
  readonly withheld: readonly string[];
}

/** What a reading of policies and catalog gave. */
export interface PolicyReading {
  /** Absent if the files gave no policy. */
  readonly policy?: Policy;
  /** Of `policy`. */
  readonly withheld: readonly string[];
  readonly catalog: Catalog;
  /** Changes when the catalog does. */
  readonly catalogVersion: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Where there are errors: the last files without any, against this catalog; what does not fit it any more has closed the roles that it concerns. */
  readonly lastGood?: PolicyInForce;
}

interface Generation extends PolicyInForce {
  /** Its roles that are observed for a time, in that form. */
  readonly observed: Map<string, RolePolicy>;
  readonly catalog: Catalog;
  readonly catalogVersion: string;
  /** By what the server calls them, for rows that it sends. */
  readonly subjectKeys: SubjectKeys;
  readonly keyTypes: KeyTypes;
  /** Which names the log may show. */
  readonly names: KnownNames;
  /** By mode and role. */
  readonly judges: Map<string, Judge>;
  /** By role and path, for sessions that have another one than the policy's. */
  readonly pathJudges: LRUCache<string, Judge>;
  /** By principal. */
  readonly sessionPolicies: Map<string, HeldPolicy>;
}

interface HeldPolicy {
  readonly policy: SessionPolicy;
  /** When `during` may give it other limits, milliseconds since the epoch. */
  readonly until: number;
}

/** For `during`. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  readonly timeZone: string;
}

export type Reloaded =
  | { readonly kind: 'unchanged' }
  /** `from`: absent if it is the first. `errors` have closed the roles that they concern. */
  | {
      readonly kind: 'replaced';
      readonly from?: string;
      readonly to: string;
      readonly errors: readonly string[];
      readonly withheld: readonly string[];
    }
  | { readonly kind: 'kept'; readonly hash: string; readonly errors: readonly string[] };

/** A judge remembers what it has judged: so many are kept. */
const MOST_PATHS = 64;

const NONE: ReadonlySet<string> = new Set();

export class GuardRuntime {
  private generation: Generation = NOTHING_READ;
  /** By the policy and the path that it is moved to. */
  private readonly moved = new WeakMap<SessionPolicy, Map<string, SessionPolicy>>();
  /** As the policy of the generation, with roles that are only observed for a time. */
  private inForce: Policy = NOTHING_READ.policy;

  /**
   * Errors in the first policy have disabled the roles that they concern. Without a policy (the database could not be asked yet) all logins are
   * refused until `replace` gets one.
   */
  constructor(
    private readonly makeJudge: MakeJudge,
    private readonly clock: Clock,
    policy?: Policy,
    reading?: PolicyReading,
    /** Names of the roles that are observed for a time, besides those that the policy observes. */
    private readonly observedNow: (policy: Policy) => ReadonlySet<string> = () => NONE,
  ) {
    if (!policy || !reading) return;
    this.generation = newGeneration({ policy, withheld: reading.withheld }, reading);
    this.observe();
  }

  /** False until there is a first policy. */
  get ready(): boolean {
    return this.generation !== NOTHING_READ;
  }

  /** In force now: a role that is only observed for a time has that mode. */
  get policy(): Policy {
    return this.inForce;
  }

  /** As the files have it. */
  get filed(): Policy {
    return this.generation.policy;
  }

  /**
   * Updates which roles are observed for a time. Before any session continues, `Sessions.recheck` must follow: a session whose statements were not
   * judged must not serve a role whose statements are.
   */
  observe(): void {
    const { policy, observed, sessionPolicies } = this.generation;
    const names = this.observedNow(policy);
    for (const [name, role] of policy.roles)
      if (names.has(name) && !observed.has(name)) observed.set(name, { ...role, mode: 'observe' });
    const roles = [...policy.roles].map(
      ([name, role]) => [name, (names.has(name) && observed.get(name)) || role] as const,
    );
    this.inForce = names.size === 0 ? policy : { ...policy, roles: new Map(roles) };
    for (const [name, { policy: held }] of sessionPolicies)
      if (this.inForce.roles.get(held.role.name)?.mode !== held.role.mode) sessionPolicies.delete(name);
  }

  /** Errors for which the policy in force withholds something. */
  get withheld(): readonly string[] {
    return this.generation.withheld;
  }

  /**
   * The principal's policy with the limits in force at this time of day: the same object until something changes. Undefined if the principal or its
   * role was removed or closed.
   */
  sessionPolicy(name: string): SessionPolicy | undefined {
    const held = this.generation.sessionPolicies.get(name);
    if (held && (held.until === Number.POSITIVE_INFINITY || this.clock.now() < held.until)) return held.policy;
    const policy = this.inForce;
    const principal = policy.principals.get(name);
    const role = principal && roleOf(policy, principal);
    if (!role || principal.disabled !== undefined || role.disabled !== undefined) return undefined;
    const made = this.policyNow(role, principal);
    const same = held && sameLimits(held.policy, made.policy) ? { ...made, policy: held.policy } : made;
    this.generation.sessionPolicies.set(name, same);
    return same.policy;
  }

  /** What a session is held to are the limits of now: it is given no others to look at. */
  private policyNow(role: RolePolicy, principal: Principal): HeldPolicy {
    const { policy, catalog, judges } = this.generation;
    const { during: ofRole, ...roleAlways } = role;
    const { during: ofPrincipal, ...principalAlways } = principal;
    const now = this.clock.now();
    const [roleLimits, ownLimits] = [
      limitsAt(role.limits, ofRole, now, this.clock.timeZone),
      limitsAt(principal.limits, ofPrincipal, now, this.clock.timeZone),
    ];
    const key = `${role.mode} ${role.name}`;
    let judge = judges.get(key);
    if (!judge) {
      judge = this.makeJudge({ catalog, role });
      judges.set(key, judge);
    }
    const base: SessionPolicy = {
      role: ofRole ? { ...roleAlways, limits: roleLimits.limits } : role,
      principal: ofPrincipal ? { ...principalAlways, limits: ownLimits.limits } : principal,
      ...((ofRole || ofPrincipal) && { atAllTimes: { role, principal } }),
      hash: policy.hash,
      subjectKeys: this.generation.subjectKeys,
      keyTypes: this.generation.keyTypes,
      names: this.generation.names,
      ...(policy.canaries && { canaries: policy.canaries }),
      judge: judge.judge.bind(judge),
      ...(judge.begin && { begin: judge.begin.bind(judge) }),
      onPath: (path: string) => this.onPath(path, base, role),
    };
    return {
      policy: base,
      until: Math.min(roleLimits.until, ownLimits.until),
    };
  }

  private onPath(path: string, base: SessionPolicy, role: RolePolicy): SessionPolicy | undefined {
    const ofBase = this.moved.get(base) ?? new Map<string, SessionPolicy>();
    this.moved.set(base, ofBase);
    const known = ofBase.get(path);
    if (known) return known;
    const { catalog, pathJudges } = this.generation;
    const names = parseSearchPath(path) ?? [];
    const searchPath = isGuarded(role) ? pathOfRole(names, role, catalog) : names;
    if (!searchPath || formatSearchPath(searchPath) !== path) return undefined;
    const key = `${role.mode} ${role.name} ${path}`;
    const judge = pathJudges.get(key) ?? this.makeJudge({ catalog, role, searchPath });
    pathJudges.set(key, judge);
    const { begin: _, ...rest } = base;
    const moved: SessionPolicy = {
      ...rest,
      judge: judge.judge.bind(judge),
      ...(judge.begin && { begin: judge.begin.bind(judge) }),
      moved: { path, base },
    };
    if (ofBase.size >= MOST_PATHS) ofBase.clear();
    ofBase.set(path, moved);
    return moved;
  }

  /** Major version of the server whose catalog is used for judging. */
  get serverVersion(): number {
    return majorVersion(this.generation.catalog.data.serverVersion);
  }

  /** Under the policy in force. */
  get catalog(): Catalog {
    return this.generation.catalog;
  }

  get catalogVersion(): string {
    return this.generation.catalogVersion;
  }

  /** Puts a reading into force, unless it holds an error. The same files against another catalog are a change too. */
  replace(reading: PolicyReading): Reloaded {
    const { policy: current, catalogVersion } = this.generation;
    const { errors } = reading;
    // INVARIANT 27: no statement is judged by a catalog that is known to be an older one, whatever the files are like now.
    if (this.ready && errors.length > 0 && reading.lastGood && reading.catalogVersion !== catalogVersion) {
      return this.put(reading.lastGood, reading);
    }
    const { policy, withheld } = reading;
    // INVARIANT 12: a policy with any error in it never replaces a running one.
    if (!policy || (this.ready && errors.length > 0)) return { kind: 'kept', hash: current.hash, errors };
    if (policy.hash === current.hash && reading.catalogVersion === catalogVersion) return { kind: 'unchanged' };
    return this.put({ policy, withheld }, reading);
  }

  private put(next: PolicyInForce, reading: PolicyReading): Reloaded {
    const from = this.ready ? { from: this.policy.hash } : {};
    this.generation = newGeneration(next, reading);
    this.observe();
    return { kind: 'replaced', ...from, to: next.policy.hash, errors: reading.errors, withheld: next.withheld };
  }
}

/** Compares deeply: the limits are new objects each time. */
function sameLimits(a: SessionPolicy, b: SessionPolicy): boolean {
  return isDeepStrictEqual(a.role.limits, b.role.limits) && isDeepStrictEqual(a.principal.limits, b.principal.limits);
}

function newGeneration(
  { policy, withheld }: PolicyInForce,
  { catalog, catalogVersion }: Pick<PolicyReading, 'catalog' | 'catalogVersion'>,
): Generation {
  const subjects = [...(policy.subjects?.values() ?? [])];
  return {
    policy,
    withheld,
    catalog,
    catalogVersion,
    subjectKeys: subjectKeys(catalog, subjects),
    keyTypes: keyTypes(catalog, subjects),
    names: new KnownNames(catalog, namesIn(policy)),
    judges: new Map(),
    pathJudges: new LRUCache({ max: MOST_PATHS }),
    sessionPolicies: new Map(),
    observed: new Map(),
  };
}

/** Of settings, and of tables that sessions make for themselves: the policy has them, and the catalog has not. */
function* namesIn({ roles }: Policy): Iterable<string> {
  for (const { temporary, settings } of roles.values()) {
    for (const { relation } of temporary?.values() ?? []) {
      yield relation.name;
      for (const { name } of relation.columns) yield name;
    }
    for (const setting of settings?.keys() ?? []) yield* setting.split('.');
  }
}

/** INVARIANT 11: has no principals and no roles: without a policy that was read, every login is refused. */
const NOTHING_READ: Generation = newGeneration(
  { policy: { hash: '', roles: new Map(), principals: new Map(), subjects: new Map() }, withheld: [] },
  {
    catalog: new Catalog({
      serverVersion: 0,
      database: '',
      encoding: 'UTF8',
      relations: [],
      types: [],
      functions: [],
      operators: [],
      casts: [],
      opclasses: [],
      schemas: [],
      collations: [],
      dependents: [],
      members: [],
    }),
    catalogVersion: '',
  },
);
