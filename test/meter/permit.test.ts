/** Tests permits: one holds in the state for which its approvers have signed, and in no other; permits of an earlier version named no state. */
import { expect, it } from 'vitest';
import type { Permit } from '../../src/metering/budget-store.ts';
import { exceptionsOf, exceptionsState } from '../../src/metering/exceptions.ts';
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

function signed(permit: Permit, { text } = permitRequest(permit)): Permit {
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

/** Version 1 of the text, as it was. */
const OLD_TEXT = `rowgate export permit, version 1
id: "p1"
owner: "principal:app"
tables: ["public.pupils"]
rows: 230
from: "${new Date(unsigned.from).toISOString()}"
until: "${new Date(unsigned.until).toISOString()}"
reason: "yearly count"
requested by: "lea"
requested at: "${new Date(unsigned.requestedAt).toISOString()}"
`;

it('of an earlier version: it is read and kept, and holds no longer, also with a state written into it', () => {
  const { guard, state, ...old } = signed(unsigned, { ...permitRequest(unsigned), text: OLD_TEXT });
  const read = exceptionsOf(
    JSON.parse(JSON.stringify(exceptionsState(exceptionsOf({ locks: [], raises: [], permits: [old] })))),
  );
  expect(read.permits).toEqual([old]);
  expect(holds(read.permits[0]!, 'state-of-here')).toBe(false);
  expect(holds({ ...read.permits[0]!, guard: guard!, state: state! }, 'state-of-here')).toBe(false);
});
