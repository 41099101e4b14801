/** Tests errors of the server about rows that it does not take: a restricted role is told which constraint was broken, and no value of a row. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Backend } from '../../src/protocol/message-types.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, D, DONE, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let peer: RelayedPeer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    create domain positive as int check (value > 0);
    create domain needed as int not null;
    create table p (id int primary key, a int default 1, v varchar(3), c char(2), n int not null default 1 constraint few check (n < 10), d positive, e needed default 1,
      r int4range, secret text default 'WITHHELD', exclude using gist (r with &&));
    create table f (id int references p deferrable, u int unique deferrable initially deferred);
    create table parts (a int, secret text default 'WITHHELD') partition by range (a);
    create table part partition of parts for values from (0) to (10);
    create view low as select id, r from p where id < 100 with check option;
    create table audit (id int constraint once unique, secret text); insert into audit values (1, 'WITHHELD');
    create function note() returns trigger language plpgsql as $$ declare s text := (select secret from audit limit 1); begin
      if new.id = 70 then insert into audit values (1); end if;
      if new.id = 71 then begin insert into audit values (1); exception when unique_violation then raise; end; end if;
      if new.id = 72 then raise exception '%', s using errcode = '23505', schema = s, table = s, column = s, datatype = s, constraint = s, detail = s, hint = s; end if;
      if new.id = 73 then raise exception '%', s using errcode = '42501', constraint = s; end if;
      if new.id = 74 then raise notice '%', s using constraint = s; end if;
      if new.id = 75 then raise exception '%', repeat(s, 200000) using errcode = '23505', constraint = s; end if;
      if new.id = 76 then raise exception 'new row for relation "p" violates check constraint "%"', s using errcode = '23514'; end if;
      if new.id = 77 then perform s::int; end if;
      if new.id = 78 then raise exception '%', s || ' rowgate_check 0' using errcode = '22P02'; end if;
      return new; end $$;
    create trigger note before insert on p for each row execute function note();
    insert into p (id, r) values (1, '[1, 5)'); insert into f values (1, 1)`);
});
afterAll(() => database.drop());
beforeEach(async () => {
  peer = await relayed(database.url, policyOf({ checks: false }));
});
afterEach(async () => {
  expect(peer.faults).toEqual([]);
  await peer.close();
});

/** Fields by their letters: where it is said in the server's source aside. */
function told(): Record<string, string> {
  const fields = Object.fromEntries(peer.received.errors().at(-1)!);
  for (const code of ['S', 'V', 'F', 'L']) delete fields[code];
  return fields;
}

const both = (sql: string) => [[Q(sql)], ...(sql.includes(';') ? [] : [[P(sql), B(), E(), S()]])];

describe('the broken constraint, by its name', () => {
  test.each<[sql: string, fields: Record<string, string>]>([
    [
      'insert into p (id) values (1)',
      { C: '23505', M: 'duplicate key value violates unique constraint "p_pkey"', s: 'public', t: 'p', n: 'p_pkey' },
    ],
    [
      'insert into p (id, n) values (2, null)',
      {
        C: '23502',
        M: 'null value in column "n" of relation "p" violates not-null constraint',
        s: 'public',
        t: 'p',
        c: 'n',
      },
    ],
    [
      'insert into p (id, n) values (2, 99)',
      { C: '23514', M: 'new row for relation "p" violates check constraint "few"', s: 'public', t: 'p', n: 'few' },
    ],
    [
      'update p set n = 99',
      { C: '23514', M: 'new row for relation "p" violates check constraint "few"', s: 'public', t: 'p', n: 'few' },
    ],
    [
      'insert into p (id, d) values (2, -1)',
      {
        C: '23514',
        M: 'value for domain positive violates check constraint "positive_check"',
        s: 'public',
        d: 'positive',
        n: 'positive_check',
      },
    ],
    [
      'insert into p (id, e) values (2, null)',
      { C: '23502', M: 'domain needed does not allow null values', s: 'public', d: 'needed' },
    ],
    [
      "insert into p (id, r) values (2, '[2, 3)')",
      {
        C: '23P01',
        M: 'conflicting key value violates exclusion constraint "p_r_excl"',
        s: 'public',
        t: 'p',
        n: 'p_r_excl',
      },
    ],
    [
      'insert into f values (9, 2)',
      {
        C: '23503',
        M: 'insert or update on table "f" violates foreign key constraint "f_id_fkey"',
        s: 'public',
        t: 'f',
        n: 'f_id_fkey',
      },
    ],
    [
      'delete from p where id = 1',
      {
        C: '23503',
        M: 'update or delete on table "p" violates foreign key constraint "f_id_fkey" on table "f"',
        s: 'public',
        t: 'f',
        n: 'f_id_fkey',
      },
    ],
    [
      'begin; set constraints all deferred; insert into f values (9, 3); commit',
      {
        C: '23503',
        M: 'insert or update on table "f" violates foreign key constraint "f_id_fkey"',
        s: 'public',
        t: 'f',
        n: 'f_id_fkey',
      },
    ],
    [
      'begin; insert into f values (1, 1); commit',
      { C: '23505', M: 'duplicate key value violates unique constraint "f_u_key"', s: 'public', t: 'f', n: 'f_u_key' },
    ],
    [
      'insert into parts values (99)',
      { C: '23514', M: 'no partition of relation "parts" found for row', s: 'public', t: 'parts' },
    ],
    [
      'insert into part values (99)',
      { C: '23514', M: 'new row for relation "part" violates partition constraint', s: 'public', t: 'part' },
    ],
    ['insert into low values (400)', { C: '44000', M: 'new row violates check option for view "low"' }],
    ["insert into p (id, v) values (2, 'WITHHELD')", { C: '22001', M: 'value too long for type character varying(3)' }],
    ["insert into p (id, c) values (2, 'WITHHELD')", { C: '22001', M: 'value too long for type character(2)' }],
    // A trigger of the database's that breaks a constraint elsewhere: the context that would show its code does not.
    [
      'insert into p (id) values (70)',
      { C: '23505', M: 'duplicate key value violates unique constraint "once"', s: 'public', t: 'audit', n: 'once' },
    ],
    [
      'insert into p (id) values (71)',
      { C: '23505', M: 'duplicate key value violates unique constraint "once"', s: 'public', t: 'audit', n: 'once' },
    ],
  ])('%s', async (sql, fields) => {
    for (const messages of both(sql)) {
      await ask(peer, ...messages);
      const { R, ...shown } = told();
      expect(shown).toEqual(fields);
      expect(R).toBeDefined();
      await ask(peer, Q('rollback'));
    }
    expect(Buffer.concat(peer.received.bytes).includes('WITHHELD')).toBe(false);
  });
});

describe('nothing of what code of the database says', () => {
  test.each<[sql: string, fields: Record<string, string>]>([
    ['insert into p (id) values (72)', { C: '23505', M: 'unique violation' }],
    ['insert into p (id) values (73)', { C: '42501', M: 'insufficient privilege' }],
    ['insert into p (id) values (75)', { C: '23505', M: 'unique violation' }],
    ['insert into p (id) values (76)', { C: '23514', M: 'check violation' }],
    ['insert into p (id) values (77)', { C: '22P02', M: 'invalid text representation' }],
    ['insert into p (id) values (78)', { C: '22P02', M: 'invalid text representation' }],
  ])('%s', async (sql, fields) => {
    for (const checks of [false, true]) {
      peer.policy = policyOf({ checks });
      for (const messages of both(sql)) {
        await ask(peer, ...messages);
        expect(told()).toEqual(fields);
      }
    }
    expect(Buffer.concat(peer.received.bytes).includes('WITHHELD')).toBe(false);
  });

  test('no value in a notice', async () => {
    expect(await ask(peer, Q('insert into p (id) values (74)'), Q('delete from p where id = 74'))).toContain(
      'NoticeResponse:00000',
    );
    expect(peer.received.frames.filter(({ type }) => type === Backend.NoticeResponse)).toHaveLength(1);
    expect(Buffer.concat(peer.received.bytes).includes('WITHHELD')).toBe(false);
  });
});

describe('of a COPY, neither its line nor what code says', () => {
  test.each<[data: string, fields: Record<string, string>]>([
    [
      '1\tx\n',
      { C: '23505', M: 'duplicate key value violates unique constraint "p_pkey"', s: 'public', t: 'p', n: 'p_pkey' },
    ],
    ['WITHHELD\tx\n', { C: '22P02', M: 'invalid text representation' }],
    ['2\tWITHHELD\n', { C: '22001', M: 'value too long for type character varying(3)' }],
    ['72\tx\n', { C: '23505', M: 'unique violation' }],
    [
      '70\tx\n',
      { C: '23505', M: 'duplicate key value violates unique constraint "once"', s: 'public', t: 'audit', n: 'once' },
    ],
    ['2\n', { C: '22P04', M: 'bad copy file format' }],
  ])('%j', async (data, fields) => {
    await ask(peer, Q('copy p (id, v) from stdin'), D(data), DONE);
    const { R: _routine, ...shown } = told();
    expect(shown).toEqual(fields);
    expect(Buffer.concat(peer.received.bytes).includes('WITHHELD')).toBe(false);
  });
});

test('to an unrestricted role everything is shown', async () => {
  peer.policy = policyOf({ access: 'unrestricted' });
  await ask(peer, Q('insert into p (id) values (72)'));
  expect(told()).toMatchObject({ M: 'WITHHELD', D: 'WITHHELD', H: 'WITHHELD', n: 'WITHHELD' });
});
