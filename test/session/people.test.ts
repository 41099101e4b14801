/** Tests what a row discloses: data subjects by their keys, equal in every result format, and values of 8 bytes for everything else. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Disclosure } from '../../src/guard/subjects/disclosure.ts';
import type { RelationGrant } from '../../src/policy/model/policy.ts';
import type { SubjectKeys } from '../../src/policy/model/subject-keys.ts';
import { bind } from '../../src/protocol/bind.ts';
import type { OutcomeEntry } from '../../src/session/log-entries.ts';
import { addKeys } from '../../src/session/results/key-text.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { type BudgetOptions, LateBudget } from './late-budget.ts';
import { B, E, H, P, Q, S } from './messages.ts';
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
    insert into rooms values (1);
    alter table rooms add unique (id) deferrable initially deferred`);
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

async function open(
  disclosures: PolicyOptions['disclosures'],
  options: BudgetOptions = {},
  more: PolicyOptions = {},
  pooling?: 'session',
) {
  const make = (wake: () => void) => {
    budget = new LateBudget(wake, options);
    return budget;
  };
  const limits = { subjects: new Map([['student', oneHour]]) };
  const policy = policyOf({ relations, subjectKeys, limits, ...(disclosures && { disclosures }), ...more });
  peer = await relayed(database.url, policy, Infinity, make, undefined, false, undefined, undefined, pooling);
}

const outcome = () => peer.records.findLast((entry): entry is OutcomeEntry => entry.kind === 'outcome')!;
const NOTHING = { people: 0, questions: 0, values: 0 };
const shown = () => outcome().subjects?.student ?? NOTHING;
const told = (people: number, values: number) => ({ people, questions: 0, values });
/** Named by one person for each list of columns that hold the key; undefined: its rows are not. */
const student = (
  groups: number[][] | undefined,
  values: number[] = [],
  more: Partial<Disclosure> = {},
): Disclosure[] => [
  {
    subject: 'student',
    access: { kind: 'question' },
    canFail: 'no',
    ...(groups && { named: groups.map((columns) => ({ columns, added: [], type: 23 })) }),
    values,
    free: 'repeated',
    ...more,
  },
];

interface Case {
  readonly sql: string;
  readonly disclosures?: readonly Disclosure[];
  readonly people: number;
  readonly values: number;
  readonly why: string;
}

const cases: Case[] = [
  { sql: 'select id, name from students', disclosures: student([[0]]), people: 5, values: 0, why: 'each key once' },
  {
    sql: 'select student_id from absences where student_id > 0',
    disclosures: student([[0]]),
    people: 2,
    values: 0,
    why: 'and no more',
  },
  { sql: 'select name from students', disclosures: student(undefined), people: 0, values: 5, why: 'no key shows' },
  {
    sql: "select repeat(name, 5), uid = '00000000-0000-0000-0000-000000000000' from students",
    disclosures: student(undefined),
    people: 0,
    values: 11,
    why: 'each 8 bytes begun of each column; and of a column the first value and each other one',
  },
  {
    sql: 'select from students',
    disclosures: student(undefined),
    people: 0,
    values: 5,
    why: 'a row without columns is one',
  },
  {
    sql: "select case id when 1 then null when 2 then '' end from students order by id",
    disclosures: student(undefined),
    people: 0,
    values: 5,
    why: 'so is NULL, and the empty text; a row that differs in nothing is one all the same',
  },
  {
    sql: 'select name::varchar, id from students',
    disclosures: student([[0]]),
    people: 5,
    values: 10,
    why: 'the server says that another column is the key',
  },
  {
    sql: 'select id + 0, name from students',
    disclosures: student([[0]]),
    people: 5,
    values: 0,
    why: 'it does not contradict',
  },
  {
    sql: 'select student_id, note from absences',
    disclosures: student([[0]]),
    people: 2,
    values: 2,
    why: 'NULL names no person',
  },
  {
    sql: 'select a.id, b.id from students a, students b',
    disclosures: student([[0], [1]]),
    people: 5,
    values: 0,
    why: 'two in a row',
  },
  {
    sql: 'select s.id, a.student_id from students s left join absences a on a.student_id = s.id',
    disclosures: student([[0, 1]]),
    people: 5,
    values: 0,
    why: 'tied: whichever shows',
  },
  {
    sql: 'select id, (select count(*) from students), (select name from students q where q.id = 6 - students.id) from students',
    disclosures: student([[0]], [1, 2]),
    people: 5,
    values: 6,
    why: 'of others',
  },
  { sql: 'select members from groups', disclosures: student([[0]]), people: 3, values: 0, why: 'keys in arrays' },
  { sql: 'select repeat(id::text, 600) from rooms', disclosures: [], people: 0, values: 0, why: 'about no person' },
  { sql: 'select id from rooms', people: 0, values: 0, why: 'about no person' },
];

test.each(cases)('$sql: $people people and $values values, $why', async ({ sql, disclosures, people, values }) => {
  await open(disclosures);
  await ask(peer, Q(sql));
  expect(shown()).toEqual(told(people, values));
  expect([budget.keys.size, budget.taken.values]).toEqual([people, values]);
  await ask(peer, P(sql), B(), E(), S());
  expect(outcome().status).toBe('ok');
  expect(budget.taken.values).toBe(values);
  expect(budget.keys.size).toBe(people);
});

test('an unrestricted role: a key names a row, a row without one is one, and what is computed are values', async () => {
  for (const [sql, people, values] of [
    ['select id, name from students', 5, 0],
    ['select name from students', 0, 5],
    ["select repeat('x', 30) from students", 0, 4 + 4],
    ['select count(*) from students', 0, 1],
    ['select id, length(name) from students', 5, 1],
  ] as const) {
    await open(undefined, {}, { access: 'unrestricted', about: ['student'] });
    await ask(peer, Q(sql));
    expect([sql, shown()]).toEqual([sql, told(people, values)]);
    await peer.close();
  }
  await open(undefined);
});

test('it is not free, where the answer is also about another subject whose values are not free in that way', async () => {
  const [one] = student(undefined, [], { canFail: 'at-once', free: 'known' });
  await open([one!, { ...one!, subject: 'teacher', free: 'repeated' }]);
  for (let again = 0; again < 2; again += 1) {
    await ask(peer, Q('select count(*), max(name) from students'));
    expect(shown().values).toBe(2);
  }
});

test('a value that stood at the same place of the last answer to the same is told already', async () => {
  await open(student(undefined, [], { canFail: 'at-once' }));
  const taken: number[] = [];
  const run = async (...messages: Uint8Array[]) => {
    const before = budget.taken.values;
    await ask(peer, ...messages);
    taken.push(budget.taken.values - before);
  };
  const sql = 'select count(*), max(name) from students';
  await run(Q(sql));
  await run(Q(sql));
  await database.query("insert into students values (9, 'n9')");
  await run(Q(sql));
  await run(Q(sql));
  await run(Q(`${sql} `));
  await database.query('delete from students where id = 9');
  expect(taken).toEqual([2, 0, 2, 0, 0]);
  expect(budget.settled).toEqual(['answered', 'free', 'answered', 'free', 'free'].map((how) => `student ${how}`));
});

test('known people are free only if all of them come', async () => {
  await open(student([[0]], [], { free: 'known' }));
  const sql = 'select id from students';
  const settled = async (...messages: Uint8Array[]) => {
    budget.settled.length = 0;
    await ask(peer, ...messages);
    return budget.settled.map((how) => how.replace('student ', ''));
  };
  expect(await settled(P(sql), B(), E(), S())).toEqual(['free']);
  expect(await settled(P(sql), B(), E('', 3), S())).toEqual(['answered']);
  expect(await settled(P(sql), B(), E('', 3), E(), S())).toEqual(['answered', 'free']);
  expect(await settled(Q('begin'), Q(`declare c cursor for ${sql}`), Q('fetch 3 from c'))).toEqual(['answered']);
  expect(await settled(Q('fetch 3 from c'), Q('fetch all from c'), Q('fetch next from c'))).toEqual([
    'free',
    'free',
    'free',
  ]);
  await ask(peer, Q('commit'));
});

test('an answer that locks rows is free again only if it has none', async () => {
  await open(student(undefined, [], { locks: true }));
  const taken: number[] = [];
  for (const where of ['id = 1', 'id = 1', 'id = 99', 'id = 99']) {
    const before = budget.taken.values;
    await ask(peer, Q(`select false from students where ${where} for update`));
    taken.push(budget.taken.values - before);
  }
  expect(taken).toEqual([1, 1, 0, 0]);
  expect(budget.settled).toEqual(['answered', 'answered', 'answered', 'free'].map((how) => `student ${how}`));
});

test('of values that are new the last answer to the text is the one that was fixed beforehand', async () => {
  await open(student(undefined, [], { canFail: 'at-once' }));
  const sql = 'select count(*) from students where id > $1';
  const asked = (value: string) => [P(sql), B([value]), E(), S()];
  const taken: number[] = [];
  for (const value of ['2', '2', '7', '8', '9', '2', '7']) {
    const before = budget.taken.values;
    await ask(peer, ...asked(value));
    taken.push(budget.taken.values - before);
  }
  expect(taken).toEqual([1, 0, 1, 0, 0, 0, 0]);
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
  expect(budget.taken.values).toBe(0);
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
  ['integers of any length', 'id', [INT4, INT8], told(5, 0), ['1', '2', '3', '4', '5']],
  ['a single type', 'name', [TEXT], told(5, 0), ['n1', 'n2', 'n3', 'n4', 'n5']],
  ['several types: the key cannot be read, and the row counts as a value', 'id', [INT4, TEXT], told(0, 12), undefined],
  ['no type', 'id', [], told(0, 12), undefined],
])('COPY in binary: %s', async (_, column, types, counts, keys) => {
  const named = [{ columns: [0], added: [], type: 0 }];
  await open(student([[0]], [], { named }), {}, { keyTypes: new Map([['student', types]]) });
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
  expect(shown()).toEqual(told(5, 0));
});

test('COPY: of a row that is not named all bytes are one value', async () => {
  await open(student(undefined));
  await ask(peer, Q("copy (select name, repeat('x', 20) from students) to stdout"));
  expect(shown()).toEqual(told(0, 5 * 3));
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
    expect(shown()).toEqual(told(3, 0));
  }
});

/** INVARIANT 78 */
describe.each([undefined, 'session'] as const)('with nothing left in a later window, pooling: %s', (pooling) => {
  test.each([
    ['a row that is withheld looks as none', 'id', ''],
    ['so does an error, as by statement_timeout behind a row', '1 / (id - 2)', ''],
    [
      'so does the end of its session, as by transaction_timeout',
      'id',
      'union all select pg_terminate_backend(pg_backend_pid())::int',
    ],
  ])('%s', async (_, value, rest) => {
    const replies: string[][] = [];
    for (const id of [2, 9]) {
      await open(student([[0]], [], { access: { kind: 'held' } }), { people: 0, lapsed: true }, {}, pooling);
      const words = await ask(peer, Q(`select ${value} from students where id = ${id} ${rest}`));
      replies.push([...words, `closed: ${peer.received.closed}`]);
      if (id === 2) await peer.close();
    }
    expect(replies[0]).toEqual(replies[1]);
    expect(replies[0]!.join()).toContain('ErrorResponse:53400');
  });

  /** INVARIANT 266 */
  test('so does a change of more rows than a statement may change', async () => {
    const replies: string[][] = [];
    for (const id of [2, 4]) {
      const limits = { subjects: new Map([['student', oneHour]]), changedPerStatement: 1 };
      await open(student([[0]], [], { canFail: 'at-once' }), { people: 0, lapsed: true }, { limits }, pooling);
      const words = await ask(peer, Q(`update students set name = name where id < ${id}`));
      replies.push([...words, `closed: ${peer.received.closed}`, `${peer.received.errors().at(-1)?.get('M')}`]);
      if (id === 2) await peer.close();
    }
    expect(replies[0]).toEqual(replies[1]);
    expect(replies[0]!.join()).toContain('ErrorResponse:53400');
  });

  /** INVARIANT 265 */
  test.each([
    ['COMMIT', (sql: string) => ({ before: [Q('begin'), Q(sql)], end: Q('commit') })],
    ['a Sync', (sql: string) => ({ before: [P(sql), B(), E(), H()], end: S() })],
  ])('%s tells of no constraint that is checked then', async (_, messages) => {
    const play = async (id: number, left: BudgetOptions) => {
      await open(student([[0]], [], { canFail: 'at-commit' }), {}, {}, pooling);
      const { before, end } = messages(`insert into rooms values (${id})`);
      await ask(peer, ...before);
      await peer.received.until(() => peer.received.words().includes('CommandComplete:INSERT 0 1'));
      budget.options = { ...left, lapsed: true };
      const words = await ask(peer, end);
      const said = [...words, `closed: ${peer.received.closed}`];
      if (id === 1) await peer.close();
      return said;
    };
    const withheld = await play(1, { people: 0 });
    expect(await play(9, { people: 0 })).toEqual(withheld);
    expect(withheld.slice(-2)).toEqual(['ErrorResponse:53400:FATAL', 'closed: true']);
    expect((await play(1, { people: 1 })).join()).toContain('ErrorResponse:23505');
  });

  test.each([
    ['of one subject once', ['student', 'student'], 1],
    ['of each subject', ['student', 'teacher'], 2],
  ])('COMMIT is paid again for what it may tell %s', async (_, subjects, paid) => {
    const limits = { subjects: new Map(['student', 'teacher'].map((subject) => [subject, oneHour])) };
    const asked = (text: string) => student([[0]], [], { canFail: 'at-commit', subject: text.split(' ').at(-2)! });
    await open(asked, {}, { limits }, pooling);
    await ask(peer, Q('begin'));
    for (const [at, subject] of subjects.entries())
      await ask(peer, Q(`insert into rooms values (${at + 20}) /* ${subject} */`));
    budget.options = { lapsed: true };
    const before = budget.taken.values;
    await ask(peer, Q('rollback'));
    expect(budget.taken.values - before).toBe(paid);
  });
});

test('RETURNING shows people as well, and nothing of it stays where they are too many', async () => {
  await open(student([[0]]), { people: 3 });
  await ask(peer, Q('update students set name = name returning id, name'));
  expect(outcome()).toMatchObject({ status: 'cut', subjects: { student: { people: 3 } } });
  await peer.close();
  await open(student([[0]]), { people: 5 });
  await ask(peer, Q('update students set name = name returning id, name'));
  expect(outcome()).toMatchObject({ status: 'ok', subjects: { student: { people: 5, values: 0 } } });
});

test.each(['', 'prepare p as '])(
  'values put into a temporary table are counted when they are written: %s',
  async (prepare) => {
    const fill = 'insert into kept select id from students /*fills*/';
    const copy = async (people: number) => {
      await open(student([[0]], [], { write: { row: 1, tag: true } }), { people });
      await ask(peer, Q('begin'), Q('create temp table kept (id int)'), Q(prepare + fill));
      return prepare === '' ? peer.received.words() : ask(peer, Q('execute p'));
    };
    expect(await copy(6)).toContain('CommandComplete:INSERT 0 5');
    expect(budget.taken).toMatchObject({ rows: 5, changed: 0, values: 6 });
    expect(shown()).toEqual(told(0, 6));
    await peer.close();
    expect(await copy(5)).toContain('ErrorResponse:53400');
  },
);

test('the part of a long row beyond its first piece counts by its length', async () => {
  await open(student([[0]]));
  await ask(peer, Q("select s.id, repeat('x', 100000) from students s where id = 1"));
  expect(shown()).toEqual(told(1, 0));
  await peer.close();
  await open(student([[1]]));
  await ask(
    peer,
    Q("select (select note from absences limit 1) || repeat('x', 100000), id from students where id = 1"),
  );
  expect(shown().values).toBeGreaterThan(12_500);
});

test('rows of a restricted role without proofs are all counted as values, though their keys show', async () => {
  await open(undefined);
  await ask(peer, Q('select id, name from students'));
  expect(shown()).toEqual({ people: 5, questions: 0, values: 10 });
});

test('in observe mode people are counted for the log, and not taken', async () => {
  await open(student([[0]]), { people: 1 }, { mode: 'observe' });
  await ask(peer, Q('select id from students'));
  expect(shown()).toEqual(told(5, 0));
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
