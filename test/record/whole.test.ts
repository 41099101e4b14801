/** Tests that each line of the log says by itself who, what and why. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it, test } from 'vitest';
import type { LogRecord } from '../../src/decision-log/fields.ts';
import { closedFiles } from '../../src/decision-log/rotation/closed-files.ts';
import { type DecisionLog, type LogOptions, openLog } from '../../src/decision-log/writer/log.ts';
import { QUIET_COMMANDS } from '../../src/decision-log/writer/quiet-commands.ts';
import type { DecisionEntry, OutcomeEntry } from '../../src/session/log-entries.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-whole-'));
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

const linesIn = (path: string): string[] => {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n').slice(0, -1);
};

/** All files in their order; one that is being compressed once. */
function records(): LogRecord[] {
  const closed = new Map(closedFiles(file).map(({ first, path }) => [first, path]));
  return [...closed.values(), file]
    .flatMap(linesIn)
    .map((line) => JSON.parse(line) as LogRecord)
    .filter(({ kind }) => kind === 'decision' || kind === 'outcome');
}

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

test('a decision says who, what and why each time, its outcome which decision it belongs to', () => {
  const log = open();
  const session = log.session(context('s'));
  for (const id of ['a', 'b']) {
    session.append(decision(id));
    session.append(outcome(id, { rows: 3, bytes: 90 }));
  }
  log.close();
  const written = linesIn(file)
    .filter((line) => /"kind":"(decision|outcome)"/.test(line))
    .map((line) => line.replace(/,"hash":"[\w-]{43}"}$/, '}').replace(/"time":"[^"]+"/, '"time":"…"'));
  const said = (id: string, seq: number) =>
    `{"time":"…","kind":"decision","guard":"g1","seq":${seq},"id":"${id}","session":"s","principal":"college_s","role":"teacher","attributes":{"school_id":12},` +
    '"client":"10.12.0.7:50412","database":"ent","application":"psql","policy":"sha256:aa","command":"SELECT","fingerprint":"3b9b2a41d098c92e",' +
    '"statement":"SELECT ine FROM students WHERE id = $1","tables":["public.students"],"columns":["public.students.ine"],"effect":"rewrite","rule":"roles/teacher.yaml:7"}';
  const ended = (id: string, seq: number) =>
    `{"time":"…","kind":"outcome","guard":"g1","seq":${seq},"id":"${id}","principal":"college_s","rows":3,"bytes":90,"changed":0,"ms":1.9,"status":"ok"}`;
  expect(written).toEqual([said('a', 2), said('b', 3), ended('a', 4), ended('b', 5)]);
});

test('a record that cannot be made is reported, and does not stop those behind it', async () => {
  const log = open({ text: 'full' });
  const session = log.session(context('s'));
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const other = log.session({ ...context('t'), attributes: cyclic });
  expect(other.append(decision('a'))).toBe(true);
  expect(await new Promise((told) => other.reachDisk()?.tell(told))).toBe(false);
  expect([other.isOnDisk('a'), other.reachDisk()]).toEqual([false, undefined]);
  expect(session.append(decision('b'))).toBe(true);
  log.close();
  expect(records()).toMatchObject([{ seq: 2, id: 'b', statement: decision('b').text, session: 's' }]);
});

describe('what was made for one record is in no other', () => {
  // A repeated statement has the same lists.
  const alike = decision('first', { effect: 'refuse', reason: 'column-withheld', sqlstate: '42501', would: 'rewrite' });
  const { limit: _, ...of } = alike;
  const others: Partial<DecisionEntry>[] = [
    { command: 'UPDATE' },
    { fingerprint: 'f2' },
    { statement: 'SELECT ine FROM students WHERE id IN ($1)' },
    { tables: ['public.grades'] },
    { columns: ['public.students.id'] },
    { effect: 'lock' },
    { would: 'refuse' },
    { would: undefined },
    { reason: 'function-not-granted' },
    { rule: 'roles/teacher.yaml:8' },
    { rule: undefined },
    { sqlstate: '58030' },
    { policy: 'sha256:bb' },
    { application: 'other' },
    { limit: { name: 'rows', used: 1, of: 1 } },
  ];

  it.each(others)('%j', (change) => {
    const log = open();
    const session = log.session(context('s'));
    session.append({ ...of, id: 'first' });
    session.append({ ...of, ...change, id: 'second' });
    session.append({ ...of, id: 'third' });
    log.close();
    const said = ({ kind: _kind, id: _id, text: _text, ...rest }: Partial<DecisionEntry>) => defined(rest);
    const [first, second, third] = records();
    expect(first).toMatchObject(said(of));
    expect(second).toMatchObject(said({ ...of, ...change }));
    for (const [name, value] of Object.entries(change))
      if (value === undefined) expect(second).not.toHaveProperty(name);
    expect(third).toMatchObject(said(of));
    if (change.limit) expect(third).not.toHaveProperty('limit');
  });

  it('of another end user, another session or another time of one session', () => {
    const log = open();
    const [one, two] = [log.session(context('s')), log.session(context('t', 'office'))];
    const shown = { guardian_id: 1 };
    const [ines, jean] = [
      { user: 'ines', shown },
      { user: 'jean', shown },
    ];
    for (const [id, person] of [['a', ines] as const, ['b', jean] as const, ['c', ines] as const])
      one.append({ ...of, id, person });
    one.append({ ...of, id: 'd' });
    two.append({ ...of, id: 'e' });
    log.close();
    expect(records()).toMatchObject([
      { id: 'a', user: 'ines', attributes: shown, principal: 'college_s' },
      { id: 'b', user: 'jean', attributes: shown },
      { id: 'c', user: 'ines', attributes: shown },
      { id: 'd', attributes: { school_id: 12 }, role: 'teacher' },
      { id: 'e', attributes: { school_id: 12 }, role: 'office', principal: 'college_t' },
    ]);
    expect(records()[3]).not.toHaveProperty('user');
  });
});

test('whatever an end user, an application or a policy is called, each line is one line of JSON that no terminal obeys', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, other) => {
      file = join(folder, `d${number++}.jsonl`);
      const log = open({ guard: name });
      const session = log.session({ ...context('s'), attributes: { [other]: name }, application: other });
      session.append(decision('a', { rule: other, reason: name, person: { user: name, shown: { name } } }));
      session.append(outcome('a', { subjects: { [name]: { people: 1, questions: 0, values: 0 } } }));
      log.close();
      expect(readFileSync(file, 'utf8')).not.toMatch(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
      const [said, ended] = records();
      expect(said).toMatchObject({ guard: name, user: name, reason: name, attributes: { name } });
      expect(Object.entries(ended?.subjects ?? {})).toEqual(
        name === '__proto__' ? expect.anything() : [[name, { people: 1 }]],
      );
    }),
    { numRuns: 60 },
  );
});

describe('any records, in any files', () => {
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
              const taken = { rows, bytes: 0, changed: 0, ms: 1.9, status, ...(waited > 0 && { waited }) };
              if (!isQuiet) expected.push({ kind: 'outcome', guard: 'g1', id, principal, ...taken });
            }
          }
          await log.close();
          const read = records();
          // An outcome may come after decisions that were made after it.
          for (const kind of ['decision', 'outcome']) {
            const of = (all: readonly object[]) => all.filter((record) => 'kind' in record && record.kind === kind);
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
