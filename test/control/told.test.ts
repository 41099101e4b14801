/** Tests that each command which lets more data leave raises an alarm, besides its record. */
import { expect, it } from 'vitest';
import { memoryStore } from '../../src/budget/store/memory.ts';
import type { CommandContext, ControlCommand } from '../../src/operations/control/command.ts';
import { Commands } from '../../src/operations/control/commands.ts';
import { newSigner } from '../support/ssh-signer.ts';

it('a raise is an alarm, where it was done', async () => {
  const alarms: unknown[] = [];
  const window = { count: 1, unit: 'hour' };
  const role = { name: 'app', mode: 'enforce', rule: 'roles/app.yaml:1', limits: { rows: [{ amount: 10, window }] } };
  const principal = { name: 'vendor', role: 'app', rule: 'principals.yaml:2', limits: {} };
  const store = memoryStore({ timeZone: 'Europe/Paris', now: Date.now });
  let recorded = true;
  const guard = {
    store,
    policy: () => ({ principals: new Map([['vendor', principal]]), roles: new Map([['app', role]]) }),
    records: { append: () => recorded },
    alarms: { raise: (alarm: unknown) => void alarms.push(alarm) },
    timeZone: 'Europe/Paris',
    now: Date.now,
    newId: () => 'r1',
  } as unknown as CommandContext;
  const given: Parameters<ControlCommand['run']>[0] = {
    principal: 'vendor',
    limit: '500 rows per hour',
    forMs: 60_000,
    reason: 'cards',
  };
  const raise = () => new Commands(guard).run({ command: 'limits.raise', arguments: given }, 'ines');
  recorded = false;
  expect(await raise()).toMatchObject({ ok: false });
  expect(alarms).toEqual([]);
  recorded = true;
  expect(await raise()).toMatchObject({ ok: true });
  expect(alarms).toMatchObject([
    {
      kind: 'raise',
      principal: 'vendor',
      text: expect.stringMatching(/^principal "vendor" may take more until .+: 500, and not rows 10 per hour$/),
      reason: 'cards',
      by: 'ines',
    },
  ]);
  await store.close();
});

it('of break-glass the question, the opening and the closing are alarms; the signatures between are not, nor what could not be recorded', async () => {
  const alarms: { kind: string; text: string }[] = [];
  const signers = ['jean', 'zoe'].map(newSigner);
  const store = memoryStore({ timeZone: 'Europe/Paris', now: Date.now });
  const night = { name: 'night', role: 'dba', breakGlass: { approvals: 2, for: 3_600_000 } };
  let recorded = true;
  const guard = {
    store,
    policy: () => ({
      principals: new Map([['night', night]]),
      roles: new Map([['dba', { name: 'dba' }]]),
      approvers: new Map(signers.map(({ name, key }) => [name, { name, user: name, key }])),
    }),
    records: { append: () => recorded },
    alarms: { raise: (alarm: { kind: string; text: string }) => void alarms.push(alarm) },
    guard: 'g1',
    timeZone: 'Europe/Paris',
    now: Date.now,
    newId: () => 'o1',
  } as unknown as CommandContext;
  const run = (command: string, given: Parameters<ControlCommand['run']>[0]) =>
    new Commands(guard).run({ command, arguments: given }, 'ines');
  const ask = () => run('break-glass.ask', { principal: 'night', forMs: 60_000, reason: 'ticket 4711', usedBy: 'max' });
  recorded = false;
  expect(await ask()).toMatchObject({ ok: false });
  expect(store.exceptions().openings).toEqual([]);
  recorded = true;
  const asked = await ask();
  if (!asked.ok) throw new Error(asked.error.message);
  const { text } = (asked.result as { opening: { text: string } }).opening;
  for (const { sign } of signers)
    expect(await run('break-glass.approve', { id: 'o1', signature: sign(text, 'rowgate-break-glass') })).toMatchObject({
      ok: true,
    });
  expect(await run('break-glass.close', { id: 'o1' })).toMatchObject({ ok: true });
  expect(alarms.map(({ kind, text }) => `${kind}: ${text.replaceAll(/\d{4}-\S+ \S+ Europe\/Paris/g, 'T')}`)).toEqual([
    'break-glass: an opening of principal "night" until T is asked for, to be used by max: 2 must sign it',
    'break-glass: principal "night" is open until T, to be used by max; signed by jean, zoe',
    'break-glass: principal "night" is closed again, before its time',
  ]);
  await store.close();
});
