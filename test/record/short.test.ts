/** What is written short becomes whole again: whoever reads a file knows of each statement all that was recorded of it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type DecisionLog, type LogOptions, openLog } from '../../src/record/log.ts';
import { Expander, type LogRecord } from '../../src/record/read/expand.ts';
import { REACH } from '../../src/record/read/within-reach.ts';
import { closedFiles } from '../../src/record/rotation/closed-files.ts';
import { QUIET_COMMANDS } from '../../src/record/short/quiet.ts';
import { MOST_STATEMENTS } from '../../src/record/short/statements-written.ts';
import type { DecisionEntry, OutcomeEntry } from '../../src/session/entries.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-short-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let number = 0;
let file: string;
beforeEach(() => {
  file = join(folder, `d${number++}.jsonl`);
});

function open(options: Partial<LogOptions> = {}): DecisionLog {
  let now = Date.UTC(2026, 10, 25, 9);
  const clock = () => (now += 1);
  return openLog({ file, durability: 'batched', text: 'normalized', guard: 'g1', clock, ...options });
}

/** Of one file, as it is read. */
function whole(path: string, expander = new Expander()): LogRecord[] {
  const bytes = readFileSync(path);
  const lines = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n').slice(0, -1);
  return lines.map((line) => expander.whole(JSON.parse(line) as LogRecord));
}

/** In their order; one that is being compressed once. */
function files(): string[] {
  const closed = new Map(closedFiles(file).map(({ first, path }) => [first, path]));
  return [...closed.values(), file];
}

const ofStatements = ({ kind }: LogRecord): boolean => kind === 'decision' || kind === 'outcome';
const written = (): string[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .filter((line) => /"kind":"(decision|outcome)"/.test(line))
    .map((line) => line.replace(/,"hash":"[\w-]{43}"}$/, '}').replace(/"time":"[^"]+"/, '"time":"…"'));

const context = (session: string, role = 'teacher') => ({
  session,
  principal: `college_${session}`,
  role,
  attributes: { school_id: 12 },
  client: '10.12.0.7:50412',
  database: 'ent',
  application: 'psql',
});
const decision = (id: string, fields: Partial<DecisionEntry> = {}): DecisionEntry => ({
  kind: 'decision',
  id,
  command: 'SELECT',
  fingerprint: '3b9b2a41d098c92e',
  statement: 'SELECT ine FROM students WHERE id = $1',
  tables: ['public.students'],
  columns: ['public.students.ine'],
  effect: 'rewrite',
  rule: 'roles/teacher.yaml:7',
  policy: 'sha256:aa',
  text: 'SELECT ine FROM students WHERE id = 4711',
  ...fields,
});
const outcome = (id: string, fields: Partial<OutcomeEntry> = {}): OutcomeEntry => ({
  kind: 'outcome',
  id,
  rows: 0,
  bytes: 0,
  changed: 0,
  ms: 1.9,
  status: 'ok',
  ...fields,
});

describe('a line', () => {
  test('of a statement that was recorded before refers to it, and its outcome to the decision', () => {
    const log = open();
    const session = log.session(context('s'));
    for (const id of ['a', 'b']) {
      session.append(decision(id));
      session.append(outcome(id, { rows: 3, bytes: 90 }));
    }
    log.close();
    expect(written().slice(1)).toEqual([
      '{"time":"…","kind":"decision","seq":3,"id":"b","who":2,"what":2}',
      '{"time":"…","kind":"outcome","seq":4,"decision":2,"rows":3,"bytes":90,"ms":1.9}',
      '{"time":"…","kind":"outcome","seq":5,"decision":3,"rows":3,"bytes":90,"ms":1.9}',
    ]);
    expect(whole(file)[2]).toMatchObject({
      guard: 'g1',
      id: 'b',
      role: 'teacher',
      effect: 'rewrite',
      policy: 'sha256:aa',
    });
  });

  test('of another session says who it is, and refers to the statement', () => {
    const log = open();
    log.session(context('s')).append(decision('a'));
    log.session(context('t', 'office')).append(decision('b'));
    log.close();
    expect(written()[1]).toMatch(
      /"id":"b","what":2,"session":"t","principal":"college_t","role":"office".*"policy":"sha256:aa"}$/,
    );
  });

  test('of a statement that two roles are answered differently refers to the answer that is its own', () => {
    const log = open();
    const [mine, yours] = [log.session(context('s')), log.session(context('t'))];
    const refused = {
      effect: 'refuse',
      reason: 'column-withheld',
      rule: 'roles/office.yaml:3',
      sqlstate: '42501',
    } as const;
    for (const id of ['a', 'b', 'c']) {
      mine.append(decision(`${id}1`));
      yours.append(decision(`${id}2`, refused));
    }
    log.close();
    expect(written().slice(-2)).toEqual([
      '{"time":"…","kind":"decision","seq":6,"id":"c1","who":2,"what":2}',
      '{"time":"…","kind":"decision","seq":7,"id":"c2","who":3,"what":3}',
    ]);
    expect(whole(file).find(({ id }) => id === 'c2')).toMatchObject({ ...refused, principal: 'college_t' });
  });

  test('that was not certainly written is referred to by none', async () => {
    const log = open({ text: 'full' });
    const session = log.session(context('s'));
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const other = log.session({ ...context('t'), attributes: cyclic });
    expect(other.append(decision('a'))).toBe(true);
    expect(await new Promise((told) => other.reachDisk()?.tell(told))).toBe(false);
    expect([other.isOnDisk('a'), other.reachDisk()]).toEqual([false, undefined]);
    expect(session.append(decision('b'))).toBe(true);
    expect(session.append(decision('c'))).toBe(true);
    log.close();
    expect(whole(file).filter(ofStatements)).toMatchObject([
      { seq: 2, id: 'b', statement: decision('b').text },
      { seq: 3, id: 'c', statement: decision('c').text, session: 's' },
    ]);
  });
});

test('who has been silent for long is named again, and an outcome that comes late names its statement', () => {
  const log = open({ seal: { everyMs: 3_600_000, records: 10 * REACH } });
  const [session, other] = [log.session(context('s')), log.session(context('t'))];
  session.append(decision('a'));
  session.append(decision('slow'));
  for (let n = 0; n < REACH - 2; n++) other.append(decision(`${n}`));
  session.append(decision('b'));
  session.append(outcome('slow'));
  // What is shown is recorded at once, behind all before it: there is no key that it could be hashed by.
  session.append({ kind: 'seen', id: 'slow', keys: {} });
  session.append(decision('c'));
  session.append(outcome('a'));
  log.close();
  const records = whole(file, new Expander(MOST_STATEMENTS)).filter(ofStatements);
  for (const id of ['a', 'slow', 'b', 'c']) expect(records.filter((record) => record.id === id)).toSatisfy(areWhole);
  expect(written().slice(-4).join('\n')).toMatch(
    /"who":2.*\n.*"decision":3.*\n.*"session":"s".*\n.*"id":"a","principal":"college_s"/,
  );
});

function areWhole(records: LogRecord[]): boolean {
  return records.length > 0 && records.every((record) => record.principal === 'college_s' && !isShort(record));
}

function isShort(record: LogRecord): boolean {
  return ['who', 'what', 'decision'].some((name) => name in record);
}

test('of more statements than the log remembers, a reader that remembers as many can tell each', () => {
  const log = open();
  const session = log.session(context('s'));
  const shapes = Array.from({ length: MOST_STATEMENTS + 500 }, (_, n) => n);
  // Some come again and again, the others once in a while.
  const order = [...shapes, ...shapes.flatMap((n) => [n % 7, n])];
  for (const [id, shape] of order.entries())
    session.append(decision(`${id}`, { fingerprint: `f${shape}`, statement: `SELECT ${shape}` }));
  log.close();
  const records = whole(file, new Expander(MOST_STATEMENTS)).filter(ofStatements);
  expect(records.map(({ statement }) => statement)).toEqual(order.map((shape) => `SELECT ${shape}`));
  expect(written().filter((line) => line.includes('"what":')).length).toBeGreaterThan(shapes.length / 2);
});

describe('whatever is recorded, in whatever files', () => {
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('decide' as const),
        session: fc.nat(3),
        command: fc.constantFrom('SELECT', 'BEGIN', 'UPDATE'),
        shape: fc.nat(3),
        tables: fc.subarray(['public.a', 'public.b']),
        effect: fc.constantFrom('allow' as const, 'rewrite' as const, 'refuse' as const),
        would: fc.constantFrom(undefined, 'refuse' as const),
        reason: fc.constantFrom(undefined, 'column-withheld', 'limit-rows'),
        rule: fc.constantFrom(undefined, 'roles/x.yaml:1', 'roles/x.yaml:2'),
        policy: fc.constantFrom('sha256:a', 'sha256:b'),
        application: fc.constantFrom(undefined, 'psql', 'app'),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        which: fc.nat(20),
        rows: fc.nat(2),
        status: fc.constantFrom('ok' as const, 'ok' as const, 'cut' as const, 'lost' as const),
        waited: fc.nat(1),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'other' as const }) },
  );

  test('is read as it was said', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 600, max: 20_000 }),
        async (steps, bytes) => {
          file = join(folder, `d${number++}.jsonl`);
          const options = { rotate: { bytes } };
          let log = open(options);
          let sessions = [0, 1, 2, 3].map((n) => log.session(context(`${n}`)));
          let life = 0;
          const expected: object[] = [];
          const running: { id: string; session: number; command: string; life: number }[] = [];
          for (const [index, each] of steps.entries()) {
            if (each.do === 'restart') {
              await log.close();
              log = open(options);
              life++;
              sessions = [0, 1, 2, 3].map((n) => log.session(context(`${n}.${life}`)));
            } else if (each.do === 'other') {
              log.append('warning', { principal: 'x', message: 'near' });
            } else if (each.do === 'decide') {
              const { do: _, session, shape, command, tables, application, ...fields } = each;
              const id = `id${index}`;
              const asked = {
                command,
                fingerprint: `f${shape}`,
                statement: `${command} ${shape}`,
                tables,
                columns: [],
              };
              const said = defined({ ...asked, ...fields });
              sessions[session]?.append(
                decision(id, { rule: undefined, ...said, ...(application && { application }) } as never),
              );
              const who = context(life === 0 ? `${session}` : `${session}.${life}`);
              expected.push({ kind: 'decision', guard: 'g1', id, ...who, application: application ?? 'psql', ...said });
              running.push({ id, session, command, life });
            } else {
              const [ended] = running.splice(each.which % Math.max(1, running.length), 1);
              if (!ended || ended.life !== life) continue;
              const { id, session, command } = ended;
              const { rows, status, waited } = each;
              sessions[session]?.append(outcome(id, { rows, status, waited }));
              const isQuiet = QUIET_COMMANDS.has(command) && status === 'ok' && rows === 0 && waited === 0;
              const { principal } = context(life === 0 ? `${session}` : `${session}.${life}`);
              const taken = {
                id,
                principal,
                rows,
                bytes: 0,
                changed: 0,
                ms: 1.9,
                status,
                ...(waited > 0 && { waited }),
              };
              if (!isQuiet) expected.push({ kind: 'outcome', guard: 'g1', ...taken });
            }
          }
          await log.close();
          const read = files()
            .flatMap((path) => whole(path))
            .filter(ofStatements);
          // An outcome may stand behind decisions that were made after it.
          for (const kind of ['decision', 'outcome']) {
            const of = (records: readonly object[]) =>
              records.filter((record) => 'kind' in record && record.kind === kind);
            expect(of(read.map(({ time: _, seq: __, hash: ___, ...said }) => said))).toEqual(of(expected));
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(readdirSync(folder).length).toBeGreaterThan(60);
  });
});

function defined<T extends object>(fields: T): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
