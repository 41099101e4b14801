/** Compares row security: switched on, every filter there and as it should be, none that others made for the account. */
import type { Comparison, Differ } from './comparison.ts';
import type { FoundPolicy } from './found.ts';
import { named } from './sql-text.ts';
import { OPEN_POLICY, POLICY_PREFIX, type RowFilter } from './wall.ts';

export function comparePolicies(comparison: Comparison, differ: Differ): void {
  const { wall, found, canonical, surroundings, catalog } = comparison;
  const expected = new Set<FoundPolicy>();
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
    // Where it was on before the wall, others' policies let the account in.
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

function hasOthers({ found }: Comparison, relation: number): boolean {
  return found.policies.some((policy) => policy.relation === relation && policy.permissive);
}

function of({ relation }: RowFilter): string {
  return named(`${relation.schema}.${relation.name}`);
}

function flawOf(
  policy: FoundPolicy,
  filter: RowFilter,
  account: string,
  canonical: { readonly using: string | null; readonly check: string | null } | undefined,
): string | undefined {
  // A permissive policy adds rows, whatever its condition says.
  if (policy.permissive) return 'is permissive';
  if (policy.command !== filter.command) return `holds for ${policy.command}`;
  if (policy.accounts.length !== 1 || policy.accounts[0] !== account)
    return `holds for ${policy.accounts.map(named).join(', ')}`;
  if (!canonical) return 'cannot be compared: the server does not take what it should be';
  return policy.using === canonical.using && policy.check === canonical.check ? undefined : 'has another condition';
}
