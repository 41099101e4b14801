/** Tests the keys of the log with several workers: all take up a new key of ids at a signal, each encrypts its own files, and one folder keeps the policies. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openerWith } from '../../src/decision-log/encryption/opening.ts';
import type { LogRecord } from '../../src/decision-log/fields.ts';
import { linesOf, RecordReader } from '../../src/decision-log/read/file-lines.ts';
import { chainsOf } from '../../src/decision-log/read/log-files.ts';
import { subjectId } from '../../src/decision-log/subject-ids.ts';
import { verifyLog } from '../../src/decision-log/verify/verify.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { isAlive, type Served, serve } from './served.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-log-keys-'));
const file = join(folder, 'subjects.key');
let database: FreshDatabase;
let guard: Served;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
});
afterEach(() => guard.stop());
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

function writeKey(name: string): void {
  writeFileSync(file, `${name} ${name.repeat(20)}\n`, { mode: 0o600 });
}

const seven = (name: string): string => subjectId({ name, secret: name.repeat(20) }, 'student', '7');

async function askInTurn(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const client = await guard.connect('office');
    await client.query('select id from students where id = 7');
    await client.end();
  }
}

test('a signal has all workers make ids with the new key', async () => {
  writeKey('k1');
  guard = await serve(database, `workers: 2\nkeys: { subjects: ${JSON.stringify(file)} }`);
  const idsIn = async (): Promise<unknown[][]> =>
    Object.values(await guard.records()).map((records) =>
      records.flatMap(({ subjects }) => (subjects as { student: { ids: unknown[] } } | undefined)?.student.ids ?? []),
    );
  await askInTurn(4);
  await eventually(async () => (await idsIn()).flat().length === 4, 'four outcomes');
  writeKey('k2');
  guard.child.kill('SIGHUP');
  const told = () => guard.output.stderr.split('\n').filter((line) => line.includes('made with the key \\"k2\\" now'));
  await eventually(() => told().length === 2, 'both workers say so');
  await askInTurn(4);
  await eventually(async () => (await idsIn()).flat().length === 8, 'eight outcomes');
  for (const ids of await idsIn()) {
    expect(ids.length).toBeGreaterThan(1);
    const from = ids.indexOf(seven('k2'));
    expect(ids).toEqual(ids.map((_, at) => (from >= 0 && at >= from ? seven('k2') : seven('k1'))));
  }
  expect(readdirSync(guard.folder).filter((name) => name.endsWith('.policies'))).toEqual(['decisions.policies']);
  expect(readdirSync(join(guard.folder, 'decisions.policies'))).toHaveLength(1);
});

/** All records of encrypted files, file by file, and how many lines held none: one that is being written may. */
async function decrypted(log: string, identity: string): Promise<{ records: LogRecord[]; strange: number }> {
  const records: LogRecord[] = [];
  let strange = 0;
  for (const path of chainsOf(log).flat()) {
    const reader = new RecordReader(path, openerWith([identity]));
    for await (const lines of linesOf(path)) {
      expect(lines.join()).not.toContain('students');
      records.push(...(await reader.read(lines)));
    }
    strange += reader.strange;
  }
  return { records, strange };
}

test('a worker that is killed and replaced goes on in a file with a key of its own, and all of it can be read', async () => {
  const identity = await generateIdentity();
  guard = await serve(database, `workers: 2\nlog: { encrypt_to: [${await identityToRecipient(identity)}] }`);
  const log = join(guard.folder, 'decisions.jsonl');
  await askInTurn(6);
  const [first = 0] = guard.workers();
  process.kill(first, 'SIGKILL');
  await eventually(() => !isAlive(first) && guard.workers().length === 2, 'another worker');
  await eventually(async () => {
    await askInTurn(1).catch(() => {}); // it may have come to the one that is gone
    const { records } = await decrypted(log, identity);
    return records.filter(({ kind }) => kind === 'start').length === 3;
  }, 'a start in the next file of its log');
  guard.child.kill('SIGTERM');
  expect(await guard.status).toBe(0);
  expect(chainsOf(log).flat()).toHaveLength(3);
  const { records, strange } = await decrypted(log, identity);
  expect(strange).toBe(0);
  expect(records.filter(({ kind }) => kind === 'start')).toHaveLength(3);
  const decisions = records.filter(({ kind }) => kind === 'decision');
  expect(decisions.length).toBeGreaterThan(6);
  expect(new Set(decisions.map(({ statement }) => statement))).toEqual(
    new Set(['select id from students where id = $1']),
  );
  expect((await verifyLog({ log, keys: [], anchors: [] })).findings).toEqual([]);
});
