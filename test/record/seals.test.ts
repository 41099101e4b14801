/** Tests seals: over the records of the log, with one counter, by a key that no one else can read, or by a command. */
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type Anchor, type SealFields, sealText } from '../../src/decision-log/chain/seal.ts';
import { sealCommand } from '../../src/decision-log/seals/seal-command.ts';
import { isSigned, keyId, sealKeyIn } from '../../src/decision-log/seals/seal-key.ts';
import { type DecisionLog, type LogOptions, openLog } from '../../src/decision-log/writer/log.ts';
import { eventually } from '../proxy/support.ts';
import { allRecords, type WholeRecord } from '../support/decision-log.ts';

const root = mkdtempSync(join(tmpdir(), 'rowgate-seals-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder = '';
let file = '';
let notices: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(root, 'log-'));
  file = join(folder, 'd.jsonl');
  notices = [];
});

function open(options: Partial<LogOptions> = {}): DecisionLog {
  return openLog({
    file,
    durability: 'batched',
    text: 'normalized',
    guard: 'g1',
    clock: Date.now,
    notice: (message) => notices.push(message),
    ...options,
  });
}

const records = () => allRecords(readFileSync(file, 'utf8'));
const seals = () => records().filter(({ kind }) => kind === 'seal') as unknown as (SealFields & WholeRecord)[];
const publicKey = () => String(records()[0]?.sealed_by);
const hashOfRecord = (seq: number) =>
  JSON.parse(
    readFileSync(file, 'utf8')
      .split('\n')
      .find((line) => line.includes(`"seq":${seq},`)) ?? '{}',
  ).hash;

/** Each is signed, counts on, and is of a record before it. */
function hold(): void {
  for (const [index, seal] of seals().entries()) {
    const { signature, ...fields } = seal;
    expect(isSigned(publicKey(), sealText('g1', fields), signature), 'its signature').toBe(true);
    expect(seal).toMatchObject({ seal: index + 1, key: keyId(publicKey()) });
    expect(seal.of.seq).toBeLessThan(Number(seal.seq));
    expect(seal.of.hash).toBe(hashOfRecord(seal.of.seq));
  }
}

describe('a seal', () => {
  test('comes after so many records', async () => {
    const log = open({ seal: { everyMs: 3_600_000, records: 10 } });
    for (let i = 0; i < 35; i++) log.append('login', {});
    // The segment is one of the first ten.
    expect(seals().map(({ of }) => of.seq)).toEqual([10, 21, 32]);
    await log.close();
    expect(seals()).toHaveLength(4);
    hold();
  });

  test('comes after so much time, and not where nothing was written', async () => {
    const log = open({ seal: { everyMs: 100, records: 1000 } });
    log.append('login', {});
    await eventually(() => seals().length === 1, 'a seal');
    await new Promise((done) => setTimeout(done, 500));
    expect(seals()).toHaveLength(1);
    log.append('login', {});
    await eventually(() => seals().length === 2, 'another');
    await log.close();
    expect(seals()).toHaveLength(2);
    hold();
  });

  test('is the last record of a guard that was told to stop; the next one counts on', async () => {
    for (let life = 0; life < 3; life++) {
      const log = open();
      log.append('start', {});
      log.append('stop', {});
      await log.close();
    }
    expect(
      records()
        .map(({ kind }) => kind)
        .join(' '),
    ).toBe('segment start stop seal start stop seal start stop seal');
    hold();
  });

  test('is made by the next guard when one was killed', async () => {
    const killed = open({ seal: { everyMs: 3_600_000, records: 3 } });
    for (let i = 0; i < 4; i++) killed.append('login', {});
    const log = open({ seal: { everyMs: 100, records: 1000 } });
    await eventually(() => seals().length === 2, 'what was left is sealed');
    hold();
    await log.close();
  });

  test('says how far other chains of the guard had come, and goes to each listener once it is written', async () => {
    const log = open();
    const heard: (Anchor & { readonly stands: boolean })[] = [];
    log.onSeal((anchor) => heard.push({ ...anchor, stands: seals().length === heard.length + 1 }));
    log.heard('g1/3', { chain: 'c', seq: 7, hash: 'h7' });
    log.heard('g1/2', { chain: 'b', seq: 5, hash: 'h5' });
    log.heard('g1/3', { chain: 'c', seq: 9, hash: 'h9' });
    log.append('start', {});
    await log.close();
    expect(JSON.stringify(seals()[0]?.beside)).toBe(
      '{"g1/2":{"chain":"b","seq":5,"hash":"h5"},"g1/3":{"chain":"c","seq":9,"hash":"h9"}}',
    );
    const { time: _, kind: _kind, seq: _seq, ...sealed } = seals()[0] as SealFields & WholeRecord;
    expect(heard).toEqual([{ ...sealed, stands: true }]);
    expect(await log.head()).toMatchObject({ chain: sealed.chain, seq: 3 });
    hold();
  });
});

describe('how far the chain has come is told', () => {
  test('when it is on the disk', async () => {
    const log = open();
    log.append('login', {});
    const head = log.head();
    log.append('login', {});
    expect(await head).toMatchObject({ seq: 2, hash: hashOfRecord(2) });
    await log.close();
  });

  test('never, where it did not come there', async () => {
    const log = open();
    log.append('login', {});
    rmSync(file);
    expect(await log.head()).toBeUndefined();
    expect(log.append('login', {})).toBe(true);
    expect(await log.head()).toMatchObject({ seq: Number(records().at(-1)?.seq) });
    await log.close();
  });
});

describe('the key', () => {
  test('is made at the first start, for its owner alone, and stays', async () => {
    await open().close();
    const key = readFileSync(`${file}.key`, 'utf8');
    expect(statSync(`${file}.key`).mode & 0o777).toBe(0o600);
    const log = open();
    log.append('start', {});
    await log.close();
    expect(readFileSync(`${file}.key`, 'utf8')).toBe(key);
    hold();
  });

  test.each([0o640, 0o604, 0o620, 0o602])('of mode %o is refused', async (mode) => {
    await open().close();
    chmodSync(`${file}.key`, mode);
    expect(() => open()).toThrow(/must have the mode 0600/);
  });

  test.each([
    ['no key', 'nonsense', /./],
    ['an empty file', '', /./],
    [
      'a key of another kind',
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
      /no Ed25519 key/,
    ],
  ])('that is %s is refused, and stays as it is', (_, text, message) => {
    writeFileSync(`${file}.key`, text, { mode: 0o600 });
    expect(() => open()).toThrow(message);
    expect(readFileSync(`${file}.key`, 'utf8')).toBe(text);
  });

  test('another one, and the guard before was killed: a new file begins, and no file holds seals of both keys', async () => {
    const killed = open();
    killed.append('start', {});
    const before = publicKey();
    rmSync(`${file}.key`);
    const log = open({ seal: { everyMs: 100, records: 1000 } });
    await eventually(() => seals().length === 1, 'what was left is sealed');
    log.append('start', {});
    await log.close();
    expect(publicKey()).not.toBe(before);
    expect(records()[0]).toMatchObject({
      kind: 'segment',
      seq: 3,
      previous: { file: 'd.000000000001.jsonl', seq: 2 },
      seals: 0,
    });
    hold();
  });
});

describe('a command', () => {
  /** As an HSM would sign: the text on its input, the signature on its output. */
  function signer(before = ''): { command: string; publicKey: string } {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const key = join(folder, 'hsm.pem');
    writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const sign = `const { sign, createPrivateKey } = require('crypto'); const fs = require('fs');
      console.log(sign(null, fs.readFileSync(0), createPrivateKey(fs.readFileSync('${key}'))).toString('base64url'))`;
    writeFileSync(join(folder, 'sign.cjs'), sign);
    return {
      command: `${before}'${process.execPath}' '${join(folder, 'sign.cjs')}'`,
      publicKey: publicKey.export({ format: 'jwk' }).x ?? '',
    };
  }

  test('signs in its own time: the seal is of what was there when it was asked', async () => {
    const { command, publicKey: key } = signer('sleep 0.3; ');
    const log = open({ seal: { key: sealCommand(command, key), everyMs: 3_600_000, records: 5 } });
    for (let i = 0; i < 8; i++) expect(log.append('login', { principal: `p${i}` })).toBe(true);
    expect(seals()).toEqual([]);
    await eventually(() => seals().length === 1, 'the seal');
    expect(seals()[0]).toMatchObject({ seal: 1, seq: 10, of: { seq: 5 } });
    expect(publicKey()).toBe(key);
    hold();
    await log.close();
  });

  test('a command that fails, lies, or says nothing stops no statement, and is reported once', async () => {
    for (const [command, why] of [
      ['echo broken >&2; exit 3', /exit code 3: broken/],
      ['echo AAAA', /not a signature/],
      ['true', /not a signature/],
      ['/no/such/command', /exit code 127/],
    ] as const) {
      notices = [];
      file = join(mkdtempSync(join(root, 'log-')), 'd.jsonl');
      const log = open({ seal: { key: sealCommand(command, signer().publicKey), everyMs: 100, records: 2 } });
      for (let i = 0; i < 10; i++) expect(log.append('login', {})).toBe(true);
      await eventually(() => notices.length > 0, 'it is said');
      await new Promise((done) => setTimeout(done, 300));
      expect(notices).toEqual([expect.stringMatching(why)]);
      await log.close();
      expect(seals()).toEqual([]);
    }
  });

  test('a file is deleted at the end of its time when the record of that is sealed, and not before', async () => {
    const gate = join(folder, 'gate');
    const { command, publicKey: key } = signer(`while ! [ -e '${gate}' ]; do sleep 0.05; done; `);
    let now = Date.UTC(2026, 0, 1);
    const log = open({
      seal: { key: sealCommand(command, key), everyMs: 3_600_000, records: 1000 },
      rotate: { every: 'daily' },
      keep: { amount: 3, unit: 'day' },
      clock: () => now,
    });
    for (let day = 0; day < 6; day++) {
      log.append('login', {});
      now += 86_400_000;
    }
    log.append('login', {});
    const oldest = () => readdirSync(folder).some((name) => name.startsWith('d.000000000001'));
    await eventually(() => records().some(({ kind }) => kind === 'retention'), 'it is recorded');
    await new Promise((done) => setTimeout(done, 300));
    expect(oldest()).toBe(true);
    writeFileSync(gate, '');
    await eventually(() => !oldest(), 'it is deleted');
    const retention = Number(records().find(({ kind }) => kind === 'retention')?.seq);
    expect(seals().some(({ of }) => of.seq >= retention)).toBe(true);
    await log.close();
  });

  test('is waited for when the guard stops', async () => {
    const { command, publicKey: key } = signer();
    const log = open({ seal: { key: sealCommand(command, key), everyMs: 3_600_000, records: 1000 } });
    log.append('stop', {});
    await log.close();
    expect(seals()).toHaveLength(1);
    hold();
  });
});

test('two guards that make the key at once have the same', () => {
  const path = join(folder, 'k');
  const keys = Array.from({ length: 5 }, () => sealKeyIn(path).publicKey);
  expect(new Set(keys).size).toBe(1);
});
