/** Tests a raise of a limit of a role that requires signatures: asked for, signed, in force over all sessions; forged, replayed and unsigned raises are not. */
import { userInfo } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { newSigner } from '../support/ssh-signer.ts';
import { isRoot, ROOT, testWith } from '../support/tools.ts';
import { type Operated, operate, VENDOR } from './served.ts';

/** Root acts in the name of another user, any other user in their own. */
const sudoUser = isRoot ? 'ines' : undefined;
const asker = sudoUser ?? userInfo().username;
const [jean, zoe, own] = ['jean', 'zoe', asker].map(newSigner) as [Signer, Signer, Signer];
type Signer = ReturnType<typeof newSigner>;
const NAMESPACE = 'rowgate-raise';

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly needed: number;
  readonly text: string;
}

let database: FreshDatabase;
let guard: Operated;

const role = (approvals: number | undefined) =>
  guard.policy(
    'roles/vendor.yaml',
    VENDOR.replace('rows: [2000 per hour, 9000 per day warn]', 'rows: 10 per hour') +
      (approvals === undefined ? '' : `raise: { approvals: ${approvals} }\n`),
  );
const approvers = (...signers: Signer[]) =>
  guard.policy(
    'approvers.yaml',
    `approvers:\n${signers.map(({ name, line }) => `  ${name}: { key: "${line}" }\n`).join('')}`,
  );
const reload = async () => expect(await guard.ask('reload')).toMatchObject({ ok: true });
const raise = async (limit: string): Promise<Shown> => {
  const given = { principal: 'vendor', limit, forMs: 600_000, reason: 'report cards' };
  const reply = await guard.ask('limits.raise', given, sudoUser);
  if (!reply.ok) throw new Error(reply.error.message);
  return (reply.result as { raise: Shown }).raise;
};
const approve = (id: string, text: string, { sign }: Signer, namespace = NAMESPACE) =>
  guard.ask('limits.approve', { id, signature: sign(text, namespace) });
const shown = async (id: string) =>
  (await guard.done<{ raises: Shown[] }>('limits.raises')).raises.find((one) => one.id === id);
const most = async () => {
  const { limits } = await guard.done<{ limits: { name: string; of: number }[] }>('limits.show', {
    principal: 'vendor',
  });
  return limits.find(({ name }) => name.startsWith('rows'))?.of;
};
const refused = (message: string) => ({ ok: false, error: { message: expect.stringContaining(message) } });

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await operate(database, '');
  await approvers(jean, zoe, own);
  await role(1);
  await reload();
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

it('gives nothing before it is signed, and then what was signed', async () => {
  const client = await guard.connect('vendor');
  const asked = await raise('25 rows per hour');
  expect(asked).toMatchObject({ state: 'requested', needed: 1 });
  expect(asked.text).toContain('owner: "principal:vendor"\nmeasure: "rows"\nwindow: "1 hour"\namount: 25\n');
  expect(await most()).toBe(10);
  expect(await approve(asked.id, asked.text, own)).toMatchObject(refused('cannot approve it'));
  expect(await approve(asked.id, asked.text, newSigner('jean'))).toMatchObject(refused('no signature of an approver'));
  expect(await approve(asked.id, asked.text.replace('25', '9999'), jean)).toMatchObject(refused('no signature'));
  expect(await approve(asked.id, asked.text, jean, 'rowgate-permit')).toMatchObject(refused('no signature'));
  await expect(client.query('SELECT id FROM students LIMIT 20')).rejects.toMatchObject({ code: '53400' });
  expect(await approve(asked.id, asked.text, jean)).toMatchObject({ ok: true });
  expect(await most()).toBe(25);
  expect((await client.query('SELECT id FROM students LIMIT 14')).rowCount).toBe(14);
  expect(await approve(asked.id, asked.text, zoe)).toMatchObject(refused('the raise is in force'));
  // A signature over one raise does not count for the next.
  const next = await raise('5000 rows per hour');
  expect(await approve(next.id, asked.text, jean)).toMatchObject(refused('no signature'));
  expect(await most()).toBe(25);
});

it('an unsigned request does not end a smaller raise that holds', async () => {
  await raise('6000 rows per hour');
  expect(await most()).toBe(25);
});

it('more signatures, a signer who has gone, and a role without the rule', async () => {
  const asked = await raise('40 rows per hour');
  expect(await approve(asked.id, asked.text, jean)).toMatchObject({ ok: true });
  await role(2);
  await reload();
  expect(await most()).toBe(10);
  expect(await shown(asked.id)).toMatchObject({ state: 'requested', needed: 1 });
  expect(await approve(asked.id, asked.text, zoe)).toMatchObject({ ok: true });
  expect(await most()).toBe(40);
  await approvers(jean, own);
  await reload();
  expect(await most()).toBe(10);
  await expect(raise('45 rows per hour')).rejects.toThrow('2 must sign it, and there is 1 who may');
  // The rule goes: what was to be signed still needs a signature, and new ones need none.
  await role(undefined);
  await reload();
  const waiting = await guard.done<{ raises: Shown[] }>('limits.raises');
  expect(waiting.raises.filter(({ state }) => state === 'requested').length).toBeGreaterThan(0);
  expect(await most()).toBe(40);
  await guard.done('limits.raise', { principal: 'vendor', limit: '50 rows per hour', forMs: 600_000, reason: 'x' });
  expect(await most()).toBe(50);
  // The rule comes back: unsigned raises end.
  await approvers(jean, zoe, own);
  await role(2);
  await reload();
  expect(await most()).toBe(40);
});

it('is refused before it is signed, and taken back from those who work with it', async () => {
  const client = await guard.connect('vendor');
  const asked = await raise('60 rows per hour');
  const revoke = (id: string) => guard.ask('limits.revoke', { id, reason: 'not this week' }, sudoUser);
  expect(await revoke(asked.id)).toMatchObject({ ok: true, result: { raise: { state: 'revoked' } } });
  for (const signer of [jean, zoe])
    expect(await approve(asked.id, asked.text, signer)).toMatchObject(refused('the raise is revoked'));
  expect(await revoke(asked.id)).toMatchObject(refused('was revoked already'));
  expect(await revoke('none')).toMatchObject(refused('there is no raise'));
  const signed = await raise('70 rows per hour');
  for (const signer of [jean, zoe]) expect(await approve(signed.id, signed.text, signer)).toMatchObject({ ok: true });
  expect(await most()).toBe(70);
  expect((await client.query('SELECT id FROM students LIMIT 45')).rowCount).toBe(45);
  const said = await guard.rowgate(['limits', 'revoke', signed.id, '--reason', 'it was too much'], sudoUser);
  expect(said.stdout).toBe(`raise ${signed.id} is revoked\n`);
  expect(await most()).toBe(40);
  await expect(client.query('SELECT id FROM students LIMIT 1')).rejects.toMatchObject({ code: '53400' });
  const records = (await guard.recorded('raise')).filter(({ status }) => status === 'revoked');
  expect(records).toMatchObject([
    { principal: 'vendor', reason: 'not this week', raise: { id: asked.id, approved_by: [] } },
    {
      principal: 'vendor',
      reason: 'it was too much',
      raise: { id: signed.id, approved_by: [{ name: 'jean' }, { name: 'zoe' }] },
    },
  ]);
});

testWith(ROOT)('cannot be asked for by root, which names no person', async () => {
  const given = { principal: 'vendor', limit: '90 rows per hour', forMs: 600_000, reason: 'x' };
  expect(await guard.ask('limits.raise', given)).toMatchObject(refused('asked for by a person'));
});

it('each step is recorded, with the keys that signed; the command says how far it is', async () => {
  const steps = (await guard.recorded('raise')).filter(({ raise }) => raise !== undefined);
  expect(steps.slice(0, 2)).toMatchObject([
    {
      principal: 'vendor',
      status: 'requested',
      limit: { name: 'rows 10 per hour', of: 25 },
      raise: { approved_by: [] },
    },
    {
      status: 'in-force',
      reason: 'report cards',
      raise: {
        requested_by: isRoot ? 'ines (as root)' : asker,
        approved_by: [{ name: 'jean', key: expect.stringMatching(/^SHA256:/) }],
      },
    },
  ]);
  const words = ['limits', 'raise', 'vendor', '95 rows per hour', '--for', '1h', '--reason', 'x'];
  const said = await guard.rowgate(words, sudoUser);
  expect(said.stdout).toMatch(/amount: 95\n[\s\S]*2 approvers sign it: rowgate limits approve 01/);
  const list = await guard.rowgate(['limits', 'raises']);
  expect(list.stdout).toMatch(/requested +vendor +rows 95 per hour/);
  expect(list.stdout).toMatch(/in force +vendor +rows 40 per hour +.*jean, zoe/);
});
