/** Tests files that fail, vanish, are cut or written to by others: without a record no statement runs, and the chain shows what is missing. */

import { execFileSync, spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { readChained } from '../../src/decision-log/chain/chain.ts';
import type { SessionContext, SessionLog } from '../../src/decision-log/record-sink.ts';
import { type DecisionLog, type LogOptions, openLog } from '../../src/decision-log/writer/log.ts';
import type { DecisionEntry, OutcomeEntry } from '../../src/session/log-entries.ts';
import { eventually } from '../proxy/support.ts';
import { allRecords, recordsOf } from '../support/decision-log.ts';
import { describeWith, ROOT, tool } from '../support/tools.ts';
import { SLOW_DISK, SlowDisk } from './slow-disk.ts';

const mount = tool('mount');
const MAY_MOUNT = tool('unshare', { runs: ['--mount', 'true'], with: 'mount namespaces' });
const root = mkdtempSync(join(tmpdir(), 'rowgate-failures-'));
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

const text = () => readFileSync(file, 'utf8');
const logins = () => recordsOf(text()).flatMap(({ kind, principal }) => (kind === 'outcome' ? [] : (principal ?? [])));
const login = (log: DecisionLog, name: string) => log.append('login', { principal: name });
/** A record for which `strict` knows at once whether it is on the disk. */
const lock = (log: DecisionLog, principal: string) => log.append('lock', { principal, by: 'rowgate' });
const contextOf = (principal: string): SessionContext => ({
  session: `s-${principal}`,
  principal,
  role: 'r',
  attributes: {},
  client: 'c',
  database: 'd',
  application: '',
});
const decisionOf = (id: string): DecisionEntry => ({
  kind: 'decision',
  id,
  command: 'SELECT',
  fingerprint: 'f',
  statement: 'SELECT $1',
  tables: [],
  columns: [],
  effect: 'allow',
  policy: 'sha256:p',
  text: '',
});
const outcomeOf = (id: string): OutcomeEntry => ({
  kind: 'outcome',
  id,
  rows: 1,
  bytes: 2,
  changed: 0,
  ms: 3,
  status: 'ok',
});
/** The answer that a session gets for its decisions. */
const told = (session: SessionLog): Promise<boolean> => new Promise((done) => session.reachDisk()?.tell(done));

/** Numbers of the records that do not fit behind the line before them. */
function breaks(): number[] {
  let head: string | undefined;
  return text()
    .split('\n')
    .flatMap((line) => {
      const chained = readChained(line);
      if (!chained) return [];
      const fits = head === undefined || chained.hash === hash('sha256', head + chained.body, 'base64url');
      head = chained.hash;
      return fits ? [] : [Number(JSON.parse(line).seq)];
    });
}

describeWith(
  ROOT,
  mount,
  MAY_MOUNT,
)('a disk that is full', () => {
  test.each(['batched', 'strict'] as const)(
    '%s: refused while it is, and on by itself, wherever a line was torn',
    async (durability) => {
      execFileSync(mount.path!, ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', folder]);
      try {
        const log = open({ durability });
        const session = log.session(contextOf('o'));
        const written: string[] = [];
        let torn = 0;
        for (let round = 0; round < 12; round++) {
          const ballast = join(folder, 'ballast');
          writeFileSync(ballast, '');
          try {
            // Pages are given whole: lines of some hundred bytes fill the last one, which tears one of them.
            for (;;) appendFileSync(ballast, Buffer.alloc(4096));
          } catch {}
          let name = '';
          for (let i = 0; i < 60; i++) {
            name = `r${round}-${i}-${'x'.repeat(round * 3)}`;
            // In `batched` these are written with the next record: a line is torn behind whole ones.
            for (let n = 0; n < round % 4; n++) session.append(outcomeOf(`${name}-${n}`));
            if (!login(log, name)) break;
            written.push(name.slice(0, 64));
          }
          expect(login(log, name)).toBe(false);
          rmSync(ballast);
          name = `r${round}`;
          expect(login(log, name)).toBe(true);
          written.push(name);
        }
        await log.close();
        expect(logins()).toEqual(written);
        expect(breaks()).toEqual([]);
        torn = text()
          .split('\n')
          .filter((line) => /"seq":\d+,"torn":\d+/.test(line)).length;
        expect(torn).toBeGreaterThan(3);
        // Each says how many bytes, to the byte.
        let junk = 0;
        for (const line of text().trimEnd().split('\n')) {
          if (!readChained(line)) {
            junk += Buffer.byteLength(line) + (junk > 0 ? 1 : 0);
            continue;
          }
          expect(JSON.parse(line).torn ?? 0).toBe(junk);
          junk = 0;
        }
        expect(allRecords(text()).map(({ seq }) => seq)).toEqual(allRecords(text()).map((_, index) => index + 1));
      } finally {
        execFileSync(join(dirname(mount.path!), 'umount'), [folder]);
      }
    },
  );

  test('a guard that starts on one does not start, and does when there is room', async () => {
    execFileSync(mount.path!, ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'tmpfs', folder]);
    try {
      try {
        for (;;) appendFileSync(join(folder, 'ballast'), Buffer.alloc(4096));
      } catch {}
      expect(() => open()).toThrow(/ENOSPC/);
      rmSync(join(folder, 'ballast'));
      const log = open();
      expect(login(log, 'p')).toBe(true);
      await log.close();
      expect(breaks()).toEqual([]);
    } finally {
      execFileSync(join(dirname(mount.path!), 'umount'), [folder]);
    }
  });
});

describe('a file under the guard', () => {
  test('that is deleted: noticed within the time of a sync, and a new one begins where the chain is', async () => {
    const log = open();
    login(log, 'a');
    rmSync(file);
    login(log, 'lost');
    await eventually(() => notices.some((notice) => notice.includes('it was deleted')), 'it is noticed');
    expect(login(log, 'b')).toBe(true);
    await log.close();
    const records = allRecords(text());
    expect(records[0]).toMatchObject({ kind: 'segment', seq: 4, previous: { seq: 3 } });
    expect(logins()).toEqual(['b']);
  });

  test('that is deleted: a strict log says at once that the record is nowhere', async () => {
    const log = open({ durability: 'strict' });
    expect(lock(log, 'a')).toBe(true);
    rmSync(file);
    expect(lock(log, 'lost')).toBe(false);
    expect(await log.login(contextOf('b'))).toBe(true);
    rmSync(file);
    expect(await log.login(contextOf('lost'))).toBe(false);
    expect(lock(log, 'c')).toBe(true);
    await log.close();
    expect(logins()).toEqual(['c']);
  });

  test('that is deleted: what was written to it is never said to be on the disk, however far the log has come since', async () => {
    const log = open({ durability: 'strict' });
    const before = log.session(contextOf('a'));
    const session = log.session(contextOf('b'));
    expect(before.append(decisionOf('01'))).toBe(true);
    expect(await told(before)).toBe(true);
    expect([before.isOnDisk('01'), before.reachDisk()]).toEqual([true, undefined]);
    expect(session.append(decisionOf('02'))).toBe(true);
    rmSync(file);
    expect(lock(log, 'lost')).toBe(false);
    for (let i = 0; i < 5; i++) expect(lock(log, 'c')).toBe(true);
    expect(await told(session)).toBe(false);
    expect(session.isOnDisk('02')).toBe(false);
    expect(before.reachDisk()).toBeUndefined();
    await log.close();
  });

  test('strict: what is refused is not remembered, and what goes behind it waits all the same', async () => {
    const log = open({ durability: 'strict' });
    const session = log.session(contextOf('a'));
    expect(session.reachDisk()).toBeUndefined();
    session.append({ ...decisionOf('01'), effect: 'refuse', reason: 'column-withheld' });
    expect(session.isOnDisk('01')).toBe(true);
    expect(await told(session)).toBe(true);
    await log.close();
  });

  test('that is cut: the next record continues none of those that are left', async () => {
    const log = open();
    for (const name of ['a', 'b', 'c', 'd']) login(log, name);
    const lines = text().split('\n');
    truncateSync(file, Buffer.byteLength(`${lines.slice(0, 3).join('\n')}\n`));
    login(log, 'e');
    await eventually(() => notices.some((notice) => notice.includes('another process has cut it')), 'it is noticed');
    expect(login(log, 'f')).toBe(true);
    await log.close();
    expect(breaks()).toEqual([6]);
  });

  test('that is emptied: what is written until that is noticed lacks its beginning, and a guard that starts closes such a file', async () => {
    const log = open();
    for (const name of ['a', 'b', 'c']) login(log, name);
    truncateSync(file, 0);
    login(log, 'd');
    await eventually(() => notices.some((notice) => notice.includes('another process has cut it')), 'it is noticed');
    expect(login(log, 'e')).toBe(true);
    await log.close();
    expect(text().match(/"principal":"\w"/g)).toEqual(['"principal":"d"', '"principal":"e"']);
    const chain = (await log.head())?.chain;
    const next = open();
    login(next, 'f');
    await next.close();
    const [segment] = allRecords(text());
    expect(segment).toMatchObject({ seq: 8, chain, previous: { file: 'd.000000000005.jsonl', seq: 7 }, seals: 1 });
    expect(breaks()).toEqual([]);
  });

  test('that another program adds to: its records are found, and the chain goes on from its own', async () => {
    const log = open();
    login(log, 'a');
    const [, line = ''] = text().split('\n');
    appendFileSync(file, `${line.replace('"a"', '"forged"')}\n`);
    login(log, 'b');
    await eventually(() => notices.some((notice) => notice.includes('another process writes to it')), 'it is noticed');
    expect(login(log, 'c')).toBe(true);
    await log.close();
    // The forged one, which has the number and the hash of another.
    expect(breaks()).toEqual([2]);
  });

  test('that another log has replaced: SIGHUP leaves the open one', async () => {
    const log = open();
    login(log, 'a');
    renameSync(file, `${file}.mine`);
    const other = openLog({ file, durability: 'batched', text: 'normalized', guard: 'g2', clock: Date.now });
    other.append('start', {});
    await other.close();
    const before = text();
    expect(log.reopen()).toBe(false);
    login(log, 'b');
    await log.close();
    expect(text()).toBe(before);
    expect(recordsOf(readFileSync(`${file}.mine`, 'utf8')).map(({ principal }) => principal)).toEqual(['a', 'b']);
    expect(notices).toEqual([expect.stringContaining('does not go on where the log has come to')]);
  });

  test('that is a copy of itself, moved there: it goes on in it', async () => {
    const log = open();
    login(log, 'a');
    writeFileSync(`${file}.copy`, text());
    renameSync(`${file}.copy`, file);
    expect(log.reopen()).toBe(true);
    login(log, 'b');
    await log.close();
    expect(logins()).toEqual(['a', 'b']);
    expect(breaks()).toEqual([]);
  });
});

describe('a pipe', () => {
  test('takes records, and each opening begins a file', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = openSync(pipe, 'r+');
    const log = open({ file: pipe, seal: { everyMs: 3_600_000, records: 1_000_000 } });
    let written = 0;
    for (; written < 100; written++) if (!login(log, `p${written}`)) break;
    const chunk = Buffer.alloc(1024 * 1024);
    const lines = chunk.toString('utf8', 0, readSync(reader, chunk)).trimEnd().split('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ kind: 'segment', seq: 1 });
    expect(lines).toHaveLength(101);
    await log.close();
    closeSync(reader);
  });
});

describeWith(SLOW_DISK)('a disk that fails to sync', () => {
  const built = resolve(import.meta.dirname, '../../dist/decision-log/writer/log.js');

  /** Runs in a process of its own; what it prints is JSON. */
  async function run(
    durability: string,
    script: string,
    options = '',
  ): Promise<{ answers: unknown[]; notices: string[] }> {
    const disk = new SlowDisk();
    const fails = disk.failsWhile;
    const program = `
      import { writeFileSync, rmSync } from 'node:fs';
      const { openLog } = await import(${JSON.stringify(built)});
      const notices = [];
      let ahead = 0;
      const log = openLog({ file: ${JSON.stringify(file)}, durability: '${durability}', text: 'normalized', guard: 'g1', clock: Date.now,
        ${options}
        notice: (message) => notices.push(message) });
      const fail = () => writeFileSync(${JSON.stringify(fails)}, '');
      const recover = () => rmSync(${JSON.stringify(fails)});
      const login = (principal) => log.append('login', { principal });
      const lock = (principal) => log.append('lock', { principal, by: 'rowgate' });
      const comes = (principal) => log.login({ session: '', principal, role: '', attributes: {}, client: '', database: '', application: '' });
      const wait = (ms) => new Promise((done) => setTimeout(done, ms));
      const answers = [];
      ${script}
      await log.close();
      console.log(JSON.stringify({ answers, notices }));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, ...disk.environment },
    });
    let said = '';
    let failed = '';
    child.stdout.on('data', (more) => {
      said += more;
    });
    child.stderr.on('data', (more) => {
      failed += more;
    });
    const code = await new Promise((done) => child.once('close', done));
    disk.remove();
    expect(code, failed).toBe(0);
    return JSON.parse(said);
  }

  test('strict: refused while it fails; what was refused is a record all the same, and the chain is whole', async () => {
    const { answers, notices: said } = await run(
      'strict',
      `
      answers.push(lock('a'));
      fail();
      answers.push(lock('b'), lock('c'), lock('d'));
      recover();
      answers.push(lock('e'), lock('f'));`,
    );
    expect(answers).toEqual([true, false, false, false, true, true]);
    // The failure of b was not known before; c and d were refused since the file could not be opened before b was on the disk.
    expect(logins()).toEqual(['a', 'b', 'e', 'f']);
    expect(breaks()).toEqual([]);
    expect(said).toHaveLength(2);
  });

  test('strict: each session that shares a failed sync is told, and each record waits for its own sync until one succeeds', async () => {
    const { answers } = await run(
      'strict',
      `
      answers.push(await comes('a'));
      fail();
      answers.push(await Promise.all([comes('b'), comes('c')]));
      answers.push(login('d'));
      recover();
      answers.push(login('e'), await comes('f'));`,
    );
    expect(answers).toEqual([true, [false, false], false, true, true]);
    expect(logins()).toEqual(['a', 'b', 'c', 'e', 'f']);
    expect(breaks()).toEqual([]);
  });

  test('batched: a sync in the background fails, then each record waits for its own', async () => {
    const { answers } = await run(
      'batched',
      `
      answers.push(login('a'));
      fail();
      await wait(400);
      answers.push(login('b'));
      recover();
      answers.push(login('c'));
      await wait(300);
      answers.push(login('d'));`,
    );
    expect(answers).toEqual([true, false, true, true]);
    expect(logins()).toEqual(['a', 'c', 'd']);
    expect(breaks()).toEqual([]);
  });

  test('when a file is to be closed: it stays open, and is closed when the disk is well', async () => {
    const { answers } = await run(
      'batched',
      `
      const many = (name, count) => { let written = 0; for (let i = 0; i < count; i++) written += login(name); return written; };
      answers.push(many('a', 300));
      fail();
      answers.push(many('b', 200) < 200, many('c', 3));
      recover();
      answers.push(login('c'));
      // It is tried again after a minute.
      ahead = 61_000;
      answers.push(login('d'));`,
      'rotate: { bytes: 65536 }, clock: () => Date.now() + ahead,',
    );
    expect(answers).toEqual([300, true, 0, true, true]);
    const closed = readdirSync(folder).filter((name) => /^d\.0.*jsonl/.test(name));
    expect(closed).toEqual([expect.stringMatching(/^d\.000000000001\.jsonl/)]);
    const [name = ''] = closed;
    const bytes = readFileSync(join(folder, name));
    const before = allRecords((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString());
    expect(logins()).toEqual(['d']);
    const all = [...before, ...allRecords(text())];
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
  });
});
