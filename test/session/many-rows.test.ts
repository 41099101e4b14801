/** Tests that rows handled in batches give the same as rows handled one by one: the same bytes, the same row at which a limit ends them, the same counts and records. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Disclosure } from '../../src/guard/subjects/disclosure.ts';
import type { RelationGrant } from '../../src/policy/model/policy.ts';
import type { SubjectKeys } from '../../src/policy/model/subject-keys.ts';
import { bind } from '../../src/protocol/bind.ts';
import type { OutcomeEntry } from '../../src/session/log-entries.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { type BudgetOptions, LateBudget } from './late-budget.ts';
import { E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { relayed } from './relay.ts';

/** Too few bytes for many rows. */
const SINGLY = 191;

let database: FreshDatabase;
let relations: RelationGrant[];
let subjectKeys: SubjectKeys;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(`
    create table pupils (id int primary key, name text, class int, friends int[], code char(6));
    insert into pupils select i, case i % 7 when 0 then null when 1 then 'é' || i when 2 then E'a\\tb\\\\' || i when 3 then '{x,"y"}' else 'n' || i % 40 end,
      i % 9, case when i % 3 = 0 then array[i, i + 1] end, 'c' || i from generate_series(1, 3000) i;
    create table marks (id int, pupil int, note text);
    insert into marks select i, nullif(i / 3 % 500, 7), repeat('x', case i % 50 when 0 then 700 else i % 30 end) from generate_series(1, 3000) i;
    insert into marks values (0, 1, repeat('y', 70000))`);
  relations = await Promise.all(['pupils', 'marks'].map((name) => grantOf(database, name)));
  const columns = (...attnums: number[]) => new Map(attnums.map((attnum) => [attnum, ['pupil']]));
  subjectKeys = new Map([
    [relations[0]!.relation.oid, columns(1, 2, 4, 5)],
    [relations[1]!.relation.oid, columns(2)],
  ]);
});
afterAll(() => database.drop());

const oneHour = [{ amount: 1_000_000, window: { count: 1, unit: 'hour' as const } }];

interface Seen {
  readonly bytes: Buffer;
  readonly outcome: unknown;
  readonly keys: unknown;
  readonly budget: unknown;
  readonly many: number;
}

/** With results in these formats. */
const bound = (resultFormats: number[]) =>
  bind({ portal: '', statement: '', formats: [], values: Buffer.alloc(0), valueCount: 0, resultFormats });

/** The results of the messages, with the server's bytes cut into pieces of that size. */
async function seen(
  chunk: number,
  messages: readonly Uint8Array[],
  options: BudgetOptions,
  more: PolicyOptions,
): Promise<Seen> {
  let budget: LateBudget | undefined;
  const limits = { rows: oneHour, subjects: new Map([['pupil', oneHour]]), ...more.limits };
  const policy = policyOf({ relations, subjectKeys, ...more, limits });
  const peer = await relayed(database.url, policy, chunk, (wake) => {
    budget = new LateBudget(wake, options);
    return budget;
  });
  await ask(peer, ...messages);
  expect(peer.faults).toEqual([]);
  const {
    ms: _ms,
    waited: _waited,
    id: _id,
    ...outcome
  } = peer.records.findLast((entry): entry is OutcomeEntry => entry.kind === 'outcome')!;
  const { taken, keys, events, many } = budget!;
  // Errors contain the id of the decision.
  const text = Buffer.concat(peer.received.bytes)
    .toString('latin1')
    .replaceAll(/[0-9A-HJKMNP-TV-Z]{26}/g, 'ID');
  await peer.close();
  return {
    bytes: Buffer.from(text, 'latin1'),
    outcome,
    keys: peer.seen.map((entry) => entry.keys),
    budget: { taken, keys: [...keys].sort(), events },
    many,
  };
}

const pupil = (groups: number[][] | undefined, values: number[] = []): Disclosure[] => [
  {
    subject: 'pupil',
    access: { kind: 'question' },
    canFail: 'no',
    ...(groups && { named: groups.map((columns) => ({ columns, added: [], type: 23 })) }),
    values,
    free: 'repeated',
  },
];
const statements: readonly (readonly [string, Disclosure[] | undefined])[] = [
  ['select id, class from pupils', pupil([[0]])],
  ['select class, name, id from pupils', pupil([[2]])],
  ['select name, friends, id from pupils', pupil([[1], [0]])],
  ['select code, class from pupils order by id', pupil([[0]], [1])],
  ['select pupil, note from marks', pupil([[0]])],
  ['select note, id from marks', pupil(undefined)],
  ["select id, repeat('x', class * 100) from pupils", undefined],
  ['select p.id, m.pupil from pupils p join marks m on m.pupil = p.id', pupil([[0, 1]])],
];
const ways = [
  (sql: string) => [Q(sql)],
  (sql: string) => [P(sql), bound([0]), E(), S()],
  (sql: string) => [P(sql), bound([1]), E(), S()],
  (sql: string) => [P(sql), bound([0]), E('', 700), E('', 700), S()],
  (sql: string) => [Q(`copy (${sql}) to stdout`)],
  (sql: string) => [Q(`copy (${sql}) to stdout (format csv, header)`)],
  (sql: string) => [Q(`copy (${sql}) to stdout (format csv, null 'n3')`)],
  (sql: string) => [Q(`copy (${sql}) to stdout (format binary)`)],
  (sql: string) => [Q(`${sql}; ${sql}`)],
];
const most = (max: number) => fc.option(fc.integer({ min: 0, max }), { nil: undefined });

test('all that comes of them, whatever limit ends them', async () => {
  let many = 0;
  const property = fc.asyncProperty(
    fc.record({
      statement: fc.constantFrom(...statements),
      way: fc.constantFrom(...ways),
      rows: most(4000),
      bytes: most(60_000),
      people: most(2500),
      perStatement: most(4000),
      late: fc.boolean(),
    }),
    async ({ statement: [sql, disclosures], way, perStatement, late, ...granted }) => {
      const given = Object.fromEntries(Object.entries(granted).filter(([, amount]) => amount !== undefined));
      const options: BudgetOptions = { ...given, late };
      const more: PolicyOptions = {
        ...(disclosures && { disclosures }),
        limits: perStatement === undefined ? {} : { rowsPerStatement: perStatement },
      };
      const [together, singly] = [
        await seen(65_536, way(sql), options, more),
        await seen(SINGLY, way(sql), options, more),
      ];
      expect(singly.many).toBe(0);
      expect(together.bytes.equals(singly.bytes)).toBe(true);
      expect({ ...together, bytes: 0, many: 0 }).toEqual({ ...singly, bytes: 0 });
      many += together.many;
    },
  );
  await fc.assert(property, { numRuns: 60 });
  // About forty of sixty random runs.
  expect(many).toBeGreaterThan(5);
});
