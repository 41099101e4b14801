/** The policy on the bench: gives each test the session that the running guard would give its principal, a role in observe mode as if enforced. */

import { Guard } from '../../guard/guard.ts';
import { endUserOfToken } from '../../identity/end-user.ts';
import { compileAttributeValue } from '../../policy/compile/attributes.ts';
import type { Policy, Principal, RolePolicy } from '../../policy/model/policy.ts';
import { type Diagnostic, DiagnosticReport } from '../../policy/source/diagnostic.ts';
import { suggestion } from '../../policy/source/suggestion.ts';
import { GuardRuntime, type Judge } from '../../server/guard-runtime.ts';
import type { EndUser } from '../../session/end-user/end-user.ts';
import type { SessionPolicy } from '../../session/session-policy.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import type { PolicyTest } from './test-file.ts';

/** A session as which a test is judged. */
export interface TestSession {
  readonly policy: SessionPolicy;
  readonly endUser: EndUser | undefined;
  /** Of the principal, and of the end user where there is one. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The principal's time has ended. */
  readonly expired: boolean;
}

export interface BenchOptions {
  readonly policy: Policy;
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
  readonly timeZone: string;
  readonly pooling: 'none' | 'session' | 'transaction';
  /** Of tests that name no time. */
  readonly now: number;
}

export class Bench {
  readonly policy: Policy;
  /** By role: one guard for all times. */
  private readonly judges = new Map<string, Judge>();
  /** Principals for tests that name a role, in addition to those of the policy. */
  private readonly principals: Map<string, Principal>;
  private readonly runtimes = new Map<number, GuardRuntime>();

  constructor(readonly options: BenchOptions) {
    const { policy } = options;
    // What is compiled is the same in both modes: as enforced, nothing is let through that would be refused later.
    const roles = new Map(
      [...policy.roles].map(([name, role]): [string, RolePolicy] => [name, { ...role, mode: 'enforce' }]),
    );
    this.principals = new Map(
      [...policy.principals].map(([name, { mode: _mode, ...principal }]): [string, Principal] => [name, principal]),
    );
    this.policy = { ...policy, roles, principals: this.principals };
  }

  /** The session of a test; or what is wrong with the principal or role that it names. */
  session(test: PolicyTest): TestSession | { readonly wrong: Diagnostic } | { readonly closed: string } {
    const report = new DiagnosticReport();
    const name = this.principalOf(test, report);
    if (name === undefined) return { wrong: report.diagnostics[0]! };
    const session = this.sessionAt(name, test.now ?? this.options.now);
    if ('closed' in session || !test.user) return session;
    const { policy } = session;
    const user = String(test.user[policy.principal.token?.user ?? 'sub'] ?? '');
    const endUser = endUserOfToken(policy, { user, claims: test.user });
    if ('refused' in endUser) {
      report.error(test.document.place([...test.path, 'user']), endUser.refused.message);
      return { wrong: report.diagnostics[0]! };
    }
    return { ...session, endUser, attributes: endUser.attributes };
  }

  /** The session of a principal without an end user; or why it has none. */
  ofPrincipal(name: string): TestSession | { readonly closed: string } {
    return this.principals.has(name)
      ? this.sessionAt(name, this.options.now)
      : { closed: 'there is no such principal' };
  }

  /** A principal that may log in, with its role. */
  account(name: string): { readonly principal: Principal; readonly role: RolePolicy } | undefined {
    const principal = this.principals.get(name);
    const role = principal && this.policy.roles.get(principal.role);
    return principal && role && { principal, role };
  }

  private sessionAt(name: string, now: number): TestSession | { readonly closed: string } {
    const policy = this.runtimeAt(now).sessionPolicy(name);
    const principal = this.principals.get(name)!;
    if (!policy) {
      const closed = principal.disabled ?? this.policy.roles.get(principal.role)?.disabled ?? 'its role does not exist';
      return { closed };
    }
    const expired = principal.validUntil !== undefined && now > principal.validUntil;
    return { policy, endUser: undefined, attributes: principal.attributes, now, expired };
  }

  private principalOf({ as, document }: PolicyTest, report: DiagnosticReport): string | undefined {
    if ('principal' in as) {
      if (this.policy.principals.has(as.principal)) return as.principal;
      const near = suggestion(as.principal, this.options.policy.principals.keys());
      report.error(as.place, `principal "${as.principal}" does not exist${near}`);
      return undefined;
    }
    const role = this.policy.roles.get(as.role);
    if (!role) {
      report.error(as.place, `role "${as.role}" does not exist${suggestion(as.role, this.policy.roles.keys())}`);
      return undefined;
    }
    const attributes = new Map<string, string>();
    const path = as.attributes;
    const given = path ? Object.keys(valueAt(document.value, path) as object) : [];
    for (const attribute of given) {
      const declared = role.attributes.get(attribute);
      const at = [...(path ?? []), attribute];
      if (!declared) {
        const near = suggestion(attribute, role.attributes.keys());
        report.error(document.place(at), `role "${role.name}" has no attribute "${attribute}"${near}`);
        continue;
      }
      const value = compileAttributeValue(declared, document, at, valueAt(document.value, at), report);
      if (value !== undefined) attributes.set(attribute, value);
    }
    const missing = [...role.attributes.values()].filter(({ name, fromToken }) => !fromToken && !attributes.has(name));
    if (missing[0] && role.disabled === undefined)
      report.error(as.place, `role "${role.name}" needs a value of its attribute "${missing[0].name}"`);
    if (report.failure !== undefined) return undefined;
    // A principal's name contains no space, so this name cannot be one.
    const name = `role ${role.name} ${JSON.stringify([...attributes])}`;
    if (!this.principals.has(name)) {
      const rule = `${as.place.file}:${as.place.line}`;
      this.principals.set(name, { name, role: role.name, attributes, verifiers: [], from: [], limits: {}, rule });
    }
    return name;
  }

  /** `during` depends on the time: a runtime for each time that tests name. */
  private runtimeAt(now: number): GuardRuntime {
    const known = this.runtimes.get(now);
    if (known) return known;
    const { catalog, searchPath, timeZone, pooling } = this.options;
    const made = new GuardRuntime(
      ({ role }) => {
        const judge = this.judges.get(role.name) ?? new Guard({ catalog, role, searchPath, pooling });
        this.judges.set(role.name, judge);
        return judge;
      },
      { now: () => now, timeZone },
      this.policy,
      { catalog, catalogVersion: '', withheld: [], errors: [], warnings: [] },
    );
    this.runtimes.set(now, made);
    return made;
  }
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null)?.[key], value);
}
