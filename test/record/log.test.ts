/** Tests the decision log: what a line holds, that it is written when `append` returns, and that it counts on whatever happens to the file. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { RecordSink } from '../../src/decision-log/record-sink.ts';
import { type DecisionLog, type LogOptions, openLog } from '../../src/decision-log/writer/log.ts';
import { attributeValues } from '../../src/policy/model/attribute-values.ts';
import type { AttributeType } from '../../src/policy/model/policy.ts';
import type { DecisionEntry, OutcomeEntry } from '../../src/session/log-entries.ts';
import { allRecords, recordsOf, type WholeRecord } from '../support/decision-log.ts';

const made = mkdtempSync(join(tmpdir(), 'rowgate-log-'));
/** A key may be made beside it. */
const folder = join(made, 'log');
mkdirSync(folder);
afterAll(() => rmSync(made, { recursive: true, force: true }));

let files = 0;
let file = '';
let notices: string[] = [];
beforeEach(() => {
  file = join(folder, `decisions-${files++}.jsonl`);
  notices = [];
});

/** The log is what the proxy asks for. */
function open(options: Partial<LogOptions> = {}): DecisionLog & RecordSink {
  return openLog({
    file,
    durability: 'batched',
    text: 'normalized',
    guard: 'g1',
    clock: () => Date.UTC(2026, 10, 25, 9, 0, 0, 7),
    notice: (message) => notices.push(message),
    ...options,
  });
}

const text = (): string => readFileSync(file, 'utf8');
const lines = (): string[] => text().trimEnd().split('\n');
/** Lines but those of the log about itself. */
const ownLines = (): string[] => lines().filter((line) => !/"kind":"(segment|seal)"/.test(line));
const records = (): WholeRecord[] => recordsOf(text());
const sequence = (): unknown[] => allRecords(text()).map(({ seq }) => seq);
const HASH = /,"hash":"[\w-]{43}"}$/;
const plain = (): string[] => ownLines().map((line) => line.replace(HASH, '}'));

const decision: DecisionEntry = {
  kind: 'decision',
  id: '01JD',
  command: 'SELECT',
  fingerprint: '3b9b2a41d098c92e',
  statement: 'SELECT ine FROM students WHERE id = $1',
  tables: ['public.students'],
  columns: ['public.students.ine'],
  effect: 'refuse',
  reason: 'column-withheld',
  rule: 'roles/teacher.yaml:7',
  sqlstate: '42501',
  policy: 'sha256:aa',
  text: 'SELECT ine FROM students WHERE id = 4711',
};
const outcome: OutcomeEntry = {
  kind: 'outcome',
  id: '01JD',
  rows: 12,
  bytes: 840,
  changed: 0,
  ms: 1.90012,
  status: 'ok',
};
const context = {
  session: '01JS',
  principal: 'college_12_app',
  role: 'teacher',
  attributes: { school_id: 12 },
  client: '10.12.0.7:50412',
  certificate: 'sha256:cc',
  database: 'ent',
  application: 'psql',
};

describe('a line', () => {
  test('of a decision holds the fields of the design, in its order', () => {
    const log = open();
    const person = { user: '7731', shown: { school_id: 12 } };
    expect(log.session(context).append({ ...decision, person })).toBe(true);
    log.close();
    expect(plain()[0]).toBe(
      '{"time":"2026-11-25T09:00:00.007Z","kind":"decision","guard":"g1","seq":2,"id":"01JD","session":"01JS",' +
        '"principal":"college_12_app","user":"7731","role":"teacher","attributes":{"school_id":12},"client":"10.12.0.7:50412",' +
        '"certificate":"sha256:cc","database":"ent","application":"psql","policy":"sha256:aa","command":"SELECT","fingerprint":"3b9b2a41d098c92e",' +
        '"statement":"SELECT ine FROM students WHERE id = $1","tables":["public.students"],"columns":["public.students.ine"],' +
        '"effect":"refuse","reason":"column-withheld","rule":"roles/teacher.yaml:7","sqlstate":"42501"}',
    );
  });

  test('of an outcome names the decision and the principal', () => {
    const log = open();
    log.session(context).append({
      ...outcome,
      status: 'cut',
      sqlstate: '53400',
      limit: { name: 'rows_per_statement', used: 501, of: 500 },
    });
    log.close();
    expect(plain()[0]).toBe(
      '{"time":"2026-11-25T09:00:00.007Z","kind":"outcome","guard":"g1","seq":2,"id":"01JD","principal":"college_12_app",' +
        '"rows":12,"bytes":840,"changed":0,"ms":1.9,"status":"cut","sqlstate":"53400","limit":{"name":"rows_per_statement","used":501,"of":500}}',
    );
  });

  test('of observe mode says what would have been done', () => {
    const log = open();
    log.session(context).append({ ...decision, effect: 'allow', would: 'refuse' });
    log.close();
    expect(text()).toContain('"effect":"allow","would":"refuse","reason"');
  });

  test('of other kinds', () => {
    const log = open();
    log.append('start', { version: '0.1.0', configuration: 'sha256:bb' });
    log.append('login', context);
    log.append('login-refused', {
      principal: 'p'.repeat(500),
      client: '127.0.0.1:5',
      reason: 'password',
      sqlstate: '28P01',
    });
    log.append('policy', {
      from: 'sha256:a',
      to: 'sha256:b',
      by: 'root',
      via: 'signal',
      problems: ['roles/a.yaml:1:1: x'],
    });
    log.append('stop', {});
    log.close();
    expect(records()[3]!.problems).toEqual(['roles/a.yaml:1:1: x']);
    expect(records().map(({ kind }) => kind)).toEqual(['start', 'login', 'login-refused', 'policy', 'stop']);
    expect(records()[2]!.principal).toBe('p'.repeat(64));
    expect(sequence()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('stays one line whatever a client names itself', () => {
    const log = open();
    const application = 'a"\n{"seq":9}\u2028\u0000\ud800é😀';
    log.session({ ...context, application }).append(decision);
    log.close();
    expect(ownLines()).toHaveLength(1);
    expect(records()[0]!.application).toBe(application);
  });

  test('does nothing to a terminal that shows it: it holds no control character and no mark of direction', () => {
    const log = open();
    const application = 'a\u009b2J\u007f\u0085\u001b[31m\u202etxt\u2066\u2029é😀';
    log.session({ ...context, application }).append(decision);
    log.close();
    expect(ownLines()[0]).not.toMatch(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u);
    expect(records()[0]!.application).toBe(application);
  });

  test('cannot be given another sequence number, guard or time by its fields', () => {
    const log = open();
    const forged = { seq: 99, guard: 'x', time: 'y', kind: 'stop', hash: 'z', torn: 9, seal: 7, principal: 'p' };
    log.append('login', forged);
    log.close();
    expect(plain()).toEqual([
      '{"time":"2026-11-25T09:00:00.007Z","kind":"login","guard":"g1","seq":2,"principal":"p"}',
    ]);
  });

  test.each([
    ['normalized', decision.statement],
    ['full', decision.text],
    ['none', undefined],
  ] as const)('holds under `text: %s` the statement %j', (kind, expected) => {
    const log = open({ text: kind });
    log.session(context).append(decision);
    log.close();
    expect(records()[0]!.statement).toBe(expected);
    if (kind !== 'full') expect(text()).not.toContain('4711');
  });

  test('long lists are written whole', () => {
    const log = open();
    log.session(context).append({ ...decision, columns: Array.from({ length: 1600 }, (_, i) => `public.t.c${i}`) });
    log.close();
    expect(records()[0]!.columns).toHaveLength(1600);
  });

  test('the application may change in a session', () => {
    const log = open();
    const changing = { ...context };
    const session = log.session(changing);
    session.append(decision);
    changing.application = 'other';
    session.append(decision);
    log.close();
    expect(ownLines().map((line) => JSON.parse(line).application)).toEqual(['psql', 'other']);
  });
});

describe.each(['batched', 'strict'] as const)('%s', (durability) => {
  test('the line is in the file when append returns', () => {
    const log = open({ durability });
    for (let i = 1; i <= 20; i++) {
      expect(log.append('login', { principal: `p${i}` })).toBe(true);
      expect(sequence().at(-1)).toBe(i + 1);
    }
    log.close();
  });

  test('after close nothing is written and nothing is thrown', () => {
    const log = open({ durability });
    log.close();
    log.close();
    expect(log.append('login', {})).toBe(false);
    expect(log.session(context).append(decision)).toBe(false);
    expect(log.reopen()).toBe(false);
    expect(text()).toBe('');
  });

  test('a device that is full: false, one notice, and on by itself when there is room again', () => {
    const link = join(folder, `link-${files}`);
    symlinkSync('/dev/full', link);
    const log = open({ file: link, durability });
    expect(log.append('login', {})).toBe(false);
    expect(log.append('login', {})).toBe(false);
    rmSync(link);
    writeFileSync(file, '{"time":"2026');
    symlinkSync(file, link);
    expect(log.append('login', {})).toBe(true);
    log.close();
    expect(lines()[0]).toBe('{"time":"2026');
    expect(JSON.parse(lines()[1]!)).toMatchObject({ kind: 'segment', seq: 1, torn: 13 });
    expect(notices).toEqual([
      expect.stringMatching(/^decision log ".*" cannot be written: ENOSPC/),
      expect.stringMatching(/^decision log ".*" is written again$/),
    ]);
  });
});

describe('starting again', () => {
  test('counts on', () => {
    for (let i = 0; i < 3; i++) {
      const log = open();
      log.append('start', {});
      log.append('stop', {});
      log.close();
    }
    expect(sequence()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(records().map(({ kind }) => kind)).toEqual(['start', 'stop', 'start', 'stop', 'start', 'stop']);
  });

  test.each([
    ['torn in the middle', '{"time":"2026","kind":"login","guard":"g1","se', 46],
    ['torn in a character of several bytes', Buffer.from('{"kind":"é').subarray(0, -1), 10],
    ['torn twice', '{"kind\n{"time"', 14],
    ['torn, with an empty line behind it', '{"kind\n\n', 7],
    ['that is no record of a chain', '{"time":"2026","kind":"login","guard":"g1","seq":99}\n', 52],
  ])('behind a last line %s: the next record says so', (_, torn, bytes) => {
    const before = open();
    before.append('start', {});
    before.append('login', {});
    before.close();
    appendFileSync(file, torn);
    const log = open();
    log.append('start', {});
    log.append('stop', {});
    log.close();
    expect(JSON.parse(ownLines().at(-2)!)).toMatchObject({ kind: 'start', seq: 5, torn: bytes });
    expect(JSON.parse(ownLines().at(-1)!)).not.toHaveProperty('torn');
    expect(sequence()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('behind a last line that lacks its line end alone: it counts', () => {
    const before = open();
    before.append('start', {});
    before.close();
    writeFileSync(file, text().trimEnd());
    const log = open();
    log.append('start', {});
    log.close();
    expect(sequence()).toEqual([1, 2, 3, 4, 5]);
    expect(text()).not.toContain('torn');
  });

  test('finds the last record behind a long torn line', () => {
    const before = open();
    for (let i = 0; i < 5; i++) before.append('login', {});
    before.close();
    appendFileSync(file, `{"statement":"${'é'.repeat(300_000)}`);
    const log = open();
    log.append('start', {});
    log.close();
    expect(JSON.parse(ownLines().at(-1)!)).toMatchObject({ seq: 8, torn: 14 + 600_000 });
  });

  test('a file that is no log is not written to', () => {
    writeFileSync(file, 'some other file\n');
    expect(() => open()).toThrow(/holds no decision record/);
    expect(text()).toBe('some other file\n');
  });

  test('a folder that is not there, and a path that is a folder', () => {
    expect(() => open({ file: join(folder, 'no', 'where.jsonl') })).toThrow(/ENOENT/);
    expect(() => open({ file: folder })).toThrow(/EISDIR/);
  });

  test('a new file is for its owner alone', () => {
    open().close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

describe('rotated by hand', () => {
  test('the old file keeps what was written, the new one counts on', () => {
    const log = open();
    log.append('login', {});
    renameSync(file, `${file}.1`);
    log.append('login', {});
    expect(log.reopen()).toBe(true);
    log.append('login', {});
    log.close();
    expect(sequence()).toEqual([4, 5, 6]);
    expect(allRecords(readFileSync(`${file}.1`, 'utf8')).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  test('where a new one cannot be opened, the open one is kept', () => {
    const gone = mkdtempSync(join(folder, 'gone-'));
    const log = open({ file: join(gone, 'd.jsonl') });
    renameSync(gone, `${gone}-moved`);
    expect(log.reopen()).toBe(false);
    expect(log.append('login', {})).toBe(true);
    log.close();
    expect(readFileSync(join(`${gone}-moved`, 'd.jsonl'), 'utf8')).toContain('"seq":1');
    expect(notices).toEqual([expect.stringMatching(/cannot be opened again: ENOENT/)]);
  });
});

describe('attributes are shown as JSON values', () => {
  test.each([
    ['integer', '12', 12],
    ['integer', '-7', -7],
    ['bigint', '42', 42],
    ['bigint', '9223372036854775807', '9223372036854775807'],
    ['text', '01', '01'],
    ['uuid', 'a0ee', 'a0ee'],
    ['date', '2026-01-01', '2026-01-01'],
    ['boolean', 't', true],
    ['boolean', 'false', false],
    ['integer[]', '{1,2,NULL}', [1, 2, null]],
    ['text[]', '{a,"b \\"c\\\\d,e",null,"NULL", f g ,""}', ['a', 'b "c\\d,e', null, 'NULL', 'f g', '']],
    ['text[]', '{}', []],
  ])('%s %s', (type, value, expected) => {
    const types = new Map<string, AttributeType>([['x', { name: 'x', type, typeOid: 0, fromToken: false }]]);
    expect(
      attributeValues(
        types,
        new Map([
          ['x', value],
          ['undeclared', '1'],
        ]),
      ),
    ).toEqual({ x: expected });
  });
});
