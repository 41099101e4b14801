/** Tests that no one approves their own request: a request needs a person's name that can be compared with an approver's. */
import { expect, it } from 'vitest';
import { type Approvers, isParty } from '../../src/metering/approvals.ts';
import type { CommandContext } from '../../src/operations/control/command.ts';
import { Commands } from '../../src/operations/control/commands.ts';

const given = {
  principal: 'vendor',
  tables: ['students'],
  rows: 10,
  forMs: 3_600_000,
  reason: 'statistics',
};
const commands = new Commands({ policy: () => undefined } as CommandContext);
const ask = (by: string, more: object = {}) =>
  commands.run({ command: 'permit.request', arguments: { ...given, ...more } }, by);

it.each(['root', 'root (as root)', 'uid 1001', 'uid 1001 (as root)'])('%s names no person', async (by) => {
  expect(await ask(by)).toMatchObject({ error: { kind: 'refused', message: expect.stringContaining('by a person') } });
});

it('ines is a person, also as root', async () => {
  for (const by of ['ines', 'ines (as root)'])
    expect(await ask(by)).toMatchObject({ error: { message: 'no policy is in force yet' } });
});

it.each([
  ['a line break', 'a\nrows: 9'],
  ['a line separator', 'a\u2028rows: 9'],
  ['text that is turned around', 'a\u202e9'],
  ['a terminal’s own words', 'a\u001b[1A'],
])('neither reason nor table hold %s', async (_, text) => {
  for (const more of [{ reason: `x ${text} y` }, { tables: [text] }])
    expect(await ask('ines', more)).toMatchObject({
      error: { kind: 'call', message: expect.stringContaining('a line of text') },
    });
});

it('an approver who asked is recognised, also where the names differ in case', () => {
  const approvers = new Map([['i.martin', { user: 'ines' }]]) as unknown as Approvers;
  const by = (requestedBy: string) =>
    isParty({ text: '', namespace: '', parties: [requestedBy], approvals: [] }, 'i.martin', approvers);
  expect(['ines', 'Ines', 'INES (as root)', 'I.Martin'].map(by)).toEqual([true, true, true, true]);
  expect(by('jean')).toBe(false);
});

it('no one can fill the memory of the guards with requests', async () => {
  const permits = Array.from({ length: 200 }, () => ({ requestedBy: 'ines (as root)' }));
  const role = { access: 'unrestricted', name: 'dba' };
  const guard = {
    policy: () => ({ principals: new Map([['vendor', { role: 'dba' }]]), roles: new Map([['dba', role]]) }),
    store: { exceptions: () => ({ permits }) },
  } as unknown as CommandContext;
  const asked = { command: 'permit.request', arguments: { ...given, tables: ['public.students'] } };
  const reply = await new Commands(guard).run(asked, 'ines');
  expect(reply).toMatchObject({ error: { message: '"ines" has asked for 200 permits lately' } });
});
