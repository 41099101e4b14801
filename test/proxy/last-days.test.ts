/** Tests the warnings before `valid_until`: once a day by all guards together, in the log, as an alarm, and by `rowgate check`. */
import pino from 'pino';
import { expect, it } from 'vitest';
import { memoryStore } from '../../src/budget/store/memory.ts';
import { policyWarnings } from '../../src/cli/policy-warnings.ts';
import type { Alarm } from '../../src/core/alarm-sink.ts';
import type { Policy } from '../../src/policy/model/policy.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { LastDays } from '../../src/server/last-days.ts';

const timeZone = 'Europe/Paris';
/** Noon there. */
const NOON = Date.UTC(2026, 6, 2, 10);
const DAY = 86_400_000;
/** The last millisecond of a day there, in summer. */
const endOf = (day: number) => Date.UTC(2026, 6, day, 22) - 1;

function policyWith(...until: readonly (readonly [string, number | undefined])[]): Policy {
  const principals = until.map(([name, validUntil], at) => {
    const rule = `principals.yaml:${at + 2}`;
    return [name, { name, rule, verifiers: [], ...(validUntil !== undefined && { validUntil }) }] as const;
  });
  return { roles: new Map(), principals: new Map(principals) } as unknown as Policy;
}

const POLICY = policyWith(
  ['college_12', endOf(31)],
  ['vendor', endOf(3)],
  ['today', endOf(2)],
  ['over', endOf(1)],
  ['later', endOf(33)],
  ['always', undefined],
);

it('rowgate check names those with 30 days left, and those with none, by their lines', () => {
  expect(policyWarnings(POLICY, { timeZone }, NOON).map(formatDiagnostic)).toEqual([
    'principals.yaml:4:1: warning: principal "today" may log in until 2026-07-02, today',
    'principals.yaml:3:1: warning: principal "vendor" may log in until 2026-07-03, 1 day from now',
    'principals.yaml:2:1: warning: principal "college_12" may log in until 2026-07-31, 29 days from now',
    'principals.yaml:5:1: warning: principal "over" cannot log in any more: its "valid_until" is over',
  ]);
});

function guardsOver(policy: Policy) {
  let now = NOON;
  const store = memoryStore({ timeZone, now: () => now });
  const records: Record<string, unknown>[] = [];
  const alarms: Alarm[] = [];
  const guard = (): LastDays =>
    new LastDays({
      store,
      records: { append: (kind: string, fields: object) => records.push({ kind, ...fields }) > 0 },
      alarms: { raise: (alarm) => void alarms.push(alarm) },
      log: pino({ level: 'silent' }),
      timeZone,
      policy: () => policy,
      clock: () => now,
    });
  return {
    records,
    alarms,
    store,
    guards: [guard(), guard()],
    at: (time: number) => {
      now = time;
    },
  };
}

it('two guards over one store say it once a day', async () => {
  const world = guardsOver(POLICY);
  for (let times = 0; times < 3; times++) for (const guard of world.guards) await guard.look();
  expect(world.alarms).toEqual([
    {
      kind: 'expiry',
      text: 'principals that soon cannot log in any more: "today" until 2026-07-02, today, "vendor" until 2026-07-03, 1 day from now, "college_12" until 2026-07-31, 29 days from now',
    },
  ]);
  expect(world.records.map(({ kind, principal, until }) => [kind, principal, until])).toEqual([
    ['warning', 'today', '2026-07-02T21:59:59.999Z'],
    ['warning', 'vendor', '2026-07-03T21:59:59.999Z'],
    ['warning', 'college_12', '2026-07-31T21:59:59.999Z'],
  ]);
  world.at(NOON + 11 * 3_600_000);
  for (const guard of world.guards) await guard.look();
  expect(world.alarms).toHaveLength(1);
  // Midnight in Paris.
  world.at(NOON + 12.5 * 3_600_000);
  for (const guard of world.guards) await guard.look();
  expect(world.alarms).toHaveLength(2);
  await world.store.close();
});

it('many principals are counted; without any, there is no warning', async () => {
  const many = Array.from({ length: 14 }, (_, at) => [`p${at}`, NOON + DAY] as const);
  const world = guardsOver(policyWith(...many));
  await world.guards[0]?.look();
  expect(world.alarms[0]?.text).toMatch(/ and 4 more$/);
  expect(world.records).toHaveLength(14);
  const none = guardsOver(policyWith(['always', undefined], ['over', NOON - 1]));
  await none.guards[0]?.look();
  expect(none.alarms).toEqual([]);
  await world.store.close();
  await none.store.close();
});

it('a warning that failed is repeated later', async () => {
  const world = guardsOver(POLICY);
  const take = world.store.take.bind(world.store);
  world.store.take = () => Promise.reject(new Error('the store is gone'));
  await world.guards[0]?.look();
  expect(world.alarms).toEqual([]);
  world.store.take = take;
  await world.guards[0]?.look();
  expect(world.alarms).toHaveLength(1);
  await world.store.close();
});
