/** Tests roles that are observed for a time, by the store's clock: kept over a restart, merged between guards, and ended in time. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fileStore } from '../../src/budget/store/disk.ts';
import { stateName } from '../../src/metering/approvals.ts';
import type { BudgetStore, Observation } from '../../src/metering/budget-store.ts';
import { changeExceptions, mergedExceptions, NO_EXCEPTIONS } from '../../src/metering/exceptions.ts';
import { OBSERVE_NAMESPACE, observationRequest } from '../../src/metering/observation.ts';
import type { Policy, RolePolicy } from '../../src/policy/model/policy.ts';
import { Observations } from '../../src/server/observations.ts';
import { newSigner } from '../support/ssh-signer.ts';

const BEGIN = Date.parse('2026-11-25T12:00:00Z');
const MINUTE = 60_000;
const WAIT = { timeout: 60_000, interval: 20 };
const jean = newSigner('jean');

let folder: string;
let now = BEGIN;
const told: string[] = [];
const recorded: unknown[] = [];

const policy = {
  hash: '',
  roles: new Map([['canteen', { name: 'canteen', mode: 'enforce', access: 'restricted' } as RolePolicy]]),
  principals: new Map(),
  approvers: new Map([['jean', { user: 'jean', key: jean.key, rule: '' }]]),
} as unknown as Policy;

const open = (): Promise<BudgetStore> => fileStore({ folder, timeZone: 'UTC', now: () => now, notice: () => {} });

function follow(store: BudgetStore): Observations {
  return new Observations({
    store,
    records: {
      append: (kind: string, fields: { status?: string }) => recorded.push([kind, fields.status]) > 0,
    } as never,
    alarms: { raise: ({ text }) => void told.push(text) },
    log: pino({ level: 'silent' }),
    policy: () => policy,
    changed: () => {},
  });
}

async function signed(store: BudgetStore, forMs: number, by = jean): Promise<Observation> {
  const request: Observation = {
    id: `01${forMs}`,
    role: 'canteen',
    guard: 'g',
    state: stateName(await store.hashKey()),
    until: now + forMs,
    reason: 'x',
    requestedBy: 'ines',
    requestedAt: now,
    begunAt: now,
    approvals: [],
  };
  const signature = by.sign(observationRequest(request).text, OBSERVE_NAMESPACE);
  return { ...request, approvals: [{ by: 'jean', signature }] };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-observations-'));
});

afterAll(() => rm(folder, { recursive: true }));

it('holds behind a restart, ends by the store’s clock, is told once, and a clock that is set back begins none again', async () => {
  let store = await open();
  const observation = await signed(store, 30 * MINUTE);
  await store.change({ kind: 'observation', observation });
  await store.close();
  store = await open();
  const [one, other] = [follow(store), follow(store)];
  try {
    await expect.poll(() => [...one.observed(policy)], WAIT).toEqual(['canteen']);
    now += 29 * MINUTE;
    expect([...one.observed(policy)]).toEqual(['canteen']);
    expect(told).toEqual([]);
    now += 2 * MINUTE;
    expect([...one.observed(policy)]).toEqual([]);
    await expect.poll(() => store.exceptions().observations[0]?.ended?.by, WAIT).toBe('rowgate');
    expect(recorded).toEqual([['observe', 'over']]);
    expect(told).toEqual([
      'role "canteen" is held to its policy again: the time in which it was only observed is over',
    ]);
    now = BEGIN + MINUTE;
    expect([...one.observed(policy)]).toEqual([]);
  } finally {
    one.stop();
    other.stop();
    await store.close();
  }
});

it('nothing holds that was signed by another key, for another store, or of a role that is gone', async () => {
  const store = await open();
  const observations = follow(store);
  try {
    const good = await signed(store, 60 * MINUTE);
    const others: Observation[] = [
      { ...(await signed(store, 60 * MINUTE, newSigner('jean'))), id: '2' },
      { ...good, id: '3' },
      { ...good, role: 'teacher' },
      { ...good, until: good.until + 1 },
      { ...good, state: 'another' },
      { ...good, requestedBy: 'jean' },
    ];
    for (const observation of others) {
      await store.change({ kind: 'observation', observation });
      expect([...observations.observed(policy)]).toEqual([]);
    }
    await store.change({ kind: 'observation', observation: good });
    await expect.poll(() => [...observations.observed(policy)], WAIT).toEqual(['canteen']);
    expect([...observations.observed({ ...policy, approvers: new Map() })]).toEqual([]);
    const twice = { ...policy.roles.get('canteen')!, raise: { approvals: 2 } };
    expect([...observations.observed({ ...policy, roles: new Map([['canteen', twice]]) })]).toEqual([]);
  } finally {
    observations.stop();
    await store.close();
  }
});

it('an ended observation stays ended, also when another guard still has it as running', async () => {
  const observation = { ...(await signed(await storeOnce(), MINUTE)), begunAt: BEGIN };
  const ended = { ...observation, ended: { by: 'ines', at: BEGIN } };
  const one = changeExceptions(NO_EXCEPTIONS, { kind: 'observation', observation: ended }, now);
  const other = changeExceptions(NO_EXCEPTIONS, { kind: 'observation', observation }, now);
  for (const merged of [mergedExceptions(one, other, now), mergedExceptions(other, one, now)])
    expect(merged.observations).toEqual([ended]);
});

async function storeOnce(): Promise<BudgetStore> {
  const store = await open();
  await store.close();
  return store;
}
