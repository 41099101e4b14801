/** Which walls a configuration's policies ask for: a native role for each restricted role, or for one principal. Reads nothing. */
import type { Config } from '../config/config.ts';
import { buildWall } from '../native/build-wall.ts';
import { isTooLong } from '../native/names.ts';
import type { Wall, WallKind } from '../native/wall.ts';
import type { Policy, Principal, RolePolicy } from '../policy/model/policy.ts';
import type { Catalog } from '../sql/catalog/catalog.ts';
import { pinnedSettings } from '../upstream/pinned-settings.ts';

export interface WallRequest {
  /** Absent: every role that can have a wall. */
  readonly role?: string | undefined;
  /** For this principal alone, and of its role. */
  readonly principal?: string | undefined;
  readonly kind: WallKind;
}

export interface Walls {
  readonly walls: readonly Wall[];
  /** Roles without a wall, and why. */
  readonly without: readonly string[];
  /** Among them, roles that errors closed: their walls are not what they should be, and not looked at. */
  readonly closed: boolean;
  /** Why nothing can be made; then there are no walls. */
  readonly problems: readonly string[];
}

/** The walls of the requested roles; roles that have none are listed with the reason. */
export function wallsFor(policy: Policy, catalog: Catalog, config: Config, request: WallRequest): Walls {
  const principal = request.principal === undefined ? undefined : policy.principals.get(request.principal);
  if (request.principal !== undefined && !principal) return none(`principal "${request.principal}" does not exist`);
  if (principal?.disabled !== undefined)
    return none(`principal "${principal.name}" cannot log in: ${principal.disabled}`);
  const wanted = request.role ?? principal?.role;
  if (principal && principal.role !== wanted) return none(`principal "${principal.name}" is not of role "${wanted}"`);
  if (wanted !== undefined && !policy.roles.has(wanted)) return none(`role "${wanted}" does not exist`);
  const roles = [...policy.roles.values()].filter(({ name }) => wanted === undefined || name === wanted);
  const without: string[] = [];
  const walls: Wall[] = [];
  for (const role of roles) {
    const reason = withoutWall(role);
    if (reason !== undefined) without.push(`role "${role.name}" has no wall: ${reason}`);
    else
      walls.push(
        wallOf(role, principal ? [principal] : principalsOf(policy, role), principal, catalog, config, request.kind),
      );
  }
  const closed = roles.some(({ disabled }) => disabled !== undefined);
  if (wanted !== undefined && walls.length === 0) return { walls: [], without: [], closed, problems: without };
  const problems = problemsOf(walls, config);
  return problems.length > 0 ? { walls: [], without, closed, problems } : { walls, without, closed, problems: [] };
}

function none(problem: string): Walls {
  return { walls: [], without: [], closed: false, problems: [problem] };
}

function withoutWall({ access, mode, disabled }: RolePolicy): string | undefined {
  if (disabled !== undefined) return `it is closed: ${disabled}`;
  if (access === 'unrestricted') return 'it is unrestricted';
  // A role in observe mode is forwarded unchanged: a wall would refuse what the guard lets through.
  return mode === 'observe' ? 'it is only observed' : undefined;
}

function principalsOf(policy: Policy, role: RolePolicy): Principal[] {
  return [...policy.principals.values()].filter((p) => p.role === role.name && p.disabled === undefined);
}

function wallOf(
  role: RolePolicy,
  principals: readonly Principal[],
  principal: Principal | undefined,
  catalog: Catalog,
  config: Config,
  kind: WallKind,
): Wall {
  const { searchPath } = config;
  return buildWall({
    role,
    account: accountOf(role, principal, config, kind),
    kind,
    principals,
    catalog,
    searchPath,
    settings: settingsOf(role, config),
  });
}

function accountOf(role: RolePolicy, principal: Principal | undefined, config: Config, kind: WallKind): string {
  if (kind === 'direct') return `rowgate_direct_${principal?.name ?? role.name}`;
  if (principal) return `rowgate_${principal.name}`;
  return config.upstream.logins.get(role.name)?.user ?? `rowgate_${role.name}`;
}

/** Settings that Rowgate pins for its sessions. Here they also hold where a pooler drops startup parameters, and for connections that bypass Rowgate. */
function settingsOf(role: RolePolicy, { searchPath }: Config): Map<string, string> {
  const pinned = [...pinnedSettings(searchPath)].filter(([name]) => name !== 'role' && name !== 'search_path');
  const timeout = role.limits.statementTimeout;
  return new Map([...pinned, ...(timeout === undefined ? [] : [['statement_timeout', `${timeout}ms`] as const])]);
}

function problemsOf(walls: readonly Wall[], { upstream }: Config): string[] {
  const problems: string[] = [];
  const roles = new Map<string, string>();
  for (const { role, account } of walls) {
    const other = roles.get(account);
    roles.set(account, role);
    if (isTooLong(account))
      problems.push(`role "${role}": "${account}" is longer than 63 bytes; name its account in upstream.logins`);
    if (account === upstream.login.user)
      problems.push(
        `role "${role}": "${account}" is the guard’s own account, which other roles use; give the role its own in upstream.logins`,
      );
    if (other !== undefined)
      problems.push(
        `roles "${other}" and "${role}" have one account, "${account}": what it may do would be what both may`,
      );
  }
  return problems;
}
