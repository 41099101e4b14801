/** Tests an export beyond the limits with the command: asked for by one person, signed by two others with their SSH keys, used, and ended. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { describeWith, isRoot, ROOT, testWith, tool } from '../support/tools.ts';
import { type Operated, operate, VENDOR } from './served.ts';

const keygen = tool('ssh-keygen');
/** Root acts in the name of another user, any other user in their own. */
const sudoUser = isRoot ? 'ines' : undefined;
const asker = sudoUser ?? userInfo().username;
const TOO_MUCH = 'SELECT id FROM students LIMIT 30';

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly used: number;
  readonly approvedBy: readonly string[];
  readonly text: string;
}

describeWith(keygen)('a permit', () => {
  let database: FreshDatabase;
  let guard: Operated;
  let id: string;

  const key = (name: string) => join(guard.folder, `key-${name}`);
  const request = (table: string, behalf?: string) => {
    const given = {
      principal: 'vendor',
      tables: [table],
      rows: 50,
      forMs: 3_600_000,
      reason: 'the yearly count',
    };
    return guard.ask('permit.request', given, behalf);
  };
  const refused = (message: string) => ({ ok: false, error: { message: expect.stringContaining(message) } });
  const reload = () => guard.ask('reload');
  const shown = async () => (await guard.done<{ permits: Shown[] }>('permit.list')).permits;
  const sign = (name: string, text: string) => {
    const words = ['-q', '-Y', 'sign', '-n', 'rowgate-permit', '-f', key(name)];
    return execFileSync(keygen.path ?? '', words, { input: text, encoding: 'utf8' });
  };
  const approve = async (name: string, text?: string) => {
    const signature = sign(name, text ?? (await shown())[0]?.text ?? '');
    return guard.ask('permit.approve', { id, signature });
  };

  function approvers(...names: string[]): string {
    const entry = (name: string) => `  ${name}: { key: "${readFileSync(`${key(name)}.pub`, 'utf8').trim()}" }\n`;
    return `approvers:\n${names.map(entry).join('')}`;
  }

  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
    guard = await operate(database, '');
    for (const name of [asker, 'jean', 'zoe', 'stranger']) {
      const type = name === 'jean' ? 'ecdsa' : 'ed25519';
      execFileSync(keygen.path ?? '', ['-q', '-t', type, '-N', '', '-f', key(name)]);
    }
    await guard.policy(
      'roles/vendor.yaml',
      VENDOR.replace('rows: [2000 per hour, 9000 per day warn]', 'rows: 10 per hour'),
    );
    await guard.policy('approvers.yaml', approvers(asker, 'jean', 'zoe'));
    expect(await reload()).toMatchObject({ ok: true });
  });

  afterAll(async () => {
    await guard?.stop();
    await database?.drop();
  });

  testWith(ROOT)('cannot be asked for by root, which names no person', async () => {
    expect(await request('students')).toMatchObject(refused('asked for by a person'));
    expect(await request('students', 'root')).toMatchObject(refused('root may be any of them'));
  });

  it('grants no table that the role does not read', async () => {
    expect(await request('parents', sudoUser)).toMatchObject(refused('may not read a table "parents"'));
  });

  it('does nothing before two have signed it', async () => {
    const words = ['--table', 'students', '--rows', '50', '--for', '1h', '--reason', 'the yearly count', '--json'];
    const asked = JSON.parse((await guard.rowgate(['permit', 'request', 'vendor', ...words], sudoUser)).stdout);
    expect(asked).toMatchObject({ needed: 2, permit: { state: 'requested', approvedBy: [] } });
    const { text } = asked.permit as Shown;
    ({ id } = asked.permit as Shown);
    expect(text).toContain('tables: ["public.students"]\nrows: 50\n');
    const client = await guard.connect('vendor');
    await expect(client.query(TOO_MUCH)).rejects.toMatchObject({ code: '53400' });

    expect(await approve(asker)).toMatchObject(refused('asked for this permit'));
    expect(await approve('stranger')).toMatchObject(refused('no signature of an approver'));
    const said = await guard.rowgate(['permit', 'approve', id, '--key', key('jean')]);
    expect(said).toMatchObject({ code: 0, stdout: expect.stringContaining('1 more must approve') });
    // The signer is shown the text that is signed.
    expect(said.stderr).toContain(text);
    expect(await approve('jean')).toMatchObject(refused('approved this permit already'));
    expect(await shown()).toMatchObject([{ state: 'requested', approvedBy: ['jean'] }]);
    await expect(client.query(TOO_MUCH)).rejects.toMatchObject({ code: '53400' });
  });

  it('is signed elsewhere as well; then it lets so many rows through and no more', async () => {
    const [{ text }] = (await shown()) as [Shown];
    expect(await approve('zoe', text.replace('rows: 50', 'rows: 5'))).toMatchObject(
      refused('no signature of an approver'),
    );
    const file = join(guard.folder, 'signature');
    writeFileSync(file, sign('zoe', (await guard.rowgate(['permit', 'text', id])).stdout));
    const said = await guard.rowgate(['permit', 'approve', id, '--signature', file]);
    expect(said).toMatchObject({ code: 0, stdout: expect.stringContaining('it is in force') });

    const client = await guard.connect('vendor');
    expect((await client.query(TOO_MUCH)).rowCount).toBe(30);
    // A question that it pays is recorded as one about students.
    expect((await client.query("SELECT DISTINCT first_name FROM students WHERE first_name = 'nobody'")).rowCount).toBe(
      0,
    );
    const told = async () => (await guard.recorded('outcome')).map(({ subjects }) => subjects).filter(Boolean);
    await expect.poll(async () => (await told()).at(-1)).toMatchObject({ student: { people: 0, questions: 1 } });
    await expect(client.query('SELECT id FROM classes LIMIT 30')).rejects.toMatchObject({ code: '53400' });
    const many = Array.from({ length: 40 }, (_, i) => i + 1).join();
    await expect(client.query(`SELECT first_name FROM students WHERE id IN (${many})`)).rejects.toMatchObject({
      code: '53400',
      message: `statement needs more than permit "${id}" has left: 19 of 50 rows`,
    });
    await expect(client.query(TOO_MUCH)).rejects.toMatchObject({ code: '53400' });
  });

  it('counts no longer when one of the two may not approve any more, and again when they may', async () => {
    await guard.policy('approvers.yaml', approvers(asker, 'jean'));
    await reload();
    expect(await shown()).toMatchObject([{ state: 'requested', approvedBy: ['jean'] }]);
    await guard.policy('approvers.yaml', approvers(asker, 'jean', 'zoe'));
    await reload();
    expect(await shown()).toMatchObject([{ state: 'in force', approvedBy: ['jean', 'zoe'] }]);
  });

  it('ends when it is revoked; each step is recorded with its user', async () => {
    await guard.done('permit.revoke', { id, reason: 'done' });
    expect(await shown()).toMatchObject([{ state: 'revoked' }]);
    expect(await approve('zoe')).toMatchObject(refused('revoked'));
    const steps = (await guard.recorded('permit')).filter(({ status }) => status !== 'spent');
    expect(
      steps.map(({ status, by, permit }) => [status, by, (permit as { approved_by: string[] }).approved_by]),
    ).toEqual([
      ['requested', isRoot ? 'ines (as root)' : asker, []],
      ['approved', userInfo().username, ['jean']],
      ['approved', userInfo().username, ['jean', 'zoe']],
      ['revoked', userInfo().username, ['jean', 'zoe']],
    ]);
  });

  it('one person who is an approver twice signs once, and each mistake has its place', async () => {
    const twice = `${approvers('jean')}  other: { key: "${readFileSync(`${key('jean')}.pub`, 'utf8').trim()}" }\n  bad: { key: ssh-dss AAAA }\n`;
    await guard.policy('approvers.yaml', twice);
    const { code, stdout } = await guard.rowgate(['reload']);
    expect(code).toBe(1);
    expect(stdout).toContain('approvers.yaml:3:3: error: approver "other" is "jean" once more: same key or same user');
    expect(stdout).toContain('approvers.yaml:4:15: error: expected an SSH public key');
  });
});
