/** Tests messages that the server sends unasked (notifications, notices, changed parameters): they reach the client between frames, where the role may see them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StatementKind } from '../../src/guard/decision.ts';
import type { StatementOption } from '../../src/policy/model/policy.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, E, P, Q, S } from './messages.ts';
import { ask, direct } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

/** A restricted role with limits, to which these statements are granted. */
function granted(statements: readonly StatementOption[]): SessionPolicy {
  const policy = policyOf({ limits: { rowsPerStatement: 3 } });
  const kind: StatementKind = { kind: 'listen' };
  return {
    ...policy,
    role: { ...policy.role, statements: new Set(statements) },
    judge(sql) {
      const judgement = policy.judge(sql);
      const notifies = (command: string): boolean => ['LISTEN', 'UNLISTEN', 'NOTIFY'].includes(command);
      return { ...judgement, statements: judgement.statements.map((s) => (notifies(s.command) ? { ...s, kind } : s)) };
    },
  };
}

const heard = (peer: RelayedPeer): string[] =>
  peer.received.frames
    .filter((frame) => frame.type === Backend.NotificationResponse)
    .map((frame) => {
      const [channel, payload] = Buffer.from(frame.bytes.subarray(9)).toString().split('\0');
      return `${channel} ${payload}`;
    });

async function within<T>(policy: SessionPolicy, act: (peer: RelayedPeer) => Promise<T>): Promise<T> {
  const peer = await relayed(database.url, policy);
  try {
    return await act(peer);
  } finally {
    expect(peer.faults).toEqual([]);
    await peer.close();
  }
}

describe('notifications', () => {
  test('come while the client is silent, as they come from the server', () =>
    within(granted(['listen']), async (peer) => {
      expect(await ask(peer, Q('listen news'))).toEqual(['CommandComplete:LISTEN', 'ReadyForQuery:I']);
      await database.query("notify news, 'one'; notify news, 'two'");
      await peer.received.until(() => heard(peer).length === 2);
      expect(heard(peer)).toEqual(['news one', 'news two']);
    }));

  test('of the session itself come before ReadyForQuery, by both protocols', () =>
    within(granted(['listen', 'notify']), async (peer) => {
      await ask(peer, Q('listen news'));
      for (const messages of [[Q("notify news, 'x'")], [P("notify news, 'x'"), B(), E(), S()]]) {
        expect((await ask(peer, ...messages)).slice(-3)).toEqual([
          'CommandComplete:NOTIFY',
          'NotificationResponse',
          'ReadyForQuery:I',
        ]);
      }
    }));

  test.each([
    'notify news; select 1',
    "notify news; set application_name = 'late'; select 1",
    'insert into noted values (1) returning 7',
    'begin; notify news; select 1; commit; begin; select 1; commit',
  ])('and changed parameters come after the message that they are about: %s', async (text) => {
    await database.query(`create table if not exists noted (a int);
      create or replace function note() returns trigger language plpgsql as $$ begin notify news; return new; end $$;
      create or replace trigger note after insert on noted for each row execute function note()`);
    const expected = await direct(database.url);
    await ask(expected, Q('listen news'));
    const words = await ask(expected, Q(text));
    await expected.close();
    expect(words).toContain('NotificationResponse');
    await within(granted(['listen', 'notify']), async (peer) => {
      await ask(peer, Q('listen news'));
      expect(await ask(peer, Q(text))).toEqual(words);
    });
  });

  test('are undone with what was cut off', () =>
    within(granted(['listen', 'notify']), async (peer) => {
      await ask(peer, Q('listen news'));
      const words = await ask(peer, Q("notify news, 'x'; select generate_series(1, 9)"));
      expect(words.slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:I']);
      await ask(peer, Q("notify news, 'y'"));
      expect(heard(peer)).toEqual(['news y']);
    }));

  test('do not come inside of a row that passes in pieces', () =>
    within(granted(['listen']), async (peer) => {
      await ask(peer, Q('listen news'));
      peer.send(Q("select repeat('x', 3000000), pg_notify('news', 'from inside')"));
      await peer.received.until(() => peer.received.ready >= 2 && heard(peer).length === 1);
      expect(peer.received.words().slice(-4)).toEqual([
        'DataRow',
        'CommandComplete:SELECT 1',
        'NotificationResponse',
        'ReadyForQuery:I',
      ]);
    }));

  test('of a role that may not listen any more are not shown', () =>
    within(granted(['listen']), async (peer) => {
      await ask(peer, Q('listen news'));
      peer.policy = granted(['notify']);
      expect(await ask(peer, Q("notify news, 'x'"))).toEqual(['CommandComplete:NOTIFY', 'ReadyForQuery:I']);
      peer.policy = granted(['listen', 'notify']);
      expect(await ask(peer, Q("notify news, 'y'"))).toContain('NotificationResponse');
      expect(heard(peer)).toEqual(['news y']);
    }));

  test('a payload that is too long is the server’s to refuse', () =>
    within(granted(['notify']), async (peer) => {
      expect(await ask(peer, Q(`notify news, '${'x'.repeat(8000)}'`))).toEqual([
        'ErrorResponse:22023',
        'ReadyForQuery:I',
      ]);
    }));
});

test('a changed parameter and a notice come where the server sends them', () =>
  within(granted([]), async (peer) => {
    expect(await ask(peer, Q('set application_name = x'))).toEqual([
      'CommandComplete:SET',
      'ParameterStatus',
      'ReadyForQuery:I',
    ]);
    expect(await ask(peer, Q('commit'))).toEqual(['NoticeResponse:25P01', 'CommandComplete:COMMIT', 'ReadyForQuery:I']);
  }));
