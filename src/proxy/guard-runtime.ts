/** The policy in force, and what remembers decisions under it. Replaced as a whole by a reload; a broken edit changes nothing. */
import type { Policy, RolePolicy } from '../policy/policy.ts';
import type { SessionPolicy } from '../session/ports.ts';
import type { Catalog } from '../sql/catalog.ts';

/** Judges statements of one role; remembers what it judged. */
export type Judge = Pick<SessionPolicy, 'judge'>;

export type MakeJudge = (context: { catalog: Catalog; role: RolePolicy }) => Judge;

/** What a reading of policies and catalog gave. Texts are `roles/teacher.yaml:7:3: …`. */
export interface PolicyReading {
  /** Absent where nothing could be made of the files. */
  readonly policy?: Policy;
  readonly catalog: Catalog;
  /** Changes when the catalog does. */
  readonly catalogVersion: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

interface Generation {
  readonly policy: Policy;
  readonly catalog: Catalog;
  readonly catalogVersion: string;
  readonly judges: Map<string, Judge>;
  /** By principal. */
  readonly sessionPolicies: Map<string, SessionPolicy>;
}

export type Reloaded =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'replaced'; readonly from: string; readonly to: string }
  | { readonly kind: 'kept'; readonly hash: string; readonly errors: readonly string[] };

export class GuardRuntime {
  private generation: Generation;

  /** The first reading must hold a policy; errors in it have disabled the roles that they concern. */
  constructor(
    private readonly makeJudge: MakeJudge,
    policy: Policy,
    reading: PolicyReading,
  ) {
    this.generation = newGeneration(policy, reading);
  }

  get policy(): Policy {
    return this.generation.policy;
  }

  /**
   * The policy of a principal as it stands now, the same object until something changes; undefined where the principal was
   * removed or closed, or its role was.
   */
  sessionPolicy(name: string): SessionPolicy | undefined {
    const { policy, catalog, judges, sessionPolicies } = this.generation;
    const known = sessionPolicies.get(name);
    if (known) return known;
    const principal = policy.principals.get(name);
    const role = principal && policy.roles.get(principal.role);
    if (!role || principal.disabled !== undefined || role.disabled !== undefined) return undefined;
    let judge = judges.get(role.name);
    if (!judge) {
      judge = this.makeJudge({ catalog, role });
      judges.set(role.name, judge);
    }
    const made: SessionPolicy = { role, principal, hash: policy.hash, judge: judge.judge.bind(judge) };
    sessionPolicies.set(name, made);
    return made;
  }

  get catalogVersion(): string {
    return this.generation.catalogVersion;
  }

  /** Puts a reading into force, unless it holds an error. The same files against another catalog are a change too. */
  replace(reading: PolicyReading): Reloaded {
    const { policy: current, catalogVersion } = this.generation;
    // INVARIANT: a policy with any error in it never replaces a running one.
    if (!reading.policy || reading.errors.length > 0) {
      return { kind: 'kept', hash: current.hash, errors: reading.errors };
    }
    if (reading.policy.hash === current.hash && reading.catalogVersion === catalogVersion) return { kind: 'unchanged' };
    this.generation = newGeneration(reading.policy, reading);
    return { kind: 'replaced', from: current.hash, to: reading.policy.hash };
  }
}

function newGeneration(policy: Policy, { catalog, catalogVersion }: PolicyReading): Generation {
  return { policy, catalog, catalogVersion, judges: new Map(), sessionPolicies: new Map() };
}
