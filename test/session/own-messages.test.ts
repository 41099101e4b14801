/** Tests the session's own BEGIN, COMMIT and ROLLBACK when they fail at the server, as by a client's cancel. The server is scripted, since a cancel cannot be timed. */
import { expect, test } from 'vitest';
import { errorResponse } from '../../src/protocol/error-response.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { readyForQuery } from '../../src/protocol/ready-for-query.ts';
import type { DecisionEntry, OutcomeEntry } from '../../src/session/log-entries.ts';
import { Session } from '../../src/session/session.ts';
import { Q } from './messages.ts';
import { Received } from './peer.ts';
import { policyOf } from './policies.ts';
import { UNLIMITED } from './unlimited.ts';

const complete = (tag: string) => new MessageWriter(Backend.CommandComplete).string(tag).finish();
const cancelled = errorResponse(
  new Map([
    ['S', 'ERROR'],
    ['V', 'ERROR'],
    ['C', '57014'],
    ['M', 'canceling statement due to user request'],
  ]),
);
const ready = readyForQuery;

/** A session whose server sends the messages that the test gives. */
function scripted() {
  const received = new Received();
  const sent: string[] = [];
  const records: (DecisionEntry | OutcomeEntry)[] = [];
  const policy = policyOf({ limits: { rowsPerStatement: 1 } });
  let made = 0;
  const session = new Session({
    toServer: (bytes) => void sent.push(Buffer.from(bytes).toString('latin1')),
    toClient: (bytes) => received.push(bytes),
    record: (entry) => entry.kind === 'seen' || records.push(entry) > 0,
    budget: UNLIMITED,
    cancel: () => {},
    pauseServer: () => {},
    pauseClient: () => {},
    drainServer: () => {},
    end: () => received.close(),
    policy: () => policy,
    now: () => 0,
    newId: () => `01TEST${String(++made).padStart(20, '0')}`,
  });
  const server = (...messages: Uint8Array[]) => session.onServer(Buffer.concat(messages));
  return { session, received, sent, records, server };
}

const WRITE = 'insert into u values (1); select 2';
const row = Buffer.from([Backend.DataRow, 0, 0, 0, 6, 0, 0]);
const noColumns = Buffer.from([Backend.RowDescription, 0, 0, 0, 6, 0, 0]);

test('a statement that must run inside BEGIN waits for it, and does not run where it fails', () => {
  const { session, received, sent, records, server } = scripted();
  session.onClient(Q(WRITE));
  expect(sent).toEqual([Q('BEGIN').toString('latin1')]);
  server(cancelled, ready('I'));
  expect(received.words()).toEqual(['ErrorResponse:57014', 'ReadyForQuery:I']);
  expect(sent).toHaveLength(1);
  expect(records.filter(({ kind }) => kind === 'outcome')).toMatchObject([
    { status: 'error', sqlstate: '57014' },
    { status: 'skipped' },
  ]);
  expect(session.activity()).toBe('idle');
});

function untilItsEnd() {
  const all = scripted();
  all.session.onClient(Q(WRITE));
  all.server(complete('BEGIN'), ready('T'));
  return all;
}

test('COMMIT that is cancelled before it does anything: the transaction ends all the same, and nothing is said to be complete', () => {
  const { received, sent, server, records, session } = untilItsEnd();
  server(complete('INSERT 0 1'), noColumns, row, complete('SELECT 1'), ready('T'));
  expect(sent.at(-1)).toBe(Q('COMMIT').toString('latin1'));
  server(cancelled, ready('E'));
  expect(sent.at(-1)).toBe(Q('ROLLBACK').toString('latin1'));
  expect(received.words().slice(-2)).toEqual(['DataRow', 'ErrorResponse:57014']);
  server(complete('ROLLBACK'), ready('I'));
  expect(received.words().slice(-2)).toEqual(['ErrorResponse:57014', 'ReadyForQuery:I']);
  expect(records.at(-1)).toMatchObject({ kind: 'outcome', status: 'error' });
  expect(session.activity()).toBe('idle');
});

test('ROLLBACK behind a limit that is cancelled is sent again, and the client hears of one error', () => {
  const { session, received, sent, server } = untilItsEnd();
  server(complete('INSERT 0 1'), noColumns, row, row, complete('SELECT 2'), ready('T'));
  session.onCancelDone();
  expect(sent.at(-1)).toBe(Q('ROLLBACK').toString('latin1'));
  const before = sent.length;
  server(cancelled, ready('E'));
  expect(sent.slice(before)).toEqual([Q('ROLLBACK').toString('latin1')]);
  server(complete('ROLLBACK'), ready('I'));
  expect(received.words().filter((word) => word.startsWith('Error'))).toEqual(['ErrorResponse:53400']);
  expect(received.words().at(-1)).toBe('ReadyForQuery:I');
});

test('a statement that is to fail and is cancelled instead fails as well', () => {
  const { session, received, sent, server } = scripted();
  session.onClient(Q('begin'));
  server(complete('BEGIN'), ready('T'));
  session.onClient(Q('select 1; select 2; commit'));
  server(noColumns, row, row, complete('SELECT 2'), ready('T'));
  session.onCancelDone();
  expect(sent.at(-1)).toContain('rowgate_');
  server(cancelled, ready('E'));
  expect(received.words().slice(-2)).toEqual(['ErrorResponse:53400', 'ReadyForQuery:E']);
});
