/** Tests `changed_per_statement`: a write that changes more rows is undone before it commits, and the client is told 53400, in both protocols. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { OutcomeEntry } from '../../src/session/log-entries.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, DP, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let peer: RelayedPeer;
let options: PolicyOptions;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table u (a int)');
  options = { limits: { changedPerStatement: 2 }, relations: [await grantOf(database, 'u')] };
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.query('truncate u; insert into u values (1), (2), (3)');
  peer = await relayed(database.url, policyOf(options));
});
afterEach(async () => {
  expect(peer.faults).toEqual([]);
  await peer.close();
});

const OVER = 'ErrorResponse:53400';
const kept = async () => (await database.query<{ a: number }>('select a from u order by a')).map(({ a }) => a);
const extended = (sql: string) => [P(sql), B(), E(), S()];
const outcomes = () => peer.records.filter((entry): entry is OutcomeEntry => entry.kind === 'outcome');

describe.each([
  ['restricted', {}],
  ['restricted, new rows judged', { checks: true }],
  ['unrestricted', { access: 'unrestricted' as const }],
])('%s', (_who, more) => {
  beforeEach(() => {
    peer.policy = policyOf({ ...options, ...more });
  });

  describe.each([
    ['Query', (sql: string) => [Q(sql)]],
    ['Execute', extended],
  ])('by %s', (_protocol, send) => {
    test.each([
      ['insert into u values (4), (5)', 'INSERT 0 2', [1, 2, 3, 4, 5]],
      ['insert into u values (4), (5) returning a', 'INSERT 0 2', [1, 2, 3, 4, 5]],
      ['update u set a = a + 10 where a > 1', 'UPDATE 2', [1, 12, 13]],
      ['delete from u where a < 3', 'DELETE 2', [3]],
      ['delete from u where a > 9', 'DELETE 0', [1, 2, 3]],
    ])('%s', async (sql, tag, rows) => {
      expect(await ask(peer, ...send(sql))).toEqual(
        expect.arrayContaining([`CommandComplete:${tag}`, 'ReadyForQuery:I']),
      );
      expect(await kept()).toEqual(rows);
      expect(outcomes()).toMatchObject([{ status: 'ok', changed: Number(tag.split(' ').at(-1)) }]);
    });

    test.each([
      'insert into u select generate_series(4, 6)',
      'insert into u values (4), (5), (6) returning a',
      'update u set a = a + 10',
      'delete from u',
      'delete from u returning a',
    ])('over it: %s', async (sql) => {
      const words = await ask(peer, ...send(sql));
      expect(words.slice(-2)).toEqual([OVER, 'ReadyForQuery:I']);
      expect(words.join()).not.toContain('CommandComplete');
      expect(peer.received.errors().at(-1)?.get('M')).toBe('statement changes more than 2 rows');
      expect(await kept()).toEqual([1, 2, 3]);
      expect(outcomes()).toMatchObject([
        { status: 'cut', sqlstate: '53400', changed: 0, limit: { name: 'changed_per_statement', of: 2 } },
      ]);
      expect(await ask(peer, Q('insert into u values (4)'))).toContain('CommandComplete:INSERT 0 1');
    });

    test('in a transaction, which fails with it', async () => {
      await ask(peer, Q('begin'), Q('insert into u values (4)'));
      expect((await ask(peer, ...send('delete from u'))).slice(-2)).toEqual([OVER, 'ReadyForQuery:E']);
      expect(await ask(peer, Q('commit'))).toEqual(['CommandComplete:ROLLBACK', 'ReadyForQuery:I']);
      expect(await kept()).toEqual([1, 2, 3]);
    });

    test('behind a savepoint, to which it goes back', async () => {
      await ask(peer, Q('begin'), Q('insert into u values (4)'), Q('savepoint s'));
      expect(await ask(peer, ...send('delete from u'))).toContain(OVER);
      expect(await ask(peer, Q('rollback to s'), Q('commit'))).toContain('CommandComplete:COMMIT');
      expect(await kept()).toEqual([1, 2, 3, 4]);
    });

    test('by EXECUTE', async () => {
      await ask(peer, Q('prepare s as delete from u'));
      expect((await ask(peer, ...send('execute s'))).slice(-2)).toEqual([OVER, 'ReadyForQuery:I']);
      expect(await kept()).toEqual([1, 2, 3]);
    });
  });

  test('what came before it in the message or the pipeline is undone with it', async () => {
    expect((await ask(peer, Q('insert into u values (4); delete from u; insert into u values (5)'))).slice(-2)).toEqual(
      [OVER, 'ReadyForQuery:I'],
    );
    const pipeline = [
      P('insert into u values (4)'),
      B(),
      E(),
      P('delete from u'),
      B(),
      E(),
      P('insert into u values (5)'),
      B(),
      E(),
      S(),
    ];
    expect((await ask(peer, ...pipeline)).slice(-2)).toEqual([OVER, 'ReadyForQuery:I']);
    expect(await kept()).toEqual([1, 2, 3]);
    expect(
      outcomes()
        .map(({ status }) => status)
        .sort(),
    ).toEqual(['cut', 'cut', 'ok', 'ok', 'skipped'].sort());
  });

  test('each statement by itself', async () => {
    expect(await ask(peer, Q('insert into u values (4), (5); insert into u values (6), (7)'))).toContain(
      'ReadyForQuery:I',
    );
    expect(await kept()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('a portal that stops before it has reported its changed rows cannot exceed the limit', async () => {
    const words = await ask(peer, P('delete from u returning a'), B([], 'p'), DP('p'), E('p', 1), S());
    expect(words.slice(-2)).toEqual(['ErrorResponse:0A000', 'ReadyForQuery:I']);
    expect(await kept()).toEqual([1, 2, 3]);
    expect(await ask(peer, P('delete from u where a = 1 returning a'), B([], 'p'), E('p', 2), S())).toContain(
      'CommandComplete:DELETE 1',
    );
  });
});

test('in observe mode nothing is undone', async () => {
  peer.policy = policyOf({ ...options, mode: 'observe' });
  expect(await ask(peer, Q('delete from u'))).toContain('CommandComplete:DELETE 3');
});
