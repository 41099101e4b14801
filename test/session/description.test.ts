/** Tests that a remembered description of columns is used for the same bytes under the same policy, and for nothing else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rowDescription } from '../../src/protocol/row-description.ts';
import { descriptionOf } from '../../src/session/server/description.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { policyOf } from './policies.ts';

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table pupils (id int, ine text)');
});
afterAll(() => database.drop());

test('one policy never answers for another, nor one column for the next', async () => {
  const [row] = await database.query<{ oid: number }>("select 'pupils'::regclass::oid::int as oid");
  const column = { name: 'x', table: row!.oid, type: 25, size: -1, typmod: -1, format: 0 };
  const [id, ine] = [1, 2].map((attnum) => rowDescription([{ ...column, attnum }]));
  const open = policyOf({ relations: [await grantOf(database, 'pupils')] });
  const closed = policyOf({ relations: [await grantOf(database, 'pupils', ['ine'])] });
  for (let again = 0; again < 2; again += 1) {
    expect(descriptionOf(open, ine!).verdict).toBe('verified');
    expect(descriptionOf(closed, ine!).verdict).toMatchObject({ reason: 'provenance' });
    expect(descriptionOf(closed, id!).verdict).toBe('verified');
  }
  expect(descriptionOf(open, ine!)).toBe(descriptionOf(open, Buffer.from(ine!)));
});

test('judgements of one shape that were made apart share no plan, and each finds its own again', async () => {
  const [row] = await database.query<{ oid: number }>("select 'pupils'::regclass::oid::int as oid");
  const id = { name: 'id', table: row!.oid, attnum: 1, type: 23, size: 4, typmod: -1, format: 0 };
  const relations = [await grantOf(database, 'pupils')];
  const policy = policyOf({ relations, subjectKeys: new Map([[row!.oid, new Map([[1, ['pupil']]])]]) });
  const known = descriptionOf(policy, rowDescription([id]));
  const judged = () => [
    {
      subject: 'pupil',
      access: { kind: 'question' },
      canFail: 'no',
      named: [{ columns: [0], added: [], type: 23 }],
      values: [],
      free: 'known',
    } as const,
  ];
  const [first, second] = [judged(), judged()];
  const plan = known.planOf(first, []);
  expect(plan?.subjects).toMatchObject([{ subject: 'pupil', keys: [{ at: 0 }] }]);
  expect(known.planOf(second, [])).not.toBe(plan);
  expect(known.planOf(first, [])).toBe(plan);
});
