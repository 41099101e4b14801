/** Tests errors and notices of the server: a restricted role sees no values in them, and positions refer to the client's own text. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decodeErrorFields } from '../../src/protocol/error-response.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let options: PolicyOptions;
let peer: RelayedPeer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    create table t (a int constraint positive check (a > 0), s text unique);
    insert into t values (1, 'WITHHELD');
    create table later (a int unique deferrable initially deferred);
    create function tell() returns int language plpgsql as $$
      begin raise notice 'saw %', (select s from t limit 1); return 1; end $$;
    create function fail() returns int language plpgsql as $$
      begin raise exception 'saw %', (select s from t limit 1) using detail = 'WITHHELD', hint = 'WITHHELD'; end $$;
    create function fail_as(code text) returns int language plpgsql immutable as $$
      begin raise exception 'saw %', (select s from t limit 1)
        using errcode = code, detail = 'WITHHELD', hint = 'WITHHELD', column = 'c'; end $$;
    create function nest() returns int language plpgsql as $$
      begin execute format('select %I from t', (select s from t limit 1)); return 1; end $$;
    create function late() returns setof int language plpgsql as $$
      begin return next 1; execute 'select withheld'; end $$;
  `);
  options = {
    relations: [await grantOf(database, 't'), await grantOf(database, 'later')],
    attributes: { school: '1' },
  };
});
afterAll(() => database.drop());
beforeEach(async () => {
  peer = await relayed(database.url, policyOf(options));
});
afterEach(() => peer.close());

const shown = () => Object.fromEntries(peer.received.errors().at(-1)!);

describe('values do not show', () => {
  test.each([
    ['select s::int from t', '22P02', 'invalid text representation'],
    ['select fail()', 'P0001', 'raise exception'],
    ['select 1/(a - 1) from t', '22012', 'division by zero'],
    // Code of the database may take any SQLSTATE; a constant call fails while it is planned.
    ["select fail_as('42501')", '42501', 'insufficient privilege'],
    ["select fail_as('42703'), a from t", '42703', 'undefined column'],
    ["select fail_as('55000')", '55000', 'object not in prerequisite state'],
    ["select 1; select fail_as('42601')", '42601', 'syntax error'],
    ['select nest()', '42703', 'undefined column'],
    ['select late()', '42703', 'undefined column'],
    // A value as a name: no limit would count what the message shows.
    ['select s::regclass from t', '42P01', 'undefined table'],
    ["select (s || '.a.b')::regclass from t", '0A000', 'feature not supported'],
    ["select (s || '.a.b.c')::regclass from t", '42601', 'syntax error'],
    ['select s::regproc from t', '42883', 'undefined function'],
    ['select s::regtype from t', '42704', 'undefined object'],
    ["select (s || ' no type')::regtype from t", '42601', 'syntax error'],
    ['select s::regrole from t', '42704', 'undefined object'],
    ["select to_tsvector(s::regconfig, 'x') from t", '42704', 'undefined object'],
    ["select has_table_privilege(s, 'select') from t", '42P01', 'undefined table'],
    ['insert into later select s::regclass::oid::int from t', '42P01', 'undefined table'],
    ['begin; declare c cursor for select s::regclass from t; fetch c', '42P01', 'undefined table'],
    ['prepare p as select s::regclass from t; execute p', '42P01', 'undefined table'],
    ['explain analyze select s::regclass from t', '42P01', 'undefined table'],
    ['begin; declare d cursor with hold for select s::regclass from t; commit', '42P01', 'undefined table'],
    ['declare e cursor with hold for select s::regclass from t', '42P01', 'undefined table'],
    ['declare e cursor with hold for select s::regclass from t; set work_mem = 4096', '42P01', 'undefined table'],
    ['copy (select s::regclass from t) to stdout', '42P01', 'undefined table'],
  ])('%s', async (sql, sqlstate, message) => {
    await ask(peer, Q(sql));
    const fields = shown();
    expect([fields.C, fields.M]).toEqual([sqlstate, message]);
    expect(fields).not.toHaveProperty('D');
    expect(fields).not.toHaveProperty('H');
    expect(fields).not.toHaveProperty('W');
    expect(fields).not.toHaveProperty('q');
    expect(fields).not.toHaveProperty('p');
    expect(fields).not.toHaveProperty('P');
    expect(Buffer.concat(peer.received.bytes).includes('WITHHELD')).toBe(false);
    await ask(peer, Q('rollback'));
    if (sql.includes(';')) return;
    await ask(peer, P(sql), B(), E(), S());
    expect([shown().C, shown().M]).toEqual([sqlstate, message]);
    expect(Buffer.concat(peer.received.bytes).includes('WITHHELD')).toBe(false);
  });

  test('constraint, severity and table stay: applications need them', async () => {
    await ask(peer, Q("insert into t values (2, 'WITHHELD')"));
    expect(shown()).toMatchObject({ S: 'ERROR', V: 'ERROR', n: 't_s_key', t: 't', s: 'public' });
  });

  test('notices neither', async () => {
    expect(await ask(peer, Q('select tell()'))).toContain('NoticeResponse:00000');
    const notice = peer.received.frames.find((frame) => frame.type === Backend.NoticeResponse)!;
    expect(decodeErrorFields(notice.bytes).get('M')).toBe('successful completion');
  });

  test('the same in the extended protocol', async () => {
    expect(await ask(peer, P('select s::int from t'), B(), E(), S())).toContain('ErrorResponse:22P02');
    expect(shown().M).toBe('invalid text representation');
  });
});

describe('helpful parts of messages stay', () => {
  test.each([
    ['select nosuch from t', '42703', 'column "nosuch" does not exist'],
    ['selec', '42601', 'syntax error at or near "selec"'],
    ['rollback to nosuch', '25P01', 'ROLLBACK TO SAVEPOINT can only be used in transaction blocks'],
    ['select distinct a from t for update', '0A000', 'FOR UPDATE is not allowed with DISTINCT clause'],
    ['copy (select distinct a from t for update) to stdout', '0A000', 'FOR UPDATE is not allowed with DISTINCT clause'],
    ['copy t (a) from stdin with csv force null s', '42P10', 'FORCE_NULL column "s" not referenced by COPY'],
    ['prepare same as select 1; prepare same as select 2', '42P05', 'prepared statement "same" already exists'],
    ['begin; declare c cursor for select 1; declare c cursor for select 2', '42P03', 'cursor "c" already exists'],
  ])('%s', async (sql, sqlstate, message) => {
    await ask(peer, Q(sql));
    expect([shown().C, shown().M]).toEqual([sqlstate, message]);
  });

  test('the same where the Query goes as extended messages, and in these', async () => {
    peer.policy = policyOf({ ...options, limits: { changedPerStatement: 1 } });
    const sql = 'copy t (a) from stdin with csv force null s';
    for (const messages of [[Q(sql)], [P(sql), B(), E(), S()]]) {
      await ask(peer, ...messages);
      expect(shown().M).toBe('FORCE_NULL column "s" not referenced by COPY');
    }
    await ask(peer, P('prepare y as select nosuch'), B(), E(), S());
    expect(shown().M).toBe('column "nosuch" does not exist');
  });

  const UNKNOWN_COLUMN = 'Perhaps you meant to reference the column "x.a".';

  test.each([
    ['a Parse', [P('select x.aa from t x'), S()]],
    ['a Query', [Q('select x.aa from t x')]],
    ['the second statement of a Query', [Q('select 1; select x.aa from t x')]],
  ])('the hint of analysis, in answer to %s', async (_what, messages) => {
    await ask(peer, ...messages);
    expect(shown()).toMatchObject({ C: '42703', M: 'column x.aa does not exist', H: UNKNOWN_COLUMN });
  });

  test('what answers a Parse: analysis of the text alone', async () => {
    await ask(peer, P("select 'twelve'::int"), S());
    expect(shown().M).toBe('invalid input syntax for type integer: "twelve"');
  });

  test('nothing that the rewriting named, whatever it answers', async () => {
    peer.policy = policyOf({
      ...options,
      rewrite: (text) => text.replace('from t', 'from t as rowgate_1 where rowgate_1.nosuch'),
    });
    await ask(peer, P('select a from t'), S());
    expect(shown().C).toBe('42703');
    expect(shown().M).toBe('undefined column');
    expect(JSON.stringify(shown())).not.toContain('rowgate_');
  });
});

test('to an unrestricted role everything is shown', async () => {
  peer.policy = policyOf({ ...options, access: 'unrestricted' });
  await ask(peer, Q("insert into t values (-1, 'x')"));
  expect(shown()).toMatchObject({ C: '23514', D: 'Failing row contains (-1, x).' });
});

describe('positions', () => {
  /** The text without its `^`, and the position of that mark in characters from 1. */
  const marked = (text: string) => ({
    sql: text.replace('^', ''),
    at: [...text.slice(0, text.indexOf('^'))].length + 1,
  });

  test.each([
    ['before what was put in', 'select ^nosuch from t where a > :school'],
    ['behind it', 'select a from t where a > :school and ^nosuch = 1'],
    ['between two', 'select a from t where a > :school and ^nosuch = 1 and a < :school'],
    ['behind characters of several bytes', "select 'é€😀' from t where a > :school and '😀é' = ^nosuch"],
    ['without anything put in', "select '😀' from t where ^nosuch"],
  ])('%s', async (_what, text) => {
    const { sql, at } = marked(text);
    await ask(peer, Q(sql));
    expect(shown()).toMatchObject({ C: '42703', P: String(at) });
    await ask(peer, P(sql), S());
    expect(shown()).toMatchObject({ C: '42703', P: String(at) });
  });

  test('inside what was put in: the start of what it replaced', async () => {
    peer.policy = policyOf({ ...options, rewrite: (text) => text.replace(/^.*$/, 'select 1 from t where nosuch') });
    await ask(peer, Q('table t'));
    expect(shown()).toMatchObject({ C: '42703', P: '1' });
  });
});
