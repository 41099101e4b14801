/** Tests how the user at the control socket is proved: by a folder that only this user can have made; anything else in its place proves nothing. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { askGuard } from '../../src/operations/control/client.ts';
import { type ControlReply, done } from '../../src/operations/control/protocol.ts';
import { openControl, type RunningControl } from '../../src/operations/control/server.ts';
import { condition, describeWith, need, ROOT, tool } from '../support/tools.ts';
import { ASK, proven, speakTo } from './raw-socket.ts';

const log = pino({ level: 'silent' });
const me = userInfo().username;
const setpriv = tool('setpriv');

/** A user that the host does not have, and a group of that user. */
const STRANGER = 54_321;
const GROUP = 54_322;

let folder: string;
let path: string;
let control: RunningControl | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-test-control-'));
  chmodSync(folder, 0o755);
  path = join(folder, 'rowgate.sock');
});

afterEach(async () => {
  await control?.close();
  control = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function open(group?: string): Promise<void> {
  const who = async (_: unknown, by: string) => done({ by });
  control = await openControl({ path, log, timeZone: 'UTC', answer: who, ...(group !== undefined && { group }) });
}

/** The steps of the stranger's own program. Throws where the system does not allow them. */
function asStranger(...command: string[]): void {
  const user = ['--reuid', String(STRANGER), '--regid', String(GROUP), '--clear-groups'];
  execFileSync(setpriv.path ?? '', [...user, ...command], { stdio: 'pipe' });
}

/** Asks after `prove` has put something into the place of the proof. */
async function ask(prove: (proof: string) => void): Promise<ControlReply | undefined> {
  const raw = await speakTo(path);
  prove(raw.proof);
  raw.send(ASK);
  return raw.reply();
}

const UNPROVEN = { ok: false, error: { kind: 'refused', message: 'the request does not prove who asks' } };

it('names the user, and takes the proof away again', async () => {
  await open();
  expect(await askGuard(path, { command: 'who', arguments: {} })).toMatchObject({ result: { by: me } });
  expect(readdirSync(`${path}.d`)).toEqual([]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(`${path}.d`).mode & 0o7777).toBe(0o700);
});

it('closes with its socket and its folder gone', async () => {
  await open();
  await control?.close();
  control = undefined;
  expect(existsSync(path) || existsSync(`${path}.d`)).toBe(false);
});

it('the guard’s own user may act in another name, as root may', async () => {
  await open();
  const reply = await askGuard(path, { command: 'who', arguments: {}, behalf: 'ines' });
  expect(reply).toMatchObject({ result: { by: `ines (as ${me})` } });
});

it.each<[string, (proof: string) => void]>([
  ['nothing', () => {}],
  ['a file', (proof) => writeFileSync(proof, '', { mode: 0o700 })],
  ['a link to a folder of our own', (proof) => symlinkSync(tmpdir(), proof)],
  [
    'a folder in which others may write, and which they could have moved here',
    (proof) => {
      mkdirSync(proof);
      chmodSync(proof, 0o770);
    },
  ],
  [
    'a folder for another challenge',
    (proof) =>
      mkdirSync(
        proof.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
        { mode: 0o700 },
      ),
  ],
])('%s proves nothing', async (_, prove) => {
  await open();
  expect(await ask(prove)).toMatchObject(UNPROVEN);
});

it('a proof counts for its own connection alone, and once', async () => {
  await open();
  const [mine, other] = [await proven(path), await speakTo(path)];
  other.send(ASK);
  expect(await other.reply()).toMatchObject(UNPROVEN);
  mine.send(ASK + ASK);
  expect(await mine.reply()).toMatchObject({ result: { by: me } });
  expect(await mine.reply()).toBeUndefined();
});

it('a folder that another user may have prepared is not accepted', async () => {
  writeFileSync(`${path}.d`, '');
  await expect(open()).rejects.toThrow('belongs to another user');
  rmSync(`${path}.d`);
  symlinkSync(tmpdir(), `${path}.d`);
  await expect(open()).rejects.toThrow('belongs to another user');
  rmSync(`${path}.d`);
  chmodSync(folder, 0o777);
  await expect(open()).rejects.toThrow(`every user may write to ${folder}`);
});

it('a second guard does not take the place of one that answers', async () => {
  await open();
  await expect(openControl({ path, log, timeZone: 'UTC', answer: async () => done({}) })).rejects.toThrow(
    'a process listens',
  );
  expect(await askGuard(path, { command: 'who', arguments: {} })).toMatchObject({ ok: true });
});

describeWith(ROOT, setpriv)('with another user on the host', () => {
  it('a user outside of the group can prove nothing, and not even connect', async () => {
    await open();
    expect(await ask((proof) => expect(() => asStranger('mkdir', '-m', '0700', proof)).toThrow())).toMatchObject(
      UNPROVEN,
    );
    expect(() => asStranger('test', '-w', path)).toThrow();
  });

  it('a member of the group acts in their own name, whatever name they claim', async () => {
    await open(String(GROUP));
    expect(statSync(path).mode & 0o777).toBe(0o660);
    const raw = await speakTo(path);
    asStranger('mkdir', '-m', '0700', raw.proof);
    raw.send(ASK.replace('}}', '}, "behalf": "ines"}').replace('{}}', '{}'));
    expect(await raw.reply()).toMatchObject({ result: { by: `uid ${STRANGER}` } });
  });

  it.each<[string, (proof: string, theirs: string) => void]>([
    ['move a folder of root here', (proof, theirs) => asStranger('mv', '-T', join(theirs, 'folder'), proof)],
    [
      'rename the proof that root has made for itself',
      (proof) => asStranger('mv', '-T', join(`${path}.d`, 'of-root'), proof),
    ],
    [
      'move a file of root here, which the system allows',
      (proof, theirs) => asStranger('mv', join(theirs, 'file'), proof),
    ],
    ['link to a folder of root', (proof, theirs) => asStranger('ln', '-s', join(theirs, 'folder'), proof)],
  ])('a member of the group cannot pass for root: %s', async (_, forge) => {
    await open(String(GROUP));
    // A folder of theirs in which root has left things, and one that root has made as its own proof.
    const theirs = join(folder, 'theirs');
    mkdirSync(theirs);
    mkdirSync(join(theirs, 'folder'), { mode: 0o700 });
    writeFileSync(join(theirs, 'file'), '', { mode: 0o600 });
    chownSync(theirs, STRANGER, GROUP);
    mkdirSync(join(`${path}.d`, 'of-root'), { mode: 0o700 });
    const reply = await ask((proof) => {
      try {
        forge(proof, theirs);
      } catch {
        // the system did not let them
      }
    });
    expect(reply).toMatchObject(UNPROVEN);
  });

  it('another folder in the place of ours proves nothing', async () => {
    chownSync(folder, STRANGER, GROUP);
    await open(String(GROUP));
    const reply = await ask((proof) => {
      asStranger('mv', `${path}.d`, `${path}.old`);
      asStranger('mkdir', `${path}.d`);
      mkdirSync(proof, { mode: 0o700 });
    });
    expect(reply).toMatchObject(UNPROVEN);
  });

  it('a file system mounted over the proof proves no user', async (_test) => {
    await open(String(GROUP));
    const raw = await speakTo(path);
    asStranger('mkdir', '-m', '0700', raw.proof);
    try {
      // As FUSE would do it for them where the host lets them show it to others.
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'uid=0,gid=0,mode=0700', 'tmpfs', raw.proof], { stdio: 'pipe' });
    } catch {
      raw.socket.destroy();
      return need(condition(false, 'mounting'));
    }
    try {
      expect(statSync(raw.proof)).toMatchObject({ uid: 0 });
      raw.send(ASK);
      expect(await raw.reply()).toMatchObject(UNPROVEN);
    } finally {
      execFileSync('umount', [raw.proof]);
      rmSync(raw.proof, { recursive: true, force: true });
    }
  });
});
