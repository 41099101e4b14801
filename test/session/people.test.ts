/** Whom a row shows: keys that the server names as such, the same in every format, and everybody else who may stand in it. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { PeopleOfRow } from '../../src/guard/decision.ts';
import type { RelationGrant } from '../../src/policy/policy.ts';
import type { SubjectKeys } from '../../src/policy/subject-keys.ts';
import type { OutcomeEntry } from '../../src/session/entries.ts';
import { addKeys } from '../../src/session/key-text.ts';
import { bind } from '../../src/wire/bind.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { type BudgetOptions, LateBudget } from './late-budget.ts';
import { B, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let relations: RelationGrant[];
let subjectKeys: SubjectKeys;
let peer: RelayedPeer;
let budget: LateBudget;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    create table students (id int primary key, name text, uid uuid, code char(6));
    create table absences (id int, student_id bigint, note text);
    create table groups (id int, members int[]);
    create table rooms (id int);
    insert into students select i, 'n' || i, ('00000000-0000-0000-0000-00000000000' || i)::uuid, 'c' || i from generate_series(1, 5) i;
    insert into absences select i, 1 + i % 2, repeat('x', 100) from generate_series(1, 6) i;
    insert into absences values (7, null, 'nobody');
    insert into groups values (1, '{1,2,3}'), (2, '{3,NULL}');
    insert into rooms values (1)`);
  const names = ['students', 'absences', 'groups', 'rooms'];
  relations = await Promise.all(names.map((name) => grantOf(database, name)));
  const oid = (name: string) => relations[names.indexOf(name)]!.relation.oid;
  const columns = (...attnums: number[]) => new Map(attnums.map((attnum) => [attnum, ['student']]));
  subjectKeys = new Map([
    [oid('students'), columns(1, 3, 4)],
    [oid('absences'), columns(2)],
    [oid('groups'), columns(2)],
  ]);
});
afterAll(() => database.drop());
afterEach(async () => {
  expect(peer.faults).toEqual([]);
  await peer.close();
});

const oneHour = [{ amount: 1_000_000, window: { count: 1, unit: 'hour' as const } }];

async function open(people: readonly PeopleOfRow[] | undefined, options: BudgetOptions = {}, more: PolicyOptions = {}) {
  const make = (wake: () => void) => {
    budget = new LateBudget(wake, options);
    return budget;
  };
  const limits = { subjects: new Map([['student', oneHour]]) };
  const policy = policyOf({ relations, subjectKeys, limits, ...(people && { people }), ...more });
  peer = await relayed(database.url, policy, Infinity, make);
}

const outcome = () => peer.records.findLast((entry): entry is OutcomeEntry => entry.kind === 'outcome')!;
const shown = () => outcome().subjects?.student ?? { n: 0, unnamed: 0 };
/** One person for each list of columns that hold the key. */
const student = (ways: number[][], unnamed = 0): PeopleOfRow[] => [
  { subject: 'student', ways: ways.map((keys) => ({ keys })), unnamed },
];

interface Case {
  readonly sql: string;
  readonly people?: readonly PeopleOfRow[];
  readonly n: number;
  readonly unnamed: number;
  readonly why: string;
}

const cases: Case[] = [
  { sql: 'select id, name from students', people: student([[0]]), n: 5, unnamed: 0, why: 'each key once' },
  {
    sql: 'select student_id from absences where student_id > 0',
    people: student([[0]]),
    n: 2,
    unnamed: 0,
    why: 'and no more',
  },
  { sql: 'select name from students', people: student([[]]), n: 0, unnamed: 5, why: 'no key shows' },
  {
    sql: 'select id + 0, name from students',
    people: student([[0]]),
    n: 0,
    unnamed: 5,
    why: 'the server does not say that it is a key',
  },
  { sql: 'select student_id, note from absences', people: student([[0]]), n: 2, unnamed: 1, why: 'NULL names nobody' },
  {
    sql: 'select a.id, b.id from students a, students b',
    people: student([[0], [1]]),
    n: 5,
    unnamed: 0,
    why: 'two in a row',
  },
  {
    sql: 'select a.id, b.name from students a, students b',
    people: student([[0], []]),
    n: 5,
    unnamed: 25,
    why: 'one of two',
  },
  {
    sql: 'select s.id, a.student_id from students s left join absences a on a.student_id = s.id',
    people: student([[0, 1]]),
    n: 5,
    unnamed: 0,
    why: 'tied: whichever shows',
  },
  {
    sql: 'select id, (select name from students limit 1) from students',
    people: student([[0]], 1),
    n: 5,
    unnamed: 5,
    why: 'one more',
  },
  {
    sql: 'select name, id from students',
    people: student([[]]),
    n: 5,
    unnamed: 5,
    why: 'a key that nobody expected counts too',
  },
  {
    sql: "select id, repeat('y', 600) from students where id < 3",
    people: student([[0]]),
    n: 2,
    unnamed: 4,
    why: 'something computed, of twice 256 bytes',
  },
  {
    sql: "select id, repeat('y', 200), repeat('z', 55) from students",
    people: student([[0]]),
    n: 5,
    unnamed: 0,
    why: 'of fewer',
  },
  { sql: "select repeat('y', 600) from rooms", people: [], n: 0, unnamed: 0, why: 'about nobody' },
  { sql: 'select members from groups', people: student([[0]]), n: 3, unnamed: 0, why: 'keys in arrays' },
  { sql: 'select id from students', n: 5, unnamed: 0, why: 'a key shows, whatever the judgement says' },
  { sql: 'select name from students', n: 0, unnamed: 5, why: 'and a table without its key is somebody' },
  { sql: 'select id from rooms', n: 0, unnamed: 0, why: 'nobody' },
];

test.each(cases)('$sql: $n and $unnamed without a name, $why', async ({ sql, people, n, unnamed }) => {
  await open(people);
  await ask(peer, Q(sql));
  expect(shown()).toEqual({ n, unnamed });
  expect([budget.keys.size, budget.taken.unnamed]).toEqual([n, unnamed]);
  await ask(peer, P(sql), B(), E('', 2), E(), S());
  expect(outcome().status).toBe('ok');
  expect(budget.taken.unnamed).toBe(2 * unnamed);
  expect(budget.keys.size).toBe(n);
});

test('the same person has the same key in every format and protocol, by cursor, EXECUTE and COPY', async () => {
  await open(student([[0]]));
  const sql = 'select id from students';
  const binary = bind({
    portal: '',
    statement: '',
    formats: [],
    values: Buffer.alloc(0),
    valueCount: 0,
    resultFormats: [1],
  });
  await ask(peer, Q(sql));
  await ask(peer, P(sql), binary, E(), S());
  await ask(peer, P('select student_id from absences where student_id is not null'), binary, E(), S());
  await ask(peer, Q('begin'), Q(`declare c binary cursor for ${sql}`), Q('fetch all from c'), Q('commit'));
  await ask(peer, Q(`prepare p as ${sql}`), Q('execute p'));
  await ask(peer, P('execute p'), binary, E(), S());
  await ask(peer, Q(`copy (${sql}) to stdout`), Q(`copy (${sql}) to stdout with csv header`));
  expect([...budget.keys].sort()).toEqual(['1', '2', '3', '4', '5'].map((key) => `student${key}`));
  expect(budget.taken.unnamed).toBe(0);
});

test.each(['uid', 'code'])('other types of keys: %s', async (column) => {
  await open(student([[0]]));
  const binary = bind({
    portal: '',
    statement: '',
    formats: [],
    values: Buffer.alloc(0),
    valueCount: 0,
    resultFormats: [1],
  });
  await ask(peer, Q(`select ${column} from students`), P(`select ${column} from students`), binary, E(), S());
  expect(budget.keys.size).toBe(5);
});

const INT4 = 23;
const INT8 = 20;
const TEXT = 25;

test.each([
  ['integers of any length', 'id', [INT4, INT8], { n: 5, unnamed: 0 }, ['1', '2', '3', '4', '5']],
  ['a single type', 'name', [TEXT], { n: 5, unnamed: 0 }, ['n1', 'n2', 'n3', 'n4', 'n5']],
  ['several types: somebody, but nobody knows who', 'id', [INT4, TEXT], { n: 0, unnamed: 5 }, undefined],
  ['no type', 'id', [], { n: 0, unnamed: 5 }, undefined],
])('COPY in binary: %s', async (_, column, types, counts, keys) => {
  await open(student([[0]]), {}, { keyTypes: new Map([['student', types]]) });
  await ask(peer, Q(`copy (select ${column} from students order by id) to stdout with binary`));
  expect(shown()).toEqual(counts);
  expect(outcome().keys?.student).toEqual(keys);
});

test.each([
  ['text', "(e'a\\tb')", "copy (select 'a' || chr(9) || 'b', id from students) to stdout"],
  ['csv', '("a,""b")', `copy (select 'a,"b', id from students) to stdout with csv`],
])('COPY: a key behind a value that looks like more than one: %s', async (_format, _value, sql) => {
  await open(student([[1]]));
  await ask(peer, Q(sql));
  expect(shown()).toEqual({ n: 5, unnamed: 0 });
});

test('COPY: what every row may hold beside keys counts by its length, since the server does not say what it is', async () => {
  await open(student([[0]]));
  await ask(peer, Q("copy (select id, repeat('x', 600) from students) to stdout"));
  expect(shown()).toEqual({ n: 5, unnamed: 10 });
});

test('a row that shows one too many does not pass, and no more is counted than passed', async () => {
  await open(student([[0]]), { people: 3 });
  for (const messages of [
    [Q('select id from students order by id')],
    [P('select id from students order by id'), B(), E(), S()],
  ]) {
    const words = await ask(peer, ...messages);
    expect(words.filter((word) => word === 'DataRow')).toHaveLength(3);
    expect(words.slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
    expect(shown()).toEqual({ n: 3, unnamed: 0 });
  }
});

test('RETURNING shows people as well, and nothing of it stays where they are too many', async () => {
  await open(student([[0]]), { people: 3 });
  await ask(peer, Q('update students set name = name returning id, name'));
  expect(outcome()).toMatchObject({ status: 'cut', subjects: { student: { n: 3 } } });
  await peer.close();
  await open(student([[0]]), { people: 5 });
  await ask(peer, Q('update students set name = name returning id, name'));
  expect(outcome()).toMatchObject({ status: 'ok', subjects: { student: { n: 5, unnamed: 0 } } });
});

test.each(['', 'prepare p as '])(
  'who is put into a temporary table is somebody without a name: %s',
  async (prepare) => {
    const fill = 'insert into kept select id from students /*fills*/';
    const copy = async (people: number) => {
      await open(student([[0]]), { people });
      await ask(peer, Q('begin'), Q('create temp table kept (id int)'), Q(prepare + fill));
      return prepare === '' ? peer.received.words() : ask(peer, Q('execute p'));
    };
    expect(await copy(5)).toContain('CommandComplete:INSERT 0 5');
    expect(budget.taken).toMatchObject({ rows: 5, changed: 0, unnamed: 5 });
    expect(shown()).toEqual({ n: 0, unnamed: 5 });
    await peer.close();
    expect(await copy(4)).toContain('ErrorResponse:53400');
  },
);

test('a key that lies beyond the first piece of a long row counts as somebody, and what lies there as computed', async () => {
  await open(student([[0]]));
  await ask(peer, Q("select s.id, repeat('x', 100000) from students s where id = 1"));
  expect(shown()).toEqual({ n: 1, unnamed: 390 });
  await peer.close();
  await open(student([[1]]));
  await ask(
    peer,
    Q("select (select note from absences limit 1) || repeat('x', 100000), id from students where id = 1"),
  );
  expect(shown().n + shown().unnamed).toBeGreaterThan(390);
});

test('an unrestricted role: the columns are asked for, and people counted', async () => {
  await open(undefined, {}, { access: 'unrestricted' });
  await ask(peer, P('select id from students'), B(), E(), S());
  expect(shown()).toEqual({ n: 5, unnamed: 0 });
});

test('in observe mode people are counted for the log, and not taken', async () => {
  await open(student([[0]]), { people: 1 }, { mode: 'observe' });
  await ask(peer, Q('select id from students'));
  expect(shown()).toEqual({ n: 5, unnamed: 0 });
  expect(budget.keys.size).toBe(0);
});

test.each([
  ['int in text', '12', 23, 0, ['12'], 0],
  ['an enumeration', 'red', 90001, 0, ['red'], 0],
  ['an array of a type that is not known', '{a,b}', 90001, 0, [], 2],
  ['an array with quotes', '{"a,b",c,NULL,"NULL","\\"\\\\"}', 1009, 0, ['a,b', 'c', 'NULL', '"\\'], 0],
  ['an empty array', '{}', 1007, 0, [], 0],
  ['char(n) is padded', 'ab   ', 1042, 0, ['ab'], 0],
])('keys: %s', (_what, value, type, format, keys, more) => {
  const found: string[] = [];
  expect(addKeys(found, Buffer.from(value), type, format)).toBe(more);
  expect(found).toEqual(keys);
});

test('keys: bytes that are no UTF-8 stay apart', () => {
  const found: string[] = [];
  addKeys(found, Buffer.from([0xe9]), 25, 0);
  addKeys(found, Buffer.from([0xe8]), 25, 0);
  expect(found).toHaveLength(2);
});
