/** Tests permits: one holds in the state for which its approvers have signed, and in no other. */
import { expect, it } from 'vitest';
import type { Permit } from '../../src/metering/budget-store.ts';
import { PERMIT_NAMESPACE, permitHolds, permitRequest } from '../../src/metering/permit.ts';
import { newSigner } from '../support/ssh-signer.ts';

const NOW = 1_795_000_000_000;
const signers = ['ines', 'omar'].map(newSigner);
const approvers = new Map(signers.map(({ name, key }) => [name, { user: name, key }]));
const unsigned: Permit = {
  id: 'p1',
  owner: 'principal:app',
  guard: 'g1',
  state: 'state-of-here',
  tables: ['public.pupils'],
  rows: 230,
  from: NOW - 1_000,
  until: NOW + 60_000,
  reason: 'yearly count',
  requestedBy: 'lea',
  requestedAt: NOW - 2_000,
  approvals: [],
};

function signed(permit: Permit): Permit {
  const { text } = permitRequest(permit);
  const approvals = signers.map(({ name, sign }) => ({ by: name, signature: sign(text, PERMIT_NAMESPACE) }));
  return { ...permit, approvals };
}

const holds = (permit: Permit, state: string | undefined) => permitHolds(permit, { approvers, state }, NOW);

it('holds where it was signed for, and not where it was copied to, whatever is written over its state there', () => {
  const permit = signed(unsigned);
  expect(holds(permit, 'state-of-here')).toBe(true);
  expect(holds(permit, 'another-state')).toBe(false);
  expect(holds({ ...permit, state: 'another-state' }, 'another-state')).toBe(false);
  expect(holds({ ...permit, guard: 'g2' }, 'state-of-here')).toBe(false);
  expect(holds(permit, undefined)).toBe(false);
});
