/** Tests a role that is observed for a time: asked for by one person, signed by another, in force in all workers, and ended by itself. */
import { userInfo } from 'node:os';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifierOf } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { newSigner } from '../support/ssh-signer.ts';
import { isRoot, ROOT, testWith } from '../support/tools.ts';
import { type Operated, operate } from './served.ts';

/** Root acts in the name of another user, any other user in their own. */
const sudoUser = isRoot ? 'ines' : undefined;
const asker = sudoUser ?? userInfo().username;
type Signer = ReturnType<typeof newSigner>;
const [jean, zoe, own] = ['jean', 'zoe', asker].map(newSigner) as [Signer, Signer, Signer];
const NAMESPACE = 'rowgate-observe';
/** Longer than a busy machine needs to sign, unless it is about the time itself. */
const HOUR = 3_600_000;
const WAIT = { timeout: 60_000, interval: 50 };

interface Shown {
  readonly id: string;
  readonly role: string;
  readonly state: string;
  readonly needed: number;
  readonly text: string;
}

let database: FreshDatabase;
let guard: Operated;

const approvers = (...signers: Signer[]) =>
  guard.policy(
    'approvers.yaml',
    `approvers:\n${signers.map(({ name, line }) => `  ${name}: { key: "${line}" }\n`).join('')}`,
  );
const reload = async () => expect(await guard.ask('reload')).toMatchObject({ ok: true });
const ask = (role = 'vendor', forMs = HOUR) =>
  guard.ask('observe.ask', { role, forMs, reason: 'the new release fails' }, sudoUser);
const asked = async (forMs?: number): Promise<Shown> => {
  const reply = await ask('vendor', forMs);
  if (!reply.ok) throw new Error(reply.error.message);
  return (reply.result as { observation: Shown }).observation;
};
const approve = ({ id, text }: Shown, { sign }: Signer, namespace = NAMESPACE) =>
  guard.ask('observe.approve', { id, signature: sign(text, namespace) });
const shown = async ({ id }: Shown) =>
  (await guard.done<{ observations: Shown[] }>('observe.list')).observations.find((one) => one.id === id);
const end = ({ id }: Shown) => guard.done('observe.end', { id });
const refused = (message: string) => ({ ok: false, error: { message: expect.stringContaining(message) } });

const WITHHELD = 'SELECT address FROM students WHERE id = 1';
/** Whether the policy would refuse it, and it runs. */
const runs = (client: pg.Client, sql = WITHHELD): Promise<boolean> =>
  client.query(sql).then(
    () => true,
    ({ code }: { code?: string }) => {
      if (code !== '42501') throw new Error(`another error: ${code}`);
      return false;
    },
  );
/** By a session of its own each time: any of the workers has it. */
async function each(principal: string, expected: boolean): Promise<void> {
  for (let n = 0; n < 4; n++)
    await expect
      .poll(async () => {
        const client = await guard.connect(principal);
        const found = await runs(client);
        await client.end();
        return found;
      }, WAIT)
      .toBe(expected);
}
const endOf = (client: pg.Client): Promise<string> =>
  new Promise((done) => {
    client.on('error', (error: Error) => done(error.message));
  });

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  guard = await operate(database, 'workers: 2');
  const [vendor, first] = [await verifierOf('demo-vendor'), await verifierOf('demo-first')];
  await guard.policy(
    'principals.yaml',
    `principals:\n  vendor: { role: vendor, password: "${vendor}" }\n  first: { role: vendor, password: "${first}", mode: enforce }\n`,
  );
  await guard.policy('roles/watched.yaml', 'role: watched\nmode: observe\nlimits: none\n');
  await guard.policy('roles/dba.yaml', 'role: dba\naccess: unrestricted\nlimits: none\n');
  await approvers(jean, zoe, own);
  await reload();
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

it('is asked for by a person, of a role that is held to its policy; a wrong name is told the nearest', async () => {
  expect(await ask('vendr')).toMatchObject(refused('role "vendr" does not exist, did you mean "vendor"?'));
  expect(await ask('watched')).toMatchObject(refused('is only observed already, by its policy'));
  expect(await ask('dba')).toMatchObject(refused('is unrestricted'));
  expect(await ask('vendor', 32 * 24 * HOUR)).toMatchObject(refused('31 days at most'));
  await approvers(own);
  await reload();
  expect(await ask()).toMatchObject(refused('1 must sign it, and there are 0 who may'));
  await approvers(jean, zoe, own);
  await reload();
});

testWith(ROOT)('cannot be asked for by root, which names no person', async () => {
  const given = { role: 'vendor', forMs: HOUR, reason: 'x' };
  expect(await guard.ask('observe.ask', given)).toMatchObject(refused('asked for by a person'));
});

it('refuses nothing from the signature of another on, in sessions that are open and new ones; its end closes them', async () => {
  const before = await guard.connect('vendor');
  expect(await runs(before)).toBe(false);
  const request = await asked();
  expect(request).toMatchObject({ state: 'requested', needed: 1 });
  expect(await approve(request, own)).toMatchObject(refused('cannot approve it'));
  expect(await approve(request, newSigner('jean'))).toMatchObject(refused('no signature of an approver'));
  expect(await approve({ ...request, text: request.text.replace('vendor', 'dba') }, jean)).toMatchObject(
    refused('no sig'),
  );
  expect(await approve(request, jean, 'rowgate-raise')).toMatchObject(refused('no signature'));
  await each('vendor', false);
  expect(await approve(request, jean)).toMatchObject({ ok: true });
  await each('vendor', true);
  await expect.poll(() => runs(before), WAIT).toBe(true);
  // A statement that would have been refused is recorded, and a principal that is to be enforced stays so.
  const decisions = await guard.recorded('decision');
  expect(decisions.at(-1)).toMatchObject({
    principal: 'vendor',
    effect: 'allow',
    would: 'refuse',
    reason: 'column-withheld',
  });
  await each('first', false);
  expect(await approve(request, zoe)).toMatchObject(refused('the observation is in force'));
  // Pinned settings that it has changed meanwhile serve no session that is held to the policy.
  await before.query("SET search_path TO ''");
  const ended = endOf(before);
  await end(request);
  expect(await ended).toContain('its role is restricted now');
  await each('vendor', false);
  expect(await shown(request)).toMatchObject({ state: 'ended' });
  expect(await approve(request, zoe)).toMatchObject(refused('the observation is ended'));
});

it('ends by itself, is told once by all workers, and does not begin again', async () => {
  let request = await asked(4_000);
  // On a machine that took longer to sign it than it was to last: the same with more time.
  for (let forMs = 8_000; ; forMs *= 2) {
    await approve(request, jean);
    const client = await guard.connect('vendor');
    const ended = endOf(client);
    const ran = await runs(client);
    if (ran) {
      expect(await ended).toContain('its role is restricted now');
      break;
    }
    expect((await shown(request))?.state).toBe('over');
    request = await asked(forMs);
  }
  await each('vendor', false);
  expect(await shown(request)).toMatchObject({ state: 'over' });
  const steps = async () =>
    (await guard.recorded('observe'))
      .filter(({ observe }) => (observe as { id: string }).id === request.id)
      .map(({ status, by }) => `${status} by ${by}`);
  const by = isRoot ? 'ines (as root)' : asker;
  const own = isRoot ? 'root' : asker;
  await expect.poll(steps, WAIT).toEqual([`requested by ${by}`, `in-force by ${own}`, 'over by rowgate']);
});

it('needs as many signatures as the role asks for larger limits, of present approvers', async () => {
  const { text: role } = await vendorFile();
  await guard.policy('roles/vendor.yaml', `${role}raise: { approvals: 2 }\n`);
  await reload();
  const request = await asked();
  expect(request.needed).toBe(2);
  expect(await approve(request, jean)).toMatchObject({ ok: true });
  expect(await shown(request)).toMatchObject({ state: 'requested', needed: 1 });
  await each('vendor', false);
  expect(await approve(request, zoe)).toMatchObject({ ok: true });
  await each('vendor', true);
  const client = await guard.connect('vendor');
  const ended = endOf(client);
  await guard.policy('roles/vendor.yaml', `${role}raise: { approvals: 3 }\n`);
  await reload();
  expect(await ended).toContain('its role is restricted now');
  await each('vendor', false);
  await guard.policy('roles/vendor.yaml', role);
  await reload();
  await end(request);
});

async function vendorFile(): Promise<{ text: string }> {
  const { readFile } = await import('node:fs/promises');
  return { text: await readFile(`${guard.folder}/policies/roles/vendor.yaml`, 'utf8') };
}

it('can be asked for again at once, where another has just ended', async () => {
  for (let n = 0; n < 5; n++) {
    const request = await asked();
    expect(await approve(request, jean)).toMatchObject({ ok: true });
    await each('vendor', true);
    await end(request);
    await end(await asked());
  }
});

it('by the command: words, JSON, exit codes', async () => {
  const said = await guard.rowgate(['observe', 'vendor', '--for', '30m', '--reason', 'a try'], sudoUser);
  expect(said).toMatchObject({ code: 0, stderr: '' });
  expect(said.stdout).toMatch(/role: "vendor"\n[\s\S]*1 approver signs it: rowgate observe approve 01/);
  const [, id = ''] = /approve (\S+)\n/.exec(said.stdout)!;
  const list = await guard.rowgate(['observe', 'list']);
  expect(list.stdout).toMatch(/requested +vendor .*a try/);
  expect((await guard.rowgate(['observe', 'text', id])).stdout).toBe(
    said.stdout.slice(0, said.stdout.indexOf('\n1 appr')),
  );
  expect(JSON.parse((await guard.rowgate(['observe', 'end', id, '--json'])).stdout)).toMatchObject({
    observation: { id, state: 'ended' },
  });
  expect(await guard.rowgate(['observe', 'end', id])).toMatchObject({ code: 1 });
  expect(await guard.rowgate(['observe', 'vendor', '--for', 'ever', '--reason', 'x'], sudoUser)).toMatchObject({
    code: 2,
  });
  expect(await guard.rowgate(['observe', 'vendor', '--for', '1h'])).toMatchObject({ code: 2 });
});
