import type { Relation } from '../sql/catalog/catalog.ts';
import { type Differ, type Difference, nameOf, type WallComparison } from './comparison.ts';
import type { ExistingAccount, ExistingPolicy, ExistingRight, RightSource } from './existing-rights.ts';
import { named } from './sql-text.ts';
import { OPEN_POLICY, ownSchema, POLICY_PREFIX, type RowFilter } from './wall.ts';

export function compareWall(comparison: WallComparison): Difference[] {
  const { wall, found } = comparison;
  const differences: Difference[] = [];
  const differ: Differ = (kind, what) => differences.push({ account: wall.account, kind, what });
  if (!found.exists) {
    differ('account', 'the role does not exist');
    return differences;
  }
  compareAccount(found, differ);
  compareRights(comparison, differ);
  comparePolicies(comparison, differ);
  compareObjects(comparison, differ);
  compareSettings(comparison, differ);
  return differences;
}

/** Each of these attributes bypasses grants or filters. */
function compareAccount(found: ExistingAccount, differ: Differ): void {
  if (!found.login) differ('account', 'the role may not log in');
  for (const attribute of found.attributes) differ('account', `the role has ${attribute}`);
  for (const other of found.memberOf) differ('account', `the role is a member of ${named(other)}`);
  for (const object of found.owns) differ('account', `the role owns ${object}`);
}

function compareObjects({ wall, found, canonical }: WallComparison, differ: Differ): void {
  wall.views.forEach(({ name }, at) => {
    const view = found.views.find((candidate) => candidate.name === name);
    if (!view) differ('view', `view ${named(name)} is missing`);
    else if (view.query !== canonical.views[at]) differ('view', `view ${named(name)} has another definition`);
    else if (!view.barrier) differ('view', `view ${named(name)} is no security barrier`);
  });
  wall.checks.forEach(({ name, body }, at) => {
    const check = found.checks.find(
      (candidate) => candidate.name === name && candidate.arguments === canonical.checks[at],
    );
    if (!check) differ('view', `function ${named(name)} is missing`);
    else if (check.body !== body || !check.definer) differ('view', `function ${named(name)} has another definition`);
  });
  const expected = new Set([...wall.views, ...wall.checks].map(({ name }) => name));
  for (const { name } of [...found.views, ...found.checks]) {
    if (!expected.has(name)) differ('view', `${named(name)} stands in the wall’s schema and is not part of it`);
  }
}

function compareSettings({ wall, found }: WallComparison, differ: Differ): void {
  const paths = JSON.stringify(wall.ownPath);
  if (JSON.stringify(found.searchPath) !== paths) differ('setting', `search_path is not ${paths}`);
  for (const [name, value] of wall.settings) {
    const now = found.settings.get(name);
    if (now === undefined) differ('setting', `${name} is not set`);
    else if (now !== value) differ('setting', `${name} is ${named(now)}, not ${named(value)}`);
  }
  for (const name of found.settings.keys()) {
    if (!wall.settings.has(name) && name !== 'search_path')
      differ('setting', `${name} is set, and the wall sets it not`);
  }
}

/** Compares row security: it is on, every filter exists as planned, and no other policy applies to the account. */
function comparePolicies(comparison: WallComparison, differ: Differ): void {
  const { wall, found, canonical, surroundings, catalog } = comparison;
  const expected = new Set<ExistingPolicy>();
  wall.filters.forEach((filter, at) => {
    const policy = found.policies.find(
      ({ relation, name }) => relation === filter.relation.oid && name === filter.name,
    );
    if (policy) expected.add(policy);
    const what = policy ? flawOf(policy, filter, wall.account, canonical.filters[at]) : 'is missing';
    if (what !== undefined) differ('row-security', `policy for ${filter.command} on ${of(filter)} ${what}`);
  });
  for (const relation of new Map(wall.filters.map((filter) => [filter.relation.oid, filter.relation])).values()) {
    const where = named(`${relation.schema}.${relation.name}`);
    const on = found.rowSecurity.includes(relation.oid);
    if (!on) differ('row-security', `row security of ${where} is switched off`);
    // If row security was on before the wall, policies of others let the account in.
    else if (!surroundings.opened.includes(relation.oid) && !hasOthers(comparison, relation.oid)) {
      differ('row-security', `no policy lets anyone see rows of ${where}`);
    }
  }
  for (const policy of found.policies) {
    if (expected.has(policy) || policy.permissive || policy.name === OPEN_POLICY) continue;
    const relation = catalog.relationsByOid.get(policy.relation);
    const where = relation ? named(`${relation.schema}.${relation.name}`) : 'a table';
    const whose = policy.name.startsWith(POLICY_PREFIX)
      ? 'is not of the wall as it should be'
      : 'is not the wall’s and hides rows from the account';
    differ('row-security', `policy ${named(policy.name)} on ${where} ${whose}`);
  }
}

function hasOthers({ found }: WallComparison, relation: number): boolean {
  return found.policies.some((policy) => policy.relation === relation && policy.permissive);
}

function of({ relation }: RowFilter): string {
  return named(`${relation.schema}.${relation.name}`);
}

function flawOf(
  policy: ExistingPolicy,
  filter: RowFilter,
  account: string,
  canonical: { readonly using: string | null; readonly check: string | null } | undefined,
): string | undefined {
  // A permissive policy adds rows, whatever its condition.
  if (policy.permissive) return 'is permissive';
  if (policy.command !== filter.command) return `holds for ${policy.command}`;
  if (policy.accounts.length !== 1 || policy.accounts[0] !== account)
    return `holds for ${policy.accounts.map(named).join(', ')}`;
  if (!canonical) return 'cannot be compared: the server does not take what it should be';
  return policy.using === canonical.using && policy.check === canonical.check ? undefined : 'has another condition';
}

/** Compares every right of an account, however it got it, with what its wall gives it. */
function compareRights(comparison: WallComparison, differ: Differ): void {
  const { wall, found } = comparison;
  const has = new Set(found.rights.map(({ relation, column, privilege }) => key(relation, privilege, column)));
  const holds = (relation: Relation, privilege: string, column?: string): boolean =>
    has.has(key(relation.oid, privilege, column)) || has.has(key(relation.oid, privilege));
  const expected = new Set<string>();
  const expect = (relation: Relation, privilege: string, column?: string): void => {
    expected.add(key(relation.oid, privilege, column));
    if (holds(relation, privilege, column)) return;
    differ(
      'right-missing',
      `${privilege} on ${nameOf(relation)}${column === undefined ? '' : `.${named(column)}`} is missing`,
    );
  };
  for (const { relation, select, insert, update, delete: remove, maintain } of wall.tables) {
    for (const column of select) expect(relation, 'SELECT', column);
    for (const column of insert) expect(relation, 'INSERT', column);
    for (const column of update) expect(relation, 'UPDATE', column);
    if (remove) expect(relation, 'DELETE');
    if (maintain) expect(relation, 'MAINTAIN');
  }
  for (const { relation, privileges } of wall.sequences)
    for (const privilege of privileges) expect(relation, privilege);
  for (const right of found.rights) {
    if (expected.has(key(right.relation, right.privilege, right.column))) continue;
    extra(right, comparison, differ);
  }
  compareFunctions(comparison, differ);
  compareSchemas(comparison, differ);
  for (const object of found.further) differ('right-extra', `something is granted on ${object}`);
  for (const later of found.defaults) differ('right-extra', later);
}

function extra(
  { relation: oid, column, privilege, by }: ExistingRight,
  { catalog, wall }: WallComparison,
  differ: Differ,
): void {
  const relation = catalog.relationsByOid.get(oid);
  // The wall's own views.
  if (
    relation?.schema === ownSchema(wall) &&
    wall.views.some(({ name }) => name === relation.name) &&
    privilege === 'SELECT'
  )
    return;
  const where = relation ? nameOf(relation) : `relation ${oid}`;
  const what =
    column === undefined ? `${privilege} on ${where} as a whole` : `${privilege} on ${where}.${named(column)}`;
  differ('right-extra', `${what}, ${from(by)}`);
}

function compareFunctions({ wall, found, catalog }: WallComparison, differ: Differ): void {
  for (const fn of wall.functions) {
    if (!found.functions.some((candidate) => candidate.fn === fn.oid))
      differ('right-missing', `EXECUTE on ${nameOf(fn)} is missing`);
  }
  for (const { fn: oid, by, definer } of found.functions) {
    const fn = catalog.functionsByOid.get(oid);
    if (!fn || wall.functions.includes(fn) || fn.schema === ownSchema(wall)) continue;
    // A function that every account may execute with its own rights adds nothing.
    if (by === 'PUBLIC' && !definer) continue;
    differ('right-extra', `EXECUTE on ${definer ? 'SECURITY DEFINER function ' : ''}${nameOf(fn)}, ${from(by)}`);
  }
}

function compareSchemas({ wall, found }: WallComparison, differ: Differ): void {
  const has = (schema: string, privilege: string): boolean =>
    found.schemas.some((candidate) => candidate.schema === schema && candidate.privilege === privilege);
  for (const schema of wall.schemas)
    if (!has(schema, 'USAGE')) differ('right-missing', `USAGE on schema ${named(schema)} is missing`);
  if (wall.temporary && !found.temporary) differ('right-missing', 'TEMPORARY on the database is missing');
  for (const { schema, privilege } of found.schemas) {
    if (privilege === 'CREATE')
      differ('right-extra', `CREATE on ${schema === '' ? 'the database' : `schema ${named(schema)}`}`);
  }
}

function from(by: RightSource): string {
  switch (by) {
    case 'account':
      return 'granted to the account';
    case 'PUBLIC':
      return 'granted to PUBLIC';
    case 'ownership':
      return 'by ownership';
    case 'membership':
      return 'by membership or an attribute';
  }
}

function key(relation: number, privilege: string, column?: string): string {
  return `${relation} ${privilege} ${column === undefined ? '' : `.${column}`}`;
}
