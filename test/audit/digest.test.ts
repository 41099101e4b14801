/** Compares reports by the digests of closed files with reports by the records: over random logs, torn, compressed, encrypted in part, and cut by the period. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileKeys } from '../../src/decision-log/encryption/file-keys.ts';
import { openerWith } from '../../src/decision-log/encryption/opening.ts';
import { keepPolicy, keptFolder, keptPolicy } from '../../src/decision-log/policies/kept-policies.ts';
import { chainsOf } from '../../src/decision-log/read/log-files.ts';
import { openSource, type RecordTable } from '../../src/decision-log/read/source.ts';
import { breachOf } from '../../src/decision-log/reports/breach.ts';
import { coverageOf } from '../../src/decision-log/reports/coverage.ts';
import { type PersonQuestion, personOf, subjectsKnown } from '../../src/decision-log/reports/person.ts';
import { policyFacts } from '../../src/decision-log/reports/policy-texts.ts';
import { grantUse } from '../../src/decision-log/reports/used-grants.ts';
import { type SubjectKey, subjectId } from '../../src/decision-log/subject-ids.ts';

const FILES = 5;
const STATEMENTS = 120;
const START = Date.UTC(2026, 10, 1, 22);
const SECOND = 1_000;
const OLD: SubjectKey = { name: 'k1', secret: 'one'.repeat(12) };
const NEW: SubjectKey = { name: 'k2', secret: 'two'.repeat(12) };

let folder: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-test-digest-'));
  log = join(folder, 'decisions.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The same numbers each time. */
function sequence(seed: number): () => number {
  let state = seed * 7919 + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const POLICIES = [
  ['roles/teacher.yaml', 'role: teacher\n'],
  ['roles/owner.yaml', 'role: owner\naccess: unrestricted\n'],
  [
    'subjects.yaml',
    'subjects: { student: { keys: [students.id] }, parent: { keys: [parents.id] } }\nabout: { rooms: nobody }\n',
  ],
].map(([path = '', text = '']) => ({ path, text }));

/** Statements with outcomes that come late, in another file, or never; with people shown while they run; twice the same id; and other records between them. */
function records(seed: number): object[][] {
  const random = sequence(seed);
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const files: object[][] = Array.from({ length: FILES }, () => []);
  const all: { readonly at: number; readonly fields: object }[] = [];
  const kept = keepPolicy(log, POLICIES);
  all.push(
    { at: 0, fields: { kind: 'policy', to: 'sha256:a', kept } },
    { at: 1, fields: { kind: 'login', principal: 'app' } },
  );
  const people = () =>
    Array.from({ length: Math.floor(random() * 4) }, () =>
      subjectId(one([OLD, NEW]), 'student', String(Math.floor(random() * 6))),
    );
  for (let index = 0; index < STATEMENTS; index++) {
    // No two at once: of alike ones, the newest is told.
    const at = Math.floor(random() * FILES * 1_000) + index / STATEMENTS / 2;
    // The same id again, in one file.
    const isTwice = random() < 0.04 && at % 1_000 < 990;
    const id = isTwice ? `twice${Math.floor(at / 1_000)}` : `s${index}`;
    const principal = one(['app', 'app', 'office', 'owner_app']);
    const role = principal === 'owner_app' ? 'owner' : 'teacher';
    const command = one(['SELECT', 'SELECT', 'UPDATE', 'BEGIN', 'COMMIT', 'FETCH']);
    const shared = { id, principal, ...(random() < 0.3 && { user: one(['ann', 'bob']) }) };
    const who = {
      ...shared,
      role,
      session: `${principal}${one([1, 2, 3])}`,
      client: one(['10.0.0.1:5', '10.0.0.1:6', '10.0.0.2:5']),
      ...(random() < 0.5 && { application: one(['ent', 'psql']), database: one(['ent', 'other']) }),
      policy: one(['sha256:a', 'sha256:a', 'sha256:gone']),
      command,
    };
    const what = {
      ...(random() < 0.9 && { fingerprint: one(['f1', 'f2', 'f3', 'f4']) }),
      statement: `${command} ${one(['a', 'update b', 'c…'])}`,
      tables: one([['public.students'], ['public.rooms'], ['public.grades', 'public.rooms'], []]),
      columns: one([['public.students.id'], []]),
    };
    const effect = one(['allow', 'rewrite', 'allow', 'refuse']);
    if (random() < 0.97)
      all.push({
        at,
        fields: {
          ...{ kind: 'decision', ...who, ...what, effect, ...(random() < 0.1 && { would: 'refuse' }) },
          ...(effect === 'refuse' &&
            random() < 0.8 && { reason: one(['column-withheld', 'rows']), rule: one(['a:1', 'b:2']) }),
        },
      });
    const end = at + one(isTwice ? [1] : [1, 1, 1, 2, 1_200]);
    if (random() < 0.05)
      all.push({ at: at + 1, fields: { kind: 'seen', id, principal, subjects: { student: { ids: people() } } } });
    if (random() < 0.06 || (/BEGIN|COMMIT/.test(command) && random() < 0.8)) continue;
    const ids = people();
    const told = {
      people: ids.length + one([0, 0, 0, 2]),
      ...(random() < 0.1 && { questions: 1 }),
      ...(random() < 0.1 && { values: 3 }),
      ...(ids.length > 0 && { ids }),
    };
    const parent = { people: 1, values: 2 };
    const subjects = one([{ student: told }, { student: told, parent }, { parent }, undefined]);
    const status = effect === 'refuse' ? 'refused' : one(['ok', 'ok', 'ok', 'lost', 'error', 'cut', 'skipped']);
    all.push({
      at: end,
      fields: {
        kind: 'outcome',
        id,
        principal,
        rows: Math.floor(random() * 9),
        bytes: 40,
        changed: command === 'UPDATE' ? one([0, 2]) : 0,
        status,
        ...(subjects && { subjects }),
      },
    });
  }
  for (const kind of ['lock', 'release', 'raise', 'warning'])
    all.push({
      at: Math.floor(random() * FILES * 1_000),
      fields: { kind, principal: 'app', reason: 'why', by: 'ines' },
    });
  all.sort((a, b) => a.at - b.at);
  for (const [index, { at, fields }] of all.entries()) {
    const time = new Date(START + at * 20 * SECOND).toISOString();
    files[Math.min(FILES - 1, Math.floor(at / 1_000))]?.push({ time, guard: 'g1', seq: index + 1, ...fields });
  }
  return files.map((file, index) => [
    {
      time: new Date(START + index * 20_000 * SECOND).toISOString(),
      kind: 'segment',
      guard: 'g1',
      seq: 0,
      chain: 'one',
    },
    ...file,
  ]);
}

const fileName = (index: number): string =>
  index === FILES - 1 ? log : join(folder, `decisions.00000000000${index + 1}.jsonl`);

/** `keys`: the first file and the open one are encrypted. */
function write(seed: number, keys?: FileKeys): void {
  for (const [index, plain] of records(seed).entries()) {
    const file = keys && (index === 0 || index === FILES - 1) ? boxed(plain, keys) : plain;
    const text = file.map((record) => `${JSON.stringify(record)}\n`).join('');
    // Torn in its middle, and at its end; one is compressed.
    const half = text.indexOf('\n', text.length / 2) + 1;
    const torn =
      index === 1
        ? `${text.slice(0, half)}{"time":"2026-11\n${text.slice(half)}`
        : index === 2
          ? `${text}{"time":`
          : text;
    if (index === 3) writeFileSync(`${fileName(index)}.gz`, gzipSync(torn));
    else writeFileSync(fileName(index), torn);
  }
}

function boxed([segment, ...others]: readonly object[], keys: FileKeys): object[] {
  const key = keys.take();
  if (!key) throw new Error('no key of a file was made ahead');
  const inBox = (record: object) => {
    const { time, guard, seq } = record as { time: string; guard: string; seq: number };
    return { time, guard, seq, box: key.boxes.box(JSON.stringify(record), { guard, seq }) };
  };
  return [{ ...segment, format: 1, age: key.age }, ...others.map(inBox)];
}

const ALL = { since: 0, until: Date.UTC(2100, 0), timeZone: 'Europe/Paris' };
/** Begins of two hours, whose steps are of minutes. */
const SHORT = [5_000, 25_000, 45_000, 65_000];
const CUT = { ...ALL, since: START + 22_000 * SECOND, until: START + 71_000 * SECOND };

async function said(source: RecordTable) {
  const policiesKept = (hash: string) => {
    const files = keptPolicy(keptFolder(log), hash);
    return 'problem' in files ? undefined : policyFacts(files);
  };
  const known = { searchPath: ['public'], leadsToSubject: () => undefined, returnsSubject: () => undefined };
  // Statements of one moment and one id have no order.
  const asFound = async (question: PersonQuestion) => {
    const { certainly, ...rest } = await personOf(source, question);
    return { ...rest, certainly: certainly.map((each) => JSON.stringify(each)).toSorted() };
  };
  const found: unknown[] = [await coverageOf(source, 0), [...(await subjectsKnown(source, policiesKept))].toSorted()];
  for (const period of [ALL, CUT]) {
    for (const keys of [[OLD], [OLD, NEW], []])
      for (const key of keys.length === 2 ? ['0', '3'] : ['1'])
        found.push(await asFound({ ...period, ...known, policiesKept, sought: { subject: 'student', key, keys } }));
    found.push(
      await asFound({ ...period, ...known, policiesKept, sought: { subject: 'parent', key: '1', keys: [NEW] } }),
    );
    for (const asked of [{}, { user: 'ann' }, { singly: true }, { principal: 'owner_app' }, { principal: 'gone' }])
      found.push(await breachOf(source, { ...period, principal: 'app', ...asked }));
    const { policies, roles, ...use } = await grantUse(source, period.since, 'Europe/Paris');
    found.push({
      ...use,
      policies: policies.map((policy) => policy ?? '').toSorted(),
      roles: new Map([...roles].toSorted()),
    });
  }
  for (const seconds of SHORT) {
    const since = START + seconds * SECOND;
    found.push(await breachOf(source, { ...ALL, since, until: since + 7_200 * SECOND, principal: 'app' }));
  }
  return found;
}

async function both(identity?: string): Promise<[digested: unknown[], read: unknown[]]> {
  const answers: unknown[][] = [];
  for (const indexed of [true, false]) {
    const openerOf = identity === undefined ? undefined : openerWith([identity]);
    const source = await openSource({
      chains: chainsOf(log),
      indexed,
      openerOf,
      notice: (message) => expect.fail(message),
    });
    try {
      if (indexed) expect(source.indexes.length).toBeGreaterThan(0);
      answers.push(await said(source));
    } finally {
      source.close();
    }
  }
  return answers as [unknown[], unknown[]];
}

function compare([digested, read]: [unknown[], unknown[]]): void {
  expect(digested).toHaveLength(read.length);
  for (const [at, answer] of digested.entries()) expect(answer, `answer ${at}`).toEqual(read[at]);
}

test.each([1, 2])('by digests and by records the same is found: log %i', async (seed) => {
  write(seed);
  compare(await both());
});

test('the same is found where some files are encrypted, for which no digest is kept', async () => {
  const identity = await generateX25519Identity();
  write(5, await FileKeys.to([await identityToRecipient(identity)]));
  compare(await both(identity));
  expect(readdirSync(folder).filter((name) => name.endsWith('.parquet'))).toEqual(
    ['2.jsonl', '3.jsonl', '4.jsonl.gz'].map((name) => `decisions.00000000000${name}.parquet`),
  );
});

test('a statement that named the person is found, also where another file has a record of its id', async () => {
  const [id] = [subjectId(NEW, 'student', '3')];
  const line = (seq: number, fields: object) =>
    `${JSON.stringify({ time: new Date(START + seq * SECOND).toISOString(), guard: 'g1', seq, principal: 'app', ...fields })}\n`;
  const decision = { kind: 'decision', id: 's', role: 'teacher', command: 'SELECT', effect: 'allow', tables: [] };
  const outcome = { kind: 'outcome', id: 's', rows: 1, status: 'ok' };
  const told = { ...outcome, subjects: { student: { people: 1, ids: [id] } } };
  writeFileSync(fileName(0), line(1, decision) + line(2, told));
  writeFileSync(fileName(1), line(3, outcome));
  writeFileSync(log, line(4, { kind: 'login' }));
  const source = await openSource({ chains: chainsOf(log), indexed: true, notice: (message) => expect.fail(message) });
  try {
    const known = { searchPath: [], leadsToSubject: () => undefined, returnsSubject: () => undefined };
    const sought = { subject: 'student', key: '3', keys: [NEW] };
    const { certainly } = await personOf(source, { ...ALL, ...known, policiesKept: () => undefined, sought });
    expect(new Set(certainly.map((each) => each.id))).toEqual(new Set(['s']));
  } finally {
    source.close();
  }
});

test('of minutes, steps are shorter than those that an index adds up', async () => {
  const line = (seq: number, fields: object) =>
    `${JSON.stringify({ time: new Date(START + seq * SECOND).toISOString(), guard: 'g1', seq, principal: 'app', ...fields })}\n`;
  const decision = { kind: 'decision', role: 'teacher', command: 'SELECT', effect: 'allow' };
  const outcome = { kind: 'outcome', rows: 1, status: 'ok' };
  const statement = (seq: number) =>
    line(seq, { ...decision, id: `s${seq}` }) + line(seq, { ...outcome, id: `s${seq}` });
  writeFileSync(fileName(0), statement(70) + statement(400));
  writeFileSync(log, line(9_000, { kind: 'login' }));
  const source = await openSource({ chains: chainsOf(log), indexed: true, notice: (message) => expect.fail(message) });
  try {
    const { step, timeline } = await breachOf(source, { ...ALL, timeZone: 'UTC', principal: 'app' });
    expect(step).toBe(15 * SECOND);
    expect(timeline.map(({ at }) => at - START)).toEqual([60 * SECOND, 390 * SECOND]);
  } finally {
    source.close();
  }
});
