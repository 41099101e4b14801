/** Two policies compared by principal, on one catalog: what each may now that it might not, and what it may no longer. */

import type { SettingRule } from '../../policy/compile/grantable-settings.ts';
import { isGuarded } from '../../policy/model/is-guarded.ts';
import {
  type BreakGlass,
  type Policy,
  type Principal,
  type RolePolicy,
  roleOf,
  type Subject,
} from '../../policy/model/policy.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { compareFields, isEqualData, less, more, type PolicyDifference, unproven } from './change.ts';
import { compareGrants } from './grants.ts';
import { compareLimits } from './limits.ts';

export interface PrincipalChanges {
  /** Absent: of the policy as a whole. */
  readonly principal?: string;
  readonly changes: readonly PolicyDifference[];
}

export interface DiffOptions {
  readonly catalog: Catalog;
  /** The files were kept without passwords and canaries: of these nothing can be said. */
  readonly withoutSecrets: boolean;
}

/** Only those with a change. */
export function comparePolicies(before: Policy, after: Policy, options: DiffOptions): PrincipalChanges[] {
  const names = [...new Set([...before.principals.keys(), ...after.principals.keys()])].sort();
  const roles: KnownRoles = new Map();
  const all = [
    { changes: isEqualData(before.approvers, after.approvers) ? [] : [more('other approvers')] },
    ...names.map((principal) => ({ principal, changes: changesOf(principal, before, after, options, roles) })),
  ];
  return all.filter(({ changes }) => changes.length > 0);
}

/** By both roles: many principals share one. */
type KnownRoles = Map<string, PolicyDifference[]>;

function changesOf(
  name: string,
  before: Policy,
  after: Policy,
  options: DiffOptions,
  known: KnownRoles,
): PolicyDifference[] {
  const [old, now] = [openPrincipal(before, name), openPrincipal(after, name)];
  if (!old && !now) return [];
  if (!now) return [less('may no longer log in')];
  if (!old) return [more(`may log in, by role ${now.role.name}`)];
  const pair = JSON.stringify([old.role.name, old.role.mode, now.role.name, now.role.mode]);
  const ofRoles = known.get(pair) ?? compareRole(old.role, now.role, options);
  known.set(pair, ofRoles);
  return [...comparePrincipal(old, now, options), ...ofRoles];
}

interface Open {
  readonly principal: Principal;
  readonly role: RolePolicy;
}

function openPrincipal({ principals, roles }: Policy, name: string): Open | undefined {
  const principal = principals.get(name);
  const role = principal && roleOf({ roles }, principal);
  return principal && role && principal.disabled === undefined && role.disabled === undefined
    ? { principal, role }
    : undefined;
}

function comparePrincipal(old: Open, now: Open, { withoutSecrets }: DiffOptions): PolicyDifference[] {
  const roles = [old.role, now.role] as const;
  return compareFields(old.principal, now.principal, {
    name: 'derived',
    // That of the role, as it holds for the principal, is compared.
    mode: 'derived',
    // At the server each role may have an account of its own.
    role: (one, other) => [more(`has role ${other} (${one} before)`)],
    attributes: (one, other) =>
      [...new Set([...one.keys(), ...other.keys()])]
        .filter((key) => one.get(key) !== other.get(key))
        .map((key) => more(`${key} is ${other.get(key) ?? 'nothing'} (${one.get(key) ?? 'nothing'} before)`)),
    verifiers: withoutSecrets
      ? 'derived'
      : (one, other) => [
          other.length > 0 && other.every((verifier) => one.includes(verifier))
            ? less('a password serves no longer')
            : more('another password'),
        ],
    certificate: (one, other) => [
      one === undefined && isEqualData(old.principal.verifiers, now.principal.verifiers)
        ? less('must show a certificate')
        : more(other === undefined ? 'needs no certificate' : 'another certificate'),
    ],
    token: unproven('other tokens of end users are taken'),
    from: (one, other) => [
      other.length > 0 && (one.length === 0 || other.every((block) => one.includes(block)))
        ? less(`comes from ${other.join(', ')} alone`)
        : more(`comes from ${other.join(', ') || 'anywhere'} (${one.join(', ') || 'anywhere'} before)`),
    ],
    breakGlass: (one, other) => [
      isStricter(one, other)
        ? less('is opened by more, or for shorter')
        : more('is opened in another way (break_glass)'),
    ],
    validUntil: (one, other) => [
      other !== undefined && (one === undefined || other <= one)
        ? less(`may log in until ${new Date(other).toISOString()}`)
        : more(`may log in until ${other === undefined ? 'it is removed' : new Date(other).toISOString()}`),
    ],
    limits: (one, other) => compareLimits(one, other, roles, 'of its own: '),
    during: unproven('other limits of its own at other times (during)'),
    rule: 'derived',
    disabled: 'derived',
  });
}

function isStricter(one: BreakGlass | undefined, other: BreakGlass | undefined): boolean {
  if (!other) return false;
  return (
    !one || (other.approvals >= one.approvals && other.for <= one.for && isEqualData(one.approvers, other.approvers))
  );
}

function compareRole(old: RolePolicy, now: RolePolicy, options: DiffOptions): PolicyDifference[] {
  if (old.mode === 'observe' && old.access === 'restricted' && isGuarded(now))
    return [less('is enforced (only observed before: everything was let through)')];
  if (isGuarded(old) && now.access === 'restricted' && now.mode === 'observe')
    return [more('is only observed: everything is let through')];
  const limits = compareLimits(old.limits, now.limits, [old, now]);
  if (old.access === 'unrestricted' && isGuarded(now)) {
    const amounts = [...limits, ...ofLimits(old, now)];
    return [less('is restricted (everything was let through before)'), ...amounts];
  }
  const subset = <T>(one: ReadonlySet<T>, other: ReadonlySet<T>, shown: (value: T) => string): PolicyDifference[] => [
    ...[...other].filter((value) => !one.has(value)).map((value) => more(`may ${shown(value)}`)),
    ...[...one].filter((value) => !other.has(value)).map((value) => less(`may no longer ${shown(value)}`)),
  ];
  const functionName = (oid: number): string => {
    const fn = options.catalog.functionsByOid.get(oid);
    return `call ${fn?.schema}.${fn?.name}`;
  };
  return compareFields<RolePolicy>(old, now, {
    name: 'derived',
    mode: unproven('is judged in another mode'),
    access: unproven('is unrestricted: nothing is withheld'),
    attributes: unproven('other attributes'),
    relations: compareGrants,
    temporary: (one, other) => [
      [...(other ?? [])].every(([name, table]) => isEqualData(one?.get(name), table))
        ? less('makes fewer temporary tables')
        : more('makes other temporary tables'),
    ],
    // Both follow from what is granted.
    types: 'derived',
    schemas: 'derived',
    namedSchemas: 'derived',
    constraints: 'derived',
    functions: (one, other) => subset(one, other, functionName),
    grantedTypes: (one, other) =>
      subset(one ?? new Set<number>(), other ?? new Set<number>(), (oid) => {
        const type = options.catalog.typesByOid.get(oid);
        return `name type ${type?.schema}.${type?.name}`;
      }),
    collations: (one, other) =>
      subset(one ?? new Set<number>(), other ?? new Set<number>(), (oid) => {
        const collation = options.catalog.data.collations.find((found) => found.oid === oid);
        return `name collation ${collation?.schema}.${collation?.name}`;
      }),
    settings: (one = new Map(), other = new Map()) =>
      [...new Set([...one.keys(), ...other.keys()])]
        .filter((name) => !isEqualData(one.get(name), other.get(name)))
        .map((name) =>
          (isLower(one.get(name), other.get(name)) ? less : more)(`sets ${name} ${howFar(other.get(name))}`),
        ),
    functionRules: 'derived',
    statements: (one, other) => subset(one, other, (word) => `send ${word}`),
    collect: (_, other) => [
      other === 'deny'
        ? less('may no longer collect values of several rows in one')
        : more('may collect values of several rows in one'),
    ],
    minGroup: (one, other) => [
      one !== undefined && other !== undefined && other >= one
        ? less(`sees groups of ${other} or more (${one} before)`)
        : more(`sees groups of ${other ?? 1} or more (${one ?? 1} before)`),
    ],
    roundTo: (one, other) => [
      one === undefined && other !== undefined
        ? less(`sees counts as multiples of ${other}`)
        : more(`sees counts as multiples of ${other ?? 1} (${one ?? 1} before)`),
    ],
    limits: () => limits,
    limitsPerUser: (one, other) => compareLimits(one, other, [old, now], 'each end user: '),
    subjects: (one, other) => compareSubjects(one ?? [], other ?? [], options),
    // What gathers values of bounded subjects is allowed, where it is not of others.
    limitedSubjects: unproven('people of other subjects are counted'),
    boundedSubjects: unproven('people of other subjects are bounded'),
    during: unproven('other limits at other times (during)'),
    whenExceeded: unproven('exceeded limits do something else (when_exceeded)'),
    throttle: unproven('is slowed down in another way (throttle)'),
    // Without it, what a limit locks stays so until it is released.
    lock: (one, other) => [
      one === undefined && other?.duration === undefined
        ? less('is locked for what it tries')
        : more(one === undefined ? 'is unlocked by itself, where it was not' : 'is locked for something else'),
    ],
    raise: (one, other) => [
      other && (!one || other.approvals >= one.approvals)
        ? less('larger limits need more signatures')
        : more('larger limits need fewer signatures'),
    ],
    rule: 'derived',
    disabled: 'derived',
  });
}

function isLower(one: SettingRule | undefined, other: SettingRule | undefined): boolean {
  if (!other) return true;
  return one !== undefined && other.kind === 'most' && (one.kind === 'any' || other.most <= one.most);
}

function howFar(rule: SettingRule | undefined): string {
  if (!rule) return 'no longer';
  return rule.kind === 'any' ? 'to any value' : `up to ${rule.text}`;
}

/** Of a role that was unrestricted its limits held. */
function ofLimits(old: RolePolicy, now: RolePolicy): PolicyDifference[] {
  const rest = ['during', 'whenExceeded', 'throttle', 'lock', 'limitsPerUser', 'raise'] as const;
  return rest
    .filter((key) => !isEqualData(old[key], now[key]))
    .map((key) => more(`its limits hold in another way (${key})`));
}

function compareSubjects(
  before: readonly Subject[],
  after: readonly Subject[],
  { withoutSecrets }: DiffOptions,
): PolicyDifference[] {
  const names = [...new Set([...before, ...after].map(({ name }) => name))];
  return names.flatMap((name) => {
    const [old, now] = [before, after].map((list) => list.find((subject) => subject.name === name));
    if (!old || !now) return [more(old ? `subject ${name} is no more` : `there is a new subject ${name}`)];
    return compareFields(old, now, {
      name: 'derived',
      keys: unproven(`subject ${name} has other keys`),
      lost: unproven(`subject ${name} has other keys that the database does not have`),
      canaries: withoutSecrets
        ? 'derived'
        : (one, other) => [
            one.every((canary) => other.includes(canary))
              ? less(`subject ${name} has more canaries`)
              : more(`subject ${name} has lost canaries`),
          ],
      // Of reports.
      categories: 'derived',
      rule: 'derived',
    });
  });
}
