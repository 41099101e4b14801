/** The policy by which a session judges and is held to its limits. */
import type { Judgement, JudgementSteps } from '../guard/decision.ts';
import type { Canaries } from '../policy/model/canaries.ts';
import type { Principal, RolePolicy } from '../policy/model/policy.ts';
import type { KeyTypes, SubjectKeys } from '../policy/model/subject-keys.ts';
import type { KnownNames } from '../sql/text/known-names.ts';

/** The current policy for this session. A new object after each reload: identity tells that it changed. */
export interface SessionPolicy {
  /** With the limits of now alone. */
  readonly role: RolePolicy;
  readonly principal: Principal;
  /** With the limits of other times too; absent: there are no others. */
  readonly atAllTimes?: { readonly role: RolePolicy; readonly principal: Principal };
  /** `sha256:…` of the policy files. */
  readonly hash: string;
  /** Which columns tell whom a row is about; absent if the database has no data subjects. */
  readonly subjectKeys?: SubjectKeys;
  /** The types of these, for COPY, whose columns the server does not describe. */
  readonly keyTypes?: KeyTypes;
  /** Which names may be recorded as they were written; absent: all. */
  readonly names?: KnownNames;
  /** People whose data no one has a reason to read; absent if there are none. */
  readonly canaries?: Canaries;
  /**
   * Pure and remembered; throws never (an exception inside is a refusal).
   * @param parameterTypes the OIDs that a Parse declares; 0 for those that it leaves open.
   */
  judge(sql: string, parameterTypes?: readonly number[]): Judgement;
  /** The same in steps, between which others are served; absent: in one. */
  begin?(sql: string, parameterTypes?: readonly number[]): Judgement | JudgementSteps;
  /**
   * The policy as it judges where the session's `search_path` is this one (as the server writes it), which is not the policy's own: the same object for the
   * same path. undefined: the role cannot have that path any more. Absent: names are judged by no path.
   */
  onPath?(path: string): SessionPolicy | undefined;
  /** Of one on another path: that path, and the policy on its own. */
  readonly moved?: { readonly path: string; readonly base: SessionPolicy };
}

/** Whether both are of one reading of the files, on whatever paths. */
export function isSamePolicy(a: SessionPolicy, b: SessionPolicy): boolean {
  return baseOf(a) === baseOf(b);
}

/** The policy, where names are looked up as they were for the other one. */
export function onPathOf(other: SessionPolicy, policy: SessionPolicy): SessionPolicy | undefined {
  const base = baseOf(policy);
  return other.moved ? base.onPath?.(other.moved.path) : base;
}

function baseOf(policy: SessionPolicy): SessionPolicy {
  return policy.moved?.base ?? policy;
}
