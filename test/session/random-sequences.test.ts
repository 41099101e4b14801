/**
 * Random sequences of messages, to a session and to PostgreSQL itself with the refused statements replaced by ones that fail: the same
 * messages must come back, in the same order, with the same states, and the database must end up the same.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { B, CP, CS, DP, DS, E, H, P, Q, S } from './messages.ts';
import { direct, type Peer } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { relayed } from './relay.ts';

const LONG = process.env.ROWGATE_LONG !== undefined;
const RUNS = Number(process.env.ROWGATE_RUNS ?? (LONG ? 30_000 : 120));

let database: FreshDatabase;
let options: PolicyOptions;

beforeAll(async () => {
  database = await freshDatabase();
  await database.query('create table t (a int primary key deferrable initially deferred); create table u (a int)');
  options = { relations: [await grantOf(database, 't'), await grantOf(database, 'u')] };
});
afterAll(() => database.drop());

/** A step is what it sends to a session and to the server: they differ only in what is refused. */
interface Step {
  readonly says: string;
  readonly session: Uint8Array;
  readonly server: Uint8Array;
}

const differs = (says: string, session: Uint8Array, server: Uint8Array): Step =>
  Object.assign({ says, session, server }, { [fc.toStringMethod]: () => says });
const both = (says: string, bytes: Uint8Array): Step => differs(says, bytes, bytes);
const REFUSED = 'select 1 /*refuse*/';
const FAILS = 'select nosuch';

const name = fc.constantFrom('', 'a', 'b');
const portal = fc.constantFrom('p', 'q');
const number = fc.integer({ min: 1, max: 9 });

const texts = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'select $1::int',
      'select a from t where a > $1::int',
      'select generate_series(1, $1::int)',
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom('insert into u values ($1::int)', 'insert into u values ($1::int) returning a'),
  },
  { weight: 2, arbitrary: fc.constantFrom('begin', 'commit', 'rollback', 'savepoint s', 'rollback to s', 'release s') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '',
      'selec',
      'select 1/(random()*0)::int',
      'show search_path',
      'insert into t values (1), (1)',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('prepare a as select 5', 'deallocate a', 'execute a', 'deallocate all') },
);

const queries = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'select 1',
      'select a from u order by a',
      'insert into u values (7)',
      'insert into u values (8) returning a',
    ),
  },
  { weight: 4, arbitrary: fc.constantFrom('begin', 'commit', 'rollback', 'savepoint s', 'rollback to s') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'select 1; select 2',
      'insert into u values (9); select a from u',
      'select a from u; insert into u values (10)',
      'begin; select 1',
      'insert into t values (1), (1)',
      '',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'selec',
      'select 1/0',
      'select 1; select 1/0; insert into u values (11)',
      'set work_mem = 4096',
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'prepare a as select 5',
      'prepare b as select a from u',
      'execute a',
      'execute b',
      'deallocate a',
      'deallocate all',
      'declare c cursor for select generate_series(1, 10)',
      'fetch 2 from c',
      'close c',
      'discard all',
    ),
  },
);

const message: fc.Arbitrary<readonly Step[]> = fc.oneof(
  { weight: 4, arbitrary: queries.map((text) => [both(`Q(${text})`, Q(text))]) },
  { weight: 1, arbitrary: fc.constant([differs('Q(refused)', Q(REFUSED), Q(FAILS))]) },
  {
    weight: 1,
    // What does not parse stands for the refused one: nothing of the message runs, as nothing of ours does.
    arbitrary: fc
      .constantFrom('rollback', 'insert into u values (12)')
      .map((first) => [differs(`Q(${first}; refused)`, Q(`${first}; ${REFUSED}`), Q(`${first}; nosuch`))]),
  },
  { weight: 5, arbitrary: fc.tuple(texts, name).map(([text, to]) => [both(`P(${text} as '${to}')`, P(text, to))]) },
  { weight: 1, arbitrary: name.map((to) => [differs(`P(refused as '${to}')`, P(REFUSED, to), P(FAILS, to))]) },
  {
    weight: 4,
    arbitrary: fc.tuple(portal, name, fc.option(number)).map(([to, of, value]) => {
      const values = value === null ? [] : [String(value)];
      return [both(`B(${to} of '${of}' ${values})`, B(values, to, of))];
    }),
  },
  { weight: 1, arbitrary: name.map((of) => [both(`DS('${of}')`, DS(of))]) },
  { weight: 1, arbitrary: portal.map((of) => [both(`DP(${of})`, DP(of))]) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(portal, fc.constantFrom(0, 0, 1, 2))
      .map(([of, rows]) => [both(`E(${of} ${rows})`, E(of, rows))]),
  },
  { weight: 1, arbitrary: name.map((of) => [both(`CS('${of}')`, CS(of))]) },
  { weight: 1, arbitrary: portal.map((of) => [both(`CP(${of})`, CP(of))]) },
  { weight: 4, arbitrary: fc.constant([both('S', S())]) },
  { weight: 1, arbitrary: fc.constant([both('H', H())]) },
  // As drivers send it: the unnamed portal is only ever run right behind its Bind. Anything else can crash PostgreSQL 18.4.
  {
    weight: 6,
    arbitrary: fc
      .tuple(texts, number, fc.constantFrom(0, 0, 2))
      .map(([text, value, rows]) => [
        both(`P(${text})`, P(text)),
        both('B', B(text.includes('$1') ? [String(value)] : [])),
        both('DP', DP()),
        both(`E(${rows})`, E('', rows)),
        both('S', S()),
      ]),
  },
);

const sequence = fc.array(message, { minLength: 2, maxLength: 24 }).map((steps) => steps.flat());

/** Where the bytes are cut into segments: none, everywhere, or at some distance. */
const cuts = fc.oneof(fc.constant(0), fc.constant(1), fc.integer({ min: 2, max: 80 }));

async function play(peer: Peer, bytes: Uint8Array, cut: number): Promise<string[]> {
  const all = Buffer.concat([bytes, S(), Q('rollback'), Q("select 'the end'")]);
  for (let at = 0; at < all.length; at += cut || all.length) peer.send(all.subarray(at, at + (cut || all.length)));
  await peer.received.until(() => {
    const words = peer.received.words();
    return (
      peer.received.bytes.some((chunk) => chunk.includes('the end')) &&
      words.at(-1)?.startsWith('ReadyForQuery') === true
    );
  });
  return peer.received.words();
}

/** What differs by design: our refusal has its own SQLSTATE. */
const alike = (word: string) => word.replace(/ErrorResponse:(42501|42601|42703)/, 'ErrorResponse:refused');

async function outcome(open: () => Promise<Peer>, bytes: Uint8Array, cut: number) {
  await database.query('truncate t, u');
  const peer = await open();
  try {
    const words = await play(peer, bytes, cut);
    await peer.close();
    const rows = await database.query('select a from u order by a');
    return { words, rows };
  } finally {
    await peer.close();
  }
}

test.each([
  { who: 'a restricted role', more: {} },
  {
    who: 'a restricted role with limits that are not reached',
    more: { limits: { rowsPerStatement: 1000, bytesPerStatement: 1_000_000 } },
  },
  { who: 'an unrestricted role', more: { access: 'unrestricted' } },
] as const)('a session of $who answers as PostgreSQL does', { timeout: 30_000 + RUNS * 500 }, async ({ more }) => {
  const policy = (): SessionPolicy => policyOf({ ...options, ...more });
  await fc.assert(
    fc.asyncProperty(sequence, cuts, async (steps, cut) => {
      const toServer = Buffer.concat(steps.map((step) => step.server));
      const toSession = Buffer.concat(steps.map((step) => step.session));
      const expected = await outcome(() => direct(database.url), toServer, 0);
      const seen = await outcome(() => relayed(database.url, policy()), toSession, cut);
      const said = steps.map((step) => step.says).join(' ');
      expect(seen.words.map(alike), said).toEqual(expected.words.map(alike));
      expect(seen.rows, said).toEqual(expected.rows);
    }),
    { numRuns: RUNS, ...(process.env.ROWGATE_SEED && { seed: Number(process.env.ROWGATE_SEED) }) },
  );
});
