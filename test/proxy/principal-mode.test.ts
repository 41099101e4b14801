/** Tests a principal with its own mode: what `check` says of it, and that it shares no server connection through a pooler of transactions. */
import { expect, it } from 'vitest';
import { separatePooledAccounts } from '../../src/app/policy-reader.ts';
import { policyWarnings } from '../../src/cli/policy-warnings.ts';
import type { UpstreamConfig } from '../../src/config/config.ts';
import type { Principal, RolePolicy } from '../../src/policy/model/policy.ts';
import { policyOf, principal } from './support.ts';

const upstream = (pooling: UpstreamConfig['pooling']) =>
  ({ pooling, login: { user: 'rowgate' }, logins: new Map() }) as unknown as UpstreamConfig;

/** Two principals of one role; one has a mode of its own. */
function policyWith(role: Partial<RolePolicy>, mode: Principal['mode']) {
  const policy = policyOf([principal('plain', []), principal('other', [], mode && { mode })]);
  const roles = [...policy.roles.values()].map((one): [string, RolePolicy] => [one.name, { ...one, ...role }]);
  return { ...policy, roles: new Map(roles) };
}

it.each([
  ['enforce', 'observe', true],
  ['observe', 'enforce', true],
  ['enforce', 'enforce', false],
  ['enforce', undefined, false],
] as const)('a role in %s mode, and a principal of it in %s', (mode, own, isClosed) => {
  const policy = policyWith({ access: 'restricted', mode }, own);
  const { policy: kept, errors } = separatePooledAccounts(policy, upstream('transaction'));
  expect([...kept.principals.values()].map(({ disabled }) => disabled !== undefined)).toEqual([false, isClosed]);
  expect(errors.length).toBe(isClosed ? 1 : 0);
  expect(separatePooledAccounts(policy, upstream('session'))).toEqual({ policy, errors: [] });
});

it('a role that is not restricted has no mode that matters', () => {
  const { errors } = separatePooledAccounts(
    policyWith({ access: 'unrestricted', mode: 'enforce' }, 'observe'),
    upstream('transaction'),
  );
  expect(errors).toEqual([]);
});

it('`check` warns of an observed principal of an enforced role', () => {
  const warned = (mode: Principal['mode']) =>
    policyWarnings(policyWith({ access: 'restricted', mode: 'enforce' }, mode), { timeZone: 'UTC' }, 0).map(
      ({ message }) => message,
    );
  expect(warned('observe')).toEqual(['principal "other" is only observed: its statements are forwarded unchanged']);
  expect(warned(undefined)).toEqual([]);
});
