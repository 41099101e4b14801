/** Tests results with many data subjects: their keys are recorded while rows are shown, and no row is shown whose record fails. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RelationGrant } from '../../src/policy/model/policy.ts';
import type { OutcomeEntry } from '../../src/session/log-entries.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { policyOf } from './policies.ts';
import { type RelayedPeer, relayed } from './relay.ts';

let database: FreshDatabase;
let students: RelationGrant;
let peer: RelayedPeer;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    create table students (id int primary key, friends int[]);
    insert into students select i, array(select generate_series(i * 10, i * 10 + 4)) from generate_series(1, 3500) i`);
  students = await grantOf(database, 'students');
});
afterAll(() => database.drop());
afterEach(async () => {
  expect(peer.faults).toEqual([]);
  await peer.close();
});

async function open(): Promise<void> {
  const columns = new Map([
    [1, ['student']],
    [2, ['student']],
  ]);
  peer = await relayed(
    database.url,
    policyOf({
      relations: [students],
      subjectKeys: new Map([[students.relation.oid, columns]]),
      disclosures: [
        {
          subject: 'student',
          access: { kind: 'question' },
          canFail: 'no',
          named: [{ columns: [0], added: [], type: 23 }],
          values: [],
          free: 'known',
        },
      ],
    }),
  );
}

const keys = (): string[] => peer.seen.flatMap((entry) => entry.keys.student ?? []);
const outcome = () => peer.records.findLast((entry): entry is OutcomeEntry => entry.kind === 'outcome')!;
const rowsShown = (words: readonly string[]): number =>
  words.filter((word) => /^(DataRow|CopyData)$/.test(word)).length;

test.each([
  ['Query', () => [Q('select id from students')]],
  ['Execute', () => [P('select id from students'), B(), E(), S()]],
  ['COPY', () => [Q('copy (select id from students) to stdout')]],
])('a thousand a record, and the rest in the outcome: %s', async (_, messages) => {
  await open();
  expect(rowsShown(await ask(peer, ...messages()))).toBe(3500);
  expect(peer.seen.map((entry) => entry.keys.student?.length)).toEqual([1000, 1000, 1000]);
  expect(peer.seen.every(({ id }) => id === outcome().id)).toBe(true);
  expect(outcome().subjects).toEqual({ student: { people: 3500, questions: 0, values: 0 } });
  const all = [...keys(), ...(outcome().keys?.student ?? [])];
  expect(all.toSorted((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: 3500 }, (_, at) => String(at + 1)),
  );
});

test('one row that shows more than a record takes', async () => {
  await open();
  await database.query('insert into students values (100000, array(select generate_series(200001, 202500)))');
  await ask(peer, Q('select friends from students where id = 100000'));
  expect(peer.seen.map((entry) => entry.keys.student?.length)).toEqual([1000, 1000]);
  expect(outcome().keys?.student).toHaveLength(500);
  await database.query('delete from students where id = 100000');
});

test.each([
  ['Query', () => [Q('select id from students')]],
  ['Execute', () => [P('select id from students'), B(), E(), S()]],
  ['COPY', () => [Q('copy (select id from students) to stdout')]],
])('the statement ends before it shows a person who cannot be recorded: %s', async (_, messages) => {
  await open();
  // The decision and the first thousand are written, and then nothing more.
  let written = 0;
  Object.defineProperty(peer, 'recording', { get: () => ++written <= 2 });
  const words = await ask(peer, ...messages());
  expect(rowsShown(words)).toBe(1999);
  expect(words).toContain('ErrorResponse:58030');
  expect(words.at(-1)).toBe('ReadyForQuery:I');
  expect(keys()).toHaveLength(1000);
});
