/** Tests that a server whose messages do not answer the statement that was sent ends the session before any of them is forwarded. */
import { expect, test } from 'vitest';
import type { CopyFormat } from '../../src/guard/decision.ts';
import { commandComplete } from '../../src/protocol/command-complete.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { readyForQuery } from '../../src/protocol/ready-for-query.ts';
import { rowDescription } from '../../src/protocol/row-description.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { Session } from '../../src/session/session.ts';
import { B, D, DONE, DP, DS, E, P, Q, S } from './messages.ts';
import { Received } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { UNLIMITED } from './unlimited.ts';

const plain = (type: number, body: string | Uint8Array = '') =>
  new MessageWriter(type).bytes(Buffer.from(body as string)).finish();
const columns = (...names: string[]) =>
  rowDescription(names.map((name) => ({ name, table: 0, attnum: 0, type: 25, size: -1, typmod: -1, format: 0 })));
const row = (...values: string[]) => {
  const writer = new MessageWriter(Backend.DataRow).int16(values.length);
  for (const value of values) writer.int32(value.length).bytes(Buffer.from(value));
  return writer.finish();
};
const rows = (count: number, ...values: string[]) => Buffer.concat(Array.from({ length: count }, () => row(...values)));
const done = commandComplete;
const ready = readyForQuery('I');
const PARSED = plain(Backend.ParseComplete);
const BOUND = plain(Backend.BindComplete);
const NO_DATA = plain(Backend.NoData);
const NO_PARAMETERS = plain(Backend.ParameterDescription, Buffer.from([0, 0]));
const SUSPENDED = plain(Backend.PortalSuspended);
const EMPTY = plain(Backend.EmptyQueryResponse);
const COPY_OUT = plain(Backend.CopyOutResponse, Buffer.from([0, 0, 1, 0, 0]));
const COPY_IN = plain(Backend.CopyInResponse, Buffer.from([0, 0, 1, 0, 0]));
const COPY_DATA = plain(Backend.CopyData, 'SECRET\n');
const COPY_DONE = plain(Backend.CopyDone);

const keysOf = new Map([[7, new Map([[1, ['pupil']]])]]);
const ROLES: Record<string, PolicyOptions> = {
  restricted: {},
  'restricted, with people who are counted': {
    subjectKeys: keysOf,
    limits: { subjects: new Map([['pupil', [{ amount: 1_000_000, window: { count: 1, unit: 'hour' } }]]]) },
  },
  'in observe mode, with people who are counted': { mode: 'observe', subjectKeys: keysOf },
  unrestricted: { access: 'unrestricted' },
};

interface Played {
  readonly words: string[];
  readonly bytes: string;
  readonly faults: unknown[];
}

/** The client's messages, and the server's answers, each when all before it have been taken. */
function play(policy: SessionPolicy, client: readonly Uint8Array[], server: readonly Uint8Array[]): Played {
  const received = new Received();
  const faults: unknown[] = [];
  let made = 0;
  const session = new Session({
    toServer: () => {},
    toClient: (bytes) => received.push(bytes),
    record: () => true,
    cancel: () => {},
    budget: UNLIMITED,
    pauseClient: () => {},
    pauseServer: () => {},
    drainServer: () => {},
    end: () => received.close(),
    policy: () => policy,
    now: () => 0,
    newId: () => `01TEST${String(++made).padStart(20, '0')}`,
    fault: (error) => void faults.push(error),
  });
  session.onClient(Buffer.concat(client));
  for (const bytes of server) session.onServer(Uint8Array.from(bytes));
  return { words: received.words(), bytes: Buffer.concat(received.bytes).toString('latin1'), faults };
}

interface Case {
  readonly what: string;
  readonly client: readonly Uint8Array[];
  /** Messages that the server may send before the lie. */
  readonly before?: readonly Uint8Array[];
  readonly lie: readonly Uint8Array[];
  /** Messages that would be right in the place of the lie. */
  readonly truth: readonly Uint8Array[];
}

const SELECT = [Q('select a')];
const ONE = columns('a');
const BEHIND = [done('SELECT 1'), ready];
const EXTENDED = [P('select a'), B(), DP(), E(), S()];
const DESCRIBED = [PARSED, BOUND, ONE];

const CASES: readonly Case[] = [
  { what: 'a row before its description', client: SELECT, lie: [row('SECRET')], truth: [ONE, row('x'), ...BEHIND] },
  {
    what: 'a row of more columns',
    client: SELECT,
    before: [ONE],
    lie: [row('1', 'SECRET')],
    truth: [row('x'), ...BEHIND],
  },
  {
    what: 'a row of fewer',
    client: SELECT,
    before: [columns('a', 'b')],
    lie: [row('SECRET')],
    truth: [row('1', '2'), ...BEHIND],
  },
  {
    what: 'one such among many',
    client: SELECT,
    before: [ONE],
    lie: [Buffer.concat([rows(100, 'x'), row('1', 'SECRET'), rows(100, 'x')])],
    truth: [rows(201, 'x'), ...BEHIND],
  },
  {
    what: 'many such',
    client: SELECT,
    before: [ONE, rows(100, 'x')],
    lie: [rows(100, '1', 'SECRET')],
    truth: [rows(100, 'x'), ...BEHIND],
  },
  {
    what: 'columns where none were described',
    client: SELECT,
    before: [columns()],
    lie: [rows(100, 'SECRET')],
    truth: [rows(100), ...BEHIND],
  },
  {
    what: 'a second description',
    client: SELECT,
    before: [ONE, row('x')],
    lie: [columns('SECRET', 'b')],
    truth: BEHIND,
  },
  {
    what: 'rows behind the end of the statement',
    client: [Q('select a; select b')],
    before: [ONE, row('x'), done('SELECT 1')],
    lie: [row('SECRET')],
    truth: [columns('b'), row('x'), ...BEHIND],
  },
  {
    what: 'rows of a statement that has none',
    client: [Q('begin')],
    lie: [columns('SECRET'), row('SECRET')],
    truth: [done('BEGIN'), readyForQuery('T')],
  },
  {
    what: 'COPY inside a SELECT',
    client: SELECT,
    before: [ONE],
    lie: [COPY_OUT, COPY_DATA],
    truth: [row('x'), ...BEHIND],
  },
  {
    what: 'data of a COPY inside a SELECT',
    client: SELECT,
    before: [ONE],
    lie: [COPY_DATA],
    truth: [row('x'), ...BEHIND],
  },
  {
    what: 'many such',
    client: SELECT,
    before: [ONE],
    lie: [Buffer.concat(Array(100).fill(COPY_DATA))],
    truth: [row('x'), ...BEHIND],
  },
  { what: 'a COPY that asks for data, inside a SELECT', client: SELECT, lie: [COPY_IN], truth: [ONE, ...BEHIND] },
  {
    what: 'COPY in the other direction',
    client: [Q('copy t from stdin'), D('1\n'), DONE],
    lie: [COPY_OUT, COPY_DATA],
    truth: [COPY_IN, done('COPY 1'), ready],
  },
  {
    what: 'and the other way round',
    client: [Q('copy t to stdout')],
    lie: [COPY_IN],
    truth: [COPY_OUT, COPY_DONE, done('COPY 0'), ready],
  },
  {
    what: 'data before COPY has begun',
    client: [Q('copy t to stdout')],
    lie: [COPY_DATA],
    truth: [COPY_OUT, COPY_DATA, COPY_DONE, done('COPY 1'), ready],
  },
  {
    what: 'data behind its end',
    client: [Q('copy t to stdout')],
    before: [COPY_OUT, COPY_DONE],
    lie: [COPY_DATA],
    truth: [done('COPY 0'), ready],
  },
  {
    what: 'rows inside a COPY',
    client: [Q('copy t to stdout')],
    before: [COPY_OUT],
    lie: [rows(100, 'SECRET')],
    truth: [COPY_DONE, done('COPY 0'), ready],
  },
  {
    what: 'a COPY that is complete before its end',
    client: [Q('copy t to stdout')],
    before: [COPY_OUT],
    lie: [done('COPY 1')],
    truth: [COPY_DONE, done('COPY 1'), ready],
  },
  {
    what: 'a COPY that is complete before the client’s data are',
    client: [Q('copy t from stdin')],
    before: [COPY_IN],
    lie: [done('COPY 1')],
    truth: [],
  },
  { what: 'another command’s tag', client: SELECT, before: [ONE, row('x')], lie: [done('INSERT 0 1')], truth: BEHIND },
  {
    what: 'a tag without the number of rows',
    client: [Q('update t set a = 1')],
    lie: [done('UPDATE')],
    truth: [done('UPDATE 3'), ready],
  },
  {
    what: 'the tag of another write',
    client: [Q('update t set a = 1')],
    lie: [done('SELECT 3')],
    truth: [done('UPDATE 3'), ready],
  },
  { what: 'the empty query where one was sent', client: SELECT, lie: [EMPTY, ready], truth: [ONE, ...BEHIND] },
  { what: 'it twice', client: [Q('')], before: [EMPTY], lie: [EMPTY], truth: [ready] },
  { what: 'an end without the statement’s', client: SELECT, before: [ONE, row('x')], lie: [ready], truth: BEHIND },
  {
    what: 'by Execute: a row of more columns',
    client: EXTENDED,
    before: DESCRIBED,
    lie: [row('1', 'SECRET')],
    truth: [row('x'), ...BEHIND],
  },
  {
    what: 'by Execute: one such among many',
    client: EXTENDED,
    before: DESCRIBED,
    lie: [Buffer.concat([rows(100, 'x'), row('1', 'SECRET'), rows(100, 'x')])],
    truth: [rows(201, 'x'), ...BEHIND],
  },
  {
    what: 'by Execute: a row where there is no data',
    client: EXTENDED,
    before: [PARSED, BOUND, NO_DATA],
    lie: [row('SECRET')],
    truth: BEHIND,
  },
  {
    what: 'by Execute: many such',
    client: EXTENDED,
    before: [PARSED, BOUND, NO_DATA],
    lie: [rows(100, 'SECRET')],
    truth: BEHIND,
  },
  { what: 'by Execute: a description', client: EXTENDED, before: DESCRIBED, lie: [columns('SECRET')], truth: BEHIND },
  {
    what: 'by Execute: COPY inside a SELECT',
    client: EXTENDED,
    before: DESCRIBED,
    lie: [COPY_OUT, COPY_DATA],
    truth: BEHIND,
  },
  {
    what: 'by Execute: its data alone',
    client: EXTENDED,
    before: DESCRIBED,
    lie: [Buffer.concat(Array(100).fill(COPY_DATA))],
    truth: BEHIND,
  },
  { what: 'by Execute: a COPY that asks for data', client: EXTENDED, before: DESCRIBED, lie: [COPY_IN], truth: BEHIND },
  {
    what: 'by Execute: another command’s tag',
    client: EXTENDED,
    before: DESCRIBED,
    lie: [done('DELETE 1')],
    truth: BEHIND,
  },
  { what: 'by Execute: the empty query', client: EXTENDED, before: DESCRIBED, lie: [EMPTY], truth: BEHIND },
  {
    what: 'by Execute: a suspended portal that was to give all',
    client: EXTENDED,
    before: [...DESCRIBED, row('x')],
    lie: [SUSPENDED],
    truth: BEHIND,
  },
  {
    what: 'by Execute: one that is suspended too early',
    client: [P('select a'), B(), DP(), E('', 2), S()],
    before: [...DESCRIBED, row('x')],
    lie: [SUSPENDED],
    truth: [row('x'), SUSPENDED, ready],
  },
  {
    what: 'by Execute: more rows than were asked for',
    client: [P('select a'), B(), DP(), E('', 2), S()],
    before: [...DESCRIBED, rows(2, 'x')],
    lie: [row('SECRET')],
    truth: [SUSPENDED, ready],
  },
  {
    what: 'by Execute: many more',
    client: [P('select a'), B(), DP(), E('', 2), S()],
    before: DESCRIBED,
    lie: [Buffer.concat([rows(2, 'x'), rows(98, 'SECRET')])],
    truth: [rows(2, 'x'), SUSPENDED, ready],
  },
  {
    what: 'parameters of a portal',
    client: EXTENDED,
    before: [PARSED, BOUND],
    lie: [NO_PARAMETERS],
    truth: [ONE, ...BEHIND],
  },
  {
    what: 'parameters twice',
    client: [P('select a'), DS(), S()],
    before: [PARSED, NO_PARAMETERS],
    lie: [NO_PARAMETERS],
    truth: [ONE, ready],
  },
  {
    what: 'columns before parameters',
    client: [P('select a'), DS(), S()],
    before: [PARSED],
    lie: [ONE],
    truth: [NO_PARAMETERS, ONE, ready],
  },
];

const FATAL = 'ErrorResponse:08P01:FATAL';

for (const [role, options] of Object.entries(ROLES)) {
  test.each(CASES)(`${role}: $what`, ({ client, before = [], lie, truth }) => {
    const lied = play(policyOf(options), client, [...before, ...lie]);
    expect(lied.words.at(-1)).toBe(FATAL);
    expect(lied.bytes).not.toContain('SECRET');
    expect(lied.faults).toEqual([]);
    // A correct answer is not taken for a lie.
    expect(play(policyOf(options), client, [...before, ...truth]).words).not.toContain(FATAL);
  });
}

test('of the rows before the first one that lies, all are shown', () => {
  const bytes = Buffer.concat([ONE, rows(100, 'x'), row('1', 'SECRET')]);
  expect(play(policyOf(), SELECT, [bytes]).words).toEqual(['RowDescription', ...Array(100).fill('DataRow'), FATAL]);
});

test.each<[string, string, CopyFormat['kind']]>([
  ['copy t to stdout', 'text', 'text'],
  ['copy t to stdout with csv', 'csv', 'csv'],
])('%s passes: many rows of %s', (sql) => {
  const data = Buffer.concat(Array(100).fill(COPY_DATA));
  const { words } = play(policyOf(), [Q(sql)], [COPY_OUT, data, COPY_DONE, done('COPY 100'), ready]);
  expect(words).toHaveLength(104);
});

test('a rule’s rows reach a role that may see them', () => {
  const answers = [columns('r'), row('x'), columns('r', 's'), row('x', 'y'), done('INSERT 0 1'), ready];
  const { words } = play(policyOf({ access: 'unrestricted' }), [Q('insert into t values (1)')], answers);
  expect(words).toHaveLength(6);
});
