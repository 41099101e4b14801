/** The policy in force, and what remembers decisions under it. Replaced as a whole by a reload; a broken edit changes nothing. */
import { isDeepStrictEqual } from 'node:util';
import { limitsAt } from '../policy/model/during.ts';
import type { Policy, Principal, RolePolicy } from '../policy/model/policy.ts';
import { type KeyTypes, keyTypes, type SubjectKeys, subjectKeys } from '../policy/model/subject-keys.ts';
import type { SessionPolicy } from '../session/ports.ts';
import { Catalog } from '../sql/catalog/catalog.ts';
import { majorVersion } from '../sql/parse/older-grammar.ts';
import { KnownNames } from '../sql/text/known-names.ts';

/** Judges statements of one role; remembers what it judged. */
export type Judge = Pick<SessionPolicy, 'judge' | 'begin'>;

export type MakeJudge = (context: { catalog: Catalog; role: RolePolicy }) => Judge;

/** Texts are `roles/teacher.yaml:7:3: …`. */
export interface PolicyInForce {
  readonly policy: Policy;
  /** Errors for each of which it withholds a relation, column or function, most often one that the database does not have. */
  readonly withheld: readonly string[];
}

/** What a reading of policies and catalog gave. */
export interface PolicyReading {
  /** Absent where nothing could be made of the files. */
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
  readonly catalog: Catalog;
  readonly catalogVersion: string;
  /** By what the server calls them, for rows that it sends. */
  readonly subjectKeys: SubjectKeys;
  readonly keyTypes: KeyTypes;
  /** Which names the log may show. */
  readonly names: KnownNames;
  readonly judges: Map<string, Judge>;
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
  /** `from`: absent where it is the first. `errors` have closed the roles that they concern. */
  | {
      readonly kind: 'replaced';
      readonly from?: string;
      readonly to: string;
      readonly errors: readonly string[];
      readonly withheld: readonly string[];
    }
  | { readonly kind: 'kept'; readonly hash: string; readonly errors: readonly string[] };

export class GuardRuntime {
  private generation: Generation = NOTHING_READ;

  /**
   * Errors in the first policy have disabled the roles that they concern. Without one (the database could not be asked yet)
   * nobody is let in until `replace` is given one.
   */
  constructor(
    private readonly makeJudge: MakeJudge,
    private readonly clock: Clock,
    policy?: Policy,
    reading?: PolicyReading,
  ) {
    if (policy && reading) this.generation = newGeneration({ policy, withheld: reading.withheld }, reading);
  }

  /** False as long as there was no policy to put into force. */
  get ready(): boolean {
    return this.generation !== NOTHING_READ;
  }

  get policy(): Policy {
    return this.generation.policy;
  }

  /** Errors for which the policy in force withholds something. */
  get withheld(): readonly string[] {
    return this.generation.withheld;
  }

  /**
   * The policy of a principal as it stands now, with the limits that hold at this time of the day: the same object until something
   * changes; undefined where the principal was removed or closed, or its role was.
   */
  sessionPolicy(name: string): SessionPolicy | undefined {
    const held = this.generation.sessionPolicies.get(name);
    if (held && (held.until === Number.POSITIVE_INFINITY || this.clock.now() < held.until)) return held.policy;
    const { policy } = this.generation;
    const principal = policy.principals.get(name);
    const role = principal && policy.roles.get(principal.role);
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
    let judge = judges.get(role.name);
    if (!judge) {
      judge = this.makeJudge({ catalog, role });
      judges.set(role.name, judge);
    }
    return {
      policy: {
        role: ofRole ? { ...roleAlways, limits: roleLimits.limits } : role,
        principal: ofPrincipal ? { ...principalAlways, limits: ownLimits.limits } : principal,
        hash: policy.hash,
        subjectKeys: this.generation.subjectKeys,
        keyTypes: this.generation.keyTypes,
        names: this.generation.names,
        ...(policy.canaries && { canaries: policy.canaries }),
        judge: judge.judge.bind(judge),
        ...(judge.begin && { begin: judge.begin.bind(judge) }),
      },
      until: Math.min(roleLimits.until, ownLimits.until),
    };
  }

  /** Major version of the server whose catalog statements are judged by. */
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
    return { kind: 'replaced', ...from, to: next.policy.hash, errors: reading.errors, withheld: next.withheld };
  }
}

/** Deeply, of plain data: they are made anew each time. */
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
    names: new KnownNames(catalog),
    judges: new Map(),
    sessionPolicies: new Map(),
  };
}

/** INVARIANT 11: holds no principal and no role: nobody gets in by a policy that was not read. */
const NOTHING_READ: Generation = newGeneration(
  { policy: { hash: '', roles: new Map(), principals: new Map(), subjects: new Map() }, withheld: [] },
  {
    catalog: new Catalog({
      serverVersion: 0,
      database: '',
      relations: [],
      types: [],
      functions: [],
      operators: [],
      casts: [],
      opclasses: [],
      schemas: [],
    }),
    catalogVersion: '',
  },
);
