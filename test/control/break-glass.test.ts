/** Tests break-glass with the command: a closed principal is asked for by one person, signed by two others, used, and closed again. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifierOf } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { describeWith, isRoot, ROOT, testWith, tool } from '../support/tools.ts';
import { type Operated, operate } from './served.ts';

const keygen = tool('ssh-keygen');
/** Root acts in the name of another user, any other user in their own. */
const sudoUser = isRoot ? 'ines' : undefined;
const asker = sudoUser ?? userInfo().username;

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly needed: number;
  readonly approvedBy: readonly string[];
  readonly text: string;
}

describeWith(keygen)('break-glass', () => {
  let database: FreshDatabase;
  let guard: Operated;
  let verifiers: Record<string, string>;

  const key = (name: string) => join(guard.folder, `key-${name}`);
  const refused = (message: string) => ({ ok: false, error: { message: expect.stringContaining(message) } });
  const ask = (principal = 'night', given: Record<string, unknown> = {}) =>
    guard.ask('break-glass.ask', { principal, forMs: 3_600_000, reason: 'ticket 4711', ...given }, sudoUser);
  const asked = async (principal = 'night', given: Record<string, unknown> = {}): Promise<Shown> => {
    const reply = await ask(principal, given);
    if (!reply.ok) throw new Error(reply.error.message);
    return (reply.result as { opening: Shown }).opening;
  };
  const shown = async (id: string) =>
    (await guard.done<{ openings: Shown[] }>('break-glass.list')).openings.find((one) => one.id === id);
  const sign = (name: string, text: string, namespace = 'rowgate-break-glass') => {
    const words = ['-q', '-Y', 'sign', '-n', namespace, '-f', key(name)];
    return execFileSync(keygen.path ?? '', words, { input: text, encoding: 'utf8', stdio: 'pipe' });
  };
  const approve = (id: string, name: string, text: string, namespace?: string) =>
    guard.ask('break-glass.approve', { id, signature: sign(name, text, namespace) });
  const open = async (principal = 'night', given: Record<string, unknown> = {}): Promise<Shown> => {
    const opening = await asked(principal, given);
    for (const name of ['jean', 'zoe'])
      expect(await approve(opening.id, name, opening.text)).toMatchObject({ ok: true });
    return opening;
  };
  const tried = (principal: string): Promise<unknown> =>
    guard.connect(principal).then(
      () => 'open',
      ({ code, message }: { code: string; message: string }) => ({ code, message }),
    );
  const isClosed = async (principal = 'night') =>
    expect(await tried(principal)).toEqual({ code: '28000', message: `principal "${principal}" is closed` });
  const ended = async (principal = 'night') => {
    const client = await guard.connect(principal);
    return new Promise<string>((done) => {
      client.on('error', (error: Error) => done(error.message));
    });
  };
  const steps = async (id: string) =>
    (await guard.recorded('break-glass'))
      .filter((record) => (record.break_glass as { id: string }).id === id)
      .map(({ status }) => status);

  function approvers(...names: string[]): string {
    const entry = (name: string) => `  ${name}: { key: "${readFileSync(`${key(name)}.pub`, 'utf8').trim()}" }\n`;
    return `approvers:\n${names.map(entry).join('')}`;
  }

  const principals = (night = 'role: vendor', breakGlass = 'approvals: 2, for: 4 hours') =>
    guard.policy(
      'principals.yaml',
      [
        'principals:',
        `  vendor: { role: vendor, password: "${verifiers.vendor}" }`,
        `  night: { ${night}, password: "${verifiers.night}", break_glass: { ${breakGlass} } }`,
        `  dba: { role: dba, password: "${verifiers.dba}", break_glass: { approvals: 1, for: 1 h, approvers: [zoe] } }`,
        '',
      ].join('\n'),
    );
  const reload = async () => expect(await guard.ask('reload')).toMatchObject({ ok: true });

  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
    verifiers = Object.fromEntries(
      await Promise.all(['vendor', 'night', 'dba'].map(async (name) => [name, await verifierOf(`demo-${name}`)])),
    );
    guard = await operate(database, '');
    for (const name of [asker, 'jean', 'zoe', 'stranger', 'other'])
      execFileSync(keygen.path ?? '', ['-q', '-t', 'ed25519', '-N', '', '-f', key(name)]);
    await guard.policy('roles/dba.yaml', 'role: dba\naccess: unrestricted\nlimits: none\n');
    await guard.policy('approvers.yaml', approvers(asker, 'jean', 'zoe', 'other'));
    await principals();
    await reload();
  });

  afterAll(async () => {
    await guard?.stop();
    await database?.drop();
  });

  it('a closed principal is told so behind its password alone, and others are not concerned', async () => {
    await isClosed();
    await isClosed('dba');
    const wrong = guard.url('night').replace('demo-night', 'wrong');
    const { default: pg } = await import('pg');
    await expect(new pg.Client(wrong).connect()).rejects.toMatchObject({ code: '28P01' });
    expect((await guard.recorded('login-refused')).map(({ reason }) => reason)).toContain('break-glass');
    await guard.connect('vendor');
  });

  testWith(ROOT)('cannot be asked for by root, which names no person', async () => {
    const given = { principal: 'night', forMs: 1_000, reason: 'x' };
    expect(await guard.ask('break-glass.ask', given)).toMatchObject(refused('asked for by a person'));
  });

  it('is asked for in no more time than the policy gives, and for closed principals alone', async () => {
    expect(await ask('night', { forMs: 5 * 3_600_000 })).toMatchObject(refused('240 minutes at most'));
    expect(await ask('vendor')).toMatchObject(refused('is not closed'));
    expect(await ask('nobody')).toMatchObject(refused('does not exist'));
    // No one could sign it: the only approver of this one would use it.
    expect(await ask('dba', { usedBy: 'zoe' })).toMatchObject(refused('1 must sign it, and there are 0 who may'));
  });

  it('by the command: asked for, signed by two, used, closed, and each step recorded with the keys', async () => {
    const words = ['--for', '2h', '--reason', 'ticket 4711', '--by', 'max', '--json'];
    const said = await guard.rowgate(['break-glass', 'ask', 'night', ...words], sudoUser);
    const { opening } = JSON.parse(said.stdout) as { opening: Shown };
    expect(opening).toMatchObject({ state: 'requested', needed: 2, usedBy: 'max', principal: 'night' });
    const { id, text } = opening;
    for (const line of [
      'owner: "principal:night"',
      'role: "vendor"',
      'used by: "max"',
      'guard: "test"',
      'reason: "ticket 4711"',
    ])
      expect(text).toContain(`${line}\n`);

    const first = await guard.rowgate(['break-glass', 'approve', id, '--key', key('jean')]);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('1 more must sign it') });
    expect(first.stderr).toContain(text);
    await isClosed();
    const file = join(guard.folder, 'signature');
    writeFileSync(file, sign('zoe', (await guard.rowgate(['break-glass', 'text', id])).stdout));
    const second = await guard.rowgate(['break-glass', 'approve', id, '--signature', file]);
    expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining('is open until') });

    const client = await guard.connect('night');
    expect((await client.query('SELECT id FROM students LIMIT 3')).rowCount).toBe(3);
    await guard.connect('night');
    await expect.poll(() => steps(id)).toEqual(['requested', 'approved', 'opened', 'used']);
    const end = new Promise((done) => client.on('error', (error: Error) => done(error.message)));
    expect(await guard.rowgate(['break-glass', 'close', id, '--reason', 'done'])).toMatchObject({ code: 0 });
    expect(await end).toBe('terminating connection because principal "night" is closed again');
    await isClosed();
    expect(await steps(id)).toEqual(['requested', 'approved', 'opened', 'used', 'closed']);
    const [, , opened] = await guard.recorded('break-glass');
    const fingerprint = (name: string) =>
      execFileSync(keygen.path ?? '', ['-l', '-f', `${key(name)}.pub`], { encoding: 'utf8' }).split(' ')[1];
    expect(opened).toMatchObject({
      principal: 'night',
      role: 'vendor',
      reason: 'ticket 4711',
      break_glass: {
        used_by: 'max',
        requested_by: isRoot ? 'ines (as root)' : asker,
        approved_by: [
          { name: 'jean', key: fingerprint('jean') },
          { name: 'zoe', key: fingerprint('zoe') },
        ],
      },
    });
    const list = await guard.rowgate(['break-glass', 'list']);
    expect(list.stdout).toMatch(new RegExp(`${id} +closed +night +max`));
  });

  it('all that was done in it is a report afterwards, and what was done elsewhere is not', async () => {
    const [{ break_glass } = {}] = await guard.recorded('break-glass');
    const { id } = break_glass as { id: string };
    const other = await guard.connect('vendor');
    await other.query('SELECT name FROM classes');
    const report = (...words: string[]) => guard.rowgate(['log', 'report', 'break-glass', ...words]);
    const { opening, done } = JSON.parse((await report('--id', id, '--json')).stdout);
    expect(opening).toMatchObject({ id, principal: 'night', usedBy: 'max', reason: 'ticket 4711' });
    expect(opening.steps.map(({ status }: { status: string }) => status)).toEqual([
      'requested',
      'approved',
      'opened',
      'used',
      'closed',
    ]);
    expect(done.totals).toMatchObject({ statements: 1, rows: 3 });
    expect(done.tables).toMatchObject([{ name: 'public.students', rows: 3 }]);
    expect(done.people).toMatchObject([{ subject: 'student', counted: 3 }]);
    const text = (await report('--id', id)).stdout;
    expect(text).toMatch(/^What night did by break-glass\n/);
    for (const words of ['Who opened it', 'jean (SHA256:', 'Which tables', 'public.students', 'Which columns'])
      expect(text).toContain(words);
    expect((await report('--id', id, '--csv')).stdout).toContain('public.students,');
    expect((await report('--id', id, '--html')).stdout).toContain('<h2 id="s1">Who opened it</h2>');
    const all = await report();
    expect(all).toMatchObject({ code: 0, stdout: expect.stringContaining('1 asked for, 1 opened, 1 statements') });
    expect(all.stdout).toContain(id.slice(0, 8));
    expect(await report('--id', '01KBNONE')).toMatchObject({ code: 1 });
    const french = (await report('--id', id, '--language', 'fr')).stdout;
    expect(french).toMatch(/^Ce que night a fait par ouverture d’urgence\n/);
    for (const words of ['Qui l’a ouverte', 'demandée', 'utilisée', 'ticket 4711']) expect(french).toContain(words);
    for (const words of ['Who opened it', 'Asked for', 'signed by', 'requested']) expect(french).not.toContain(words);
    const overview = (await report('--language', 'fr')).stdout;
    expect(overview).toContain('Ce qui a été fait par ouverture d’urgence');
    expect(overview).toMatch(/ouverte +jusqu’à/);
  });

  it('a closing is for good: neither its signatures nor new ones open it again', async () => {
    const opening = await open();
    await guard.done('break-glass.close', { id: opening.id });
    for (const name of ['jean', 'zoe', 'other'])
      expect(await approve(opening.id, name, opening.text)).toMatchObject(refused('was closed'));
    expect(await guard.ask('break-glass.close', { id: opening.id })).toMatchObject(refused('was closed'));
    await isClosed();
  });

  it('a signature counts for the one opening whose text it signs, and once for each person', async () => {
    const before = await open();
    await guard.done('break-glass.close', { id: before.id });
    const opening = await asked();
    const none = refused('no signature of an approver');
    expect(await approve(opening.id, 'jean', before.text)).toMatchObject(none);
    expect(await approve(opening.id, 'jean', opening.text.replace('"vendor"', '"dba"'))).toMatchObject(none);
    expect(await approve(opening.id, 'jean', opening.text, 'rowgate-permit')).toMatchObject(none);
    expect(await approve(opening.id, 'stranger', opening.text)).toMatchObject(none);
    expect(await approve(opening.id, asker, opening.text)).toMatchObject(refused('cannot approve it'));
    expect(await approve(opening.id, 'jean', opening.text)).toMatchObject({ ok: true });
    expect(await approve(opening.id, 'jean', opening.text)).toMatchObject(refused('approved this opening already'));
    // Two keys of one person are one person.
    await guard.policy(
      'approvers.yaml',
      approvers(asker, 'jean', 'zoe', 'other').replace('zoe: {', 'zoe: { user: jean,'),
    );
    expect(JSON.stringify(await guard.ask('reload'))).toContain('same key or same user');
    await guard.policy('approvers.yaml', approvers(asker, 'jean', 'zoe', 'other'));
    await reload();
    await isClosed();
    await guard.done('break-glass.close', { id: opening.id });
  });

  it('the person who will use it cannot approve it either', async () => {
    const opening = await asked('night', { usedBy: 'jean' });
    expect(await approve(opening.id, 'jean', opening.text)).toMatchObject(refused('cannot approve it'));
  });

  it('counts no longer when an approver has gone, between the two or while it is open', async () => {
    const opening = await asked();
    expect(await approve(opening.id, 'jean', opening.text)).toMatchObject({ ok: true });
    await guard.policy('approvers.yaml', approvers(asker, 'zoe', 'other'));
    await reload();
    expect(await approve(opening.id, 'zoe', opening.text)).toMatchObject({ ok: true });
    expect(await shown(opening.id)).toMatchObject({ state: 'requested', approvedBy: ['zoe'], needed: 1 });
    await isClosed();
    expect(await approve(opening.id, 'other', opening.text)).toMatchObject({ ok: true });
    const end = ended();
    await guard.connect('night');
    await guard.policy('approvers.yaml', approvers(asker, 'jean', 'other'));
    expect(JSON.stringify(await guard.ask('reload'))).toContain('approver \\"zoe\\" does not exist');
    // The signature of an approver who is back counts again; when an approver is removed, the sessions end.
    await guard.policy('approvers.yaml', approvers(asker, 'jean', 'zoe'));
    await reload();
    await guard.connect('night');
    await guard.policy('approvers.yaml', approvers(asker, 'zoe'));
    await reload();
    expect(await end).toBe('terminating connection because principal "night" is closed again');
    await isClosed();
    await guard.done('break-glass.close', { id: opening.id });
    await guard.policy('approvers.yaml', approvers(asker, 'jean', 'zoe', 'other'));
    await reload();
  });

  it('ends by itself, in the middle of a statement too', async () => {
    const opening = await open('night', { forMs: 2_000 });
    const end = ended();
    const busy = (await guard.connect('night')).query(
      'SELECT count(*) FROM students a, students b, students c, students d, students e, students f',
    );
    await expect(busy).rejects.toMatchObject({ code: '57P05' });
    expect(await end).toBe('terminating connection because principal "night" is closed again');
    await isClosed();
    await expect.poll(() => steps(opening.id)).toEqual(['requested', 'approved', 'opened', 'used', 'over']);
    expect(await shown(opening.id)).toMatchObject({ state: 'over' });
    expect(await approve(opening.id, 'other', opening.text)).toMatchObject(refused('over'));
  });

  it('of a principal that changes its role, or gets a shorter time, an opening opens nothing', async () => {
    const opening = await open();
    await guard.connect('night');
    await principals('role: dba');
    await reload();
    await isClosed();
    expect(await shown(opening.id)).toMatchObject({ state: 'void' });
    expect(await approve(opening.id, 'other', opening.text)).toMatchObject(refused('may not be opened like this'));
    await principals('role: vendor', 'approvals: 2, for: 30 minutes');
    await reload();
    await isClosed();
    await principals();
    await reload();
    await guard.connect('night');
    await guard.done('break-glass.close', { id: opening.id });
  });

  it('an unrestricted principal is closed alike; one approver may be enough, and others do not count', async () => {
    const opening = await asked('dba');
    expect(opening.needed).toBe(1);
    expect(await approve(opening.id, 'jean', opening.text)).toMatchObject(refused('no signature of an approver'));
    expect(await approve(opening.id, 'zoe', opening.text)).toMatchObject({ ok: true });
    const client = await guard.connect('dba');
    expect((await client.query('SELECT count(*) FROM students')).rowCount).toBe(1);
    expect(await approve(opening.id, 'zoe', opening.text)).toMatchObject(refused('open by it already'));
    await isClosed();
  });

  it('a principal that is locked out stays so when it is opened', async () => {
    await guard.done('locks.add', { principal: 'night', reason: 'stolen' });
    const opening = await open();
    await expect(guard.connect('night')).rejects.toMatchObject({
      message: expect.stringContaining('locked out: stolen'),
    });
    await guard.done('locks.release', { principal: 'night', reason: 'found' });
    await guard.connect('night');
    await guard.done('break-glass.close', { id: opening.id });
  });
});
