/**
 * Compares random sequences of messages to a session with the same sequences to PostgreSQL itself, where refused statements are replaced by ones that
 * fail: the answers, their order, the transaction states and the database at the end must be equal.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Backend } from '../../src/protocol/message-types.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { grantOf } from './grants.ts';
import { LateBudget, perHour } from './late-budget.ts';
import { Q, S } from './messages.ts';
import { direct, type Peer } from './peer.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { relayed } from './relay.ts';
import { numbered } from './token-persons.ts';
import { UNLIMITED } from './unlimited.ts';
import { ALL_ANSWERED, conversations, type Step, type Vocabulary } from './vocabulary.ts';

const RUNS = Number(process.env.ROWGATE_RUNS ?? (process.env.ROWGATE_LONG ? 30_000 : 40));
/** The same sequences at each run of `npm test`; others at each run of the long tests, whose failures print what they were. */
const SEED =
  process.env.ROWGATE_LONG && process.env.ROWGATE_SEED === undefined
    ? {}
    : { seed: Number(process.env.ROWGATE_SEED ?? 20261125) };

let database: FreshDatabase;
let granted: PolicyOptions;

/** For a login whose password is checked quickly: each sequence logs in twice. */
let url: string;

beforeAll(async () => {
  database = await freshDatabase();
  ({ url } = await database.createLogin('SUPERUSER'));
  await database.query(
    'create table t (a int primary key deferrable initially deferred); create table u (a int); create table v (a int check (a < 90))',
  );
  await database.query(`create function who() returns int immutable language plpgsql as $$
    begin
      if coalesce(current_setting('app.who', true), '') = '' then raise exception 'no end user' using errcode = '28000'; end if;
      return current_setting('app.who');
    end $$`);
  granted = { relations: [await grantOf(database, 't'), await grantOf(database, 'u')], reusable: true };
});
afterAll(() => database.drop());

/** Where the bytes are cut into segments: nowhere, everywhere, or at some distance. */
const cuts = fc.oneof(fc.constant(0), fc.constant(1), fc.integer({ min: 2, max: 80 }));

/** Half of the sessions prepare repeated statements, at the first or the second time; each keeps only two, so that some are closed. */
const plans = fc.constantFrom(undefined, undefined, { after: 0, perSession: 2 }, { after: 1, perSession: 2 });

/** The bytes for one side, and what the client does after them, see `vocabulary.ts`. */
type Part = readonly [bytes: Uint8Array, does: Step['does']];

async function play(peer: Peer, parts: readonly Part[], cut: number): Promise<string[]> {
  const { received } = peer;
  let waiting: Uint8Array[] = [];
  let answered = 0;
  const flush = () => {
    const all = Buffer.concat(waiting);
    waiting = [];
    for (let at = 0; at < all.length; at += cut || all.length) peer.send(all.subarray(at, at + (cut || all.length)));
  };
  for (const [bytes, does] of parts) {
    waiting.push(bytes);
    if (does === undefined) continue;
    const before = received.frames.length;
    flush();
    if (does === 'cancel') {
      await runsOrHasEnded(peer, answered);
      await peer.cancel();
    } else {
      await received.until(() => {
        const last = received.words().slice(before).slice(-ALL_ANSWERED.length);
        return ALL_ANSWERED.every((word, at) => last[at]?.startsWith(word));
      });
      answered = received.ready;
    }
  }
  waiting.push(S(), Q('rollback'), Q("select 'the end'"));
  flush();
  await received.until(() => {
    const row = received.frames.at(-3);
    return row !== undefined && Buffer.from(row.bytes).includes('the end');
  });
  return received.words();
}

/** The server sleeps, waits for data of a COPY, or has answered one message more. */
async function runsOrHasEnded({ pid, received }: Peer, answered: number): Promise<void> {
  for (let tries = 0; tries < 2_000; tries += 1) {
    if (received.ready > answered || received.closed || received.frames.at(-1)?.type === Backend.CopyInResponse) return;
    const [row] = await database.query<{ runs: boolean }>(
      `select wait_event = 'PgSleep' as runs from pg_stat_activity where pid = ${pid}`,
    );
    if (row?.runs) return;
  }
  throw new Error(`what is to be cancelled neither runs nor has ended: ${received.words().join(' ')}`);
}

async function outcome(open: () => Promise<Peer>, parts: readonly Part[], cut: number) {
  await database.query('delete from t; delete from u');
  const peer = await open();
  try {
    const words = await play(peer, parts, cut);
    await peer.close();
    return { words, rows: await database.query('select a from u order by a') };
  } finally {
    await peer.close();
  }
}

/** Removes differences by design: a refusal and a limit have their own SQLSTATEs. */
function alike(words: readonly string[]): string[] {
  return words.map((word) =>
    word
      .replace(/ErrorResponse:(42501|42601|42703|23514)/, 'ErrorResponse:refused')
      .replace(/ErrorResponse:(53400|22012)/, 'ErrorResponse:cut')
      .replace(/ErrorResponse:(28000|22023)/, 'ErrorResponse:no end user'),
  );
}

/** A write that is cut off shows its rows before the error; one that fails shows none. */
const withoutRows = (words: readonly string[]) =>
  words.filter((word) => word !== 'DataRow' && word !== 'RowDescription');

/** EXECUTE in SQL of what was prepared by the protocol is refused by name where it cannot be followed: so the names differ. */
const WORDS: Vocabulary = { names: ['c', 'd'] };

const CHECKED: Vocabulary = { ...WORDS, checks: 'some unfit' };

/** Alternates between two policies, each asked a few times. The second one gives another form to every statement that is not prepared in SQL, or judges new rows. */
function reloading(first: PolicyOptions, checks: boolean): () => SessionPolicy {
  const marked = (text: string) => (/prepare/.test(text) ? text : `${text} /*changed*/`);
  let asked = 0;
  let policy = policyOf(first);
  return () => {
    asked += 1;
    const other = checks ? { ...first, checks } : { ...first, rewrite: marked };
    if (asked % 7 === 0) policy = policyOf(asked % 2 === 0 ? first : other);
    return policy;
  };
}

/** Nothing is over: but each statement and each row waits for its answer. */
const OVER_TIME = { limits: { rows: perHour } };

const all = (words: readonly string[]) => words;

test.each([
  { who: 'a restricted role', vocabulary: WORDS, more: {}, shown: all },
  {
    who: 'a restricted role below its limits',
    vocabulary: WORDS,
    more: { limits: { rowsPerStatement: 1000, bytesPerStatement: 1_000_000 } },
    shown: all,
  },
  {
    who: 'a restricted role over its limits',
    vocabulary: { ...WORDS, over: 'rows' as const },
    more: { limits: { rowsPerStatement: 3 } },
    shown: withoutRows,
  },
  {
    who: 'a role that changes more than it may',
    vocabulary: { ...WORDS, over: 'changes' as const },
    more: { limits: { changedPerStatement: 9 } },
    shown: withoutRows,
  },
  {
    who: 'an unrestricted role',
    vocabulary: WORDS,
    more: { access: 'unrestricted' as const },
    shown: all,
  },
  { who: 'a role whose policy changes all the time', vocabulary: WORDS, more: {}, shown: all, reloads: true },
  {
    who: 'a role whose new rows are judged now and then',
    vocabulary: { ...WORDS, checks: 'all fit' as const },
    more: {},
    shown: all,
    reloads: true,
  },
  { who: 'a role whose new rows are judged', vocabulary: CHECKED, more: { checks: true }, shown: all },
  { who: 'a restricted role whose budget is asked twice', vocabulary: WORDS, more: OVER_TIME, shown: all, late: true },
  {
    who: 'an unrestricted role whose budget is asked twice',
    vocabulary: WORDS,
    more: { ...OVER_TIME, access: 'unrestricted' as const },
    // Its reads may write, and go as extended messages: of one that fails while it runs, no columns are shown.
    shown: withoutRows,
    late: true,
  },
  {
    who: 'a restricted role over its limits, and whose budget is asked twice',
    vocabulary: { ...WORDS, over: 'rows' as const },
    more: { limits: { ...OVER_TIME.limits, rowsPerStatement: 3 } },
    shown: withoutRows,
    late: true,
  },
  {
    who: 'a role that changes more than it may, and whose budget is asked twice',
    vocabulary: { ...WORDS, over: 'changes' as const },
    more: { limits: { rows: perHour, changed: perHour, changedPerStatement: 9 } },
    shown: withoutRows,
    late: true,
  },
  {
    who: 'a role whose new rows are judged, and whose budget is asked twice',
    vocabulary: CHECKED,
    more: { checks: true, ...OVER_TIME },
    shown: all,
    late: true,
  },
  {
    who: 'a role whose new rows are judged, below its limits',
    vocabulary: CHECKED,
    more: { checks: true, limits: { rowsPerStatement: 1000, bytesPerStatement: 1_000_000 } },
    shown: all,
  },
])(
  '$who sees what PostgreSQL would answer',
  { timeout: 300_000 + RUNS * 500 },
  async ({ vocabulary, more, shown, reloads = false, late = false }) => {
    const budget = late ? (wake: () => void) => new LateBudget(wake, { late }) : () => UNLIMITED;
    await fc.assert(
      fc.asyncProperty(conversations(vocabulary), cuts, fc.boolean(), plans, async (steps, cut, gives, reuse) => {
        const toServer = steps.map(({ server, does }): Part => [server, does]);
        const toSession = steps.map(({ session, does }): Part => [session, does]);
        const expected = await outcome(() => direct(url), toServer, 0);
        const options = { ...granted, ...more };
        const policy = reloads ? reloading(options, vocabulary.checks !== undefined) : policyOf(options);
        const seen = await outcome(
          () => relayed(url, policy, cut || Infinity, budget, undefined, gives, undefined, reuse),
          toSession,
          cut,
        );
        // What is open under the other policy does not go on.
        if (reloads) fc.pre(!seen.words.includes('ErrorResponse:0A000'));
        const said = steps.map((step) => step.says).join(' ');
        expect(shown(alike(seen.words)), said).toEqual(shown(alike(expected.words)));
        expect(seen.rows, said).toEqual(expected.rows);
      }),
      { numRuns: RUNS, ...SEED, endOnFailure: true },
    );
  },
);

const TOKENS: Vocabulary = { ...WORDS, tokens: 'now and then' };
const NEVER_UNSET: Vocabulary = { ...WORDS, tokens: 'never unset' };

test.each([
  { who: 'no end user at first', more: {}, shown: all },
  { who: 'an end user at first', more: {}, shown: all, initial: '4' },
  { who: 'an end user who has to be looked up', more: {}, shown: all, late: true },
  { who: 'an end user below the limits', more: { limits: { rowsPerStatement: 1000 } }, shown: all },
  { who: 'an end user whose policy changes all the time', more: {}, shown: all, reloads: true, late: true },
  { who: 'an end user whose budget is asked twice', more: OVER_TIME, shown: all, slow: true, initial: '4' },
  { who: 'an end user behind the end of a transaction', more: {}, shown: all, initial: '4', vocabulary: NEVER_UNSET },
  {
    who: 'an end user behind the end of a transaction who has to be looked up',
    more: {},
    shown: all,
    initial: '4',
    late: true,
    vocabulary: NEVER_UNSET,
  },
])(
  '$who: the session keeps its end user as PostgreSQL keeps a setting',
  { timeout: 300_000 + RUNS * 500 },
  async ({ more, shown, initial, late = false, reloads = false, slow = false, vocabulary = TOKENS }) => {
    const login = await database.createLogin('SUPERUSER');
    if (initial) await database.query(`alter role ${new URL(login.url).username} set app.who = '${initial}'`);
    const budget = slow ? (wake: () => void) => new LateBudget(wake, { late: slow }) : () => UNLIMITED;
    const tokens = { persons: numbered(late), ...(initial && { initial }) };
    await fc.assert(
      fc.asyncProperty(conversations(vocabulary), cuts, fc.boolean(), plans, async (steps, cut, gives, reuse) => {
        const toServer = steps.map(({ server, does }): Part => [server, does]);
        const toSession = steps.map(({ session, does }): Part => [session, does]);
        const expected = await outcome(() => direct(login.url), toServer, 0);
        const options = { ...granted, ...more, tokens: true };
        const policy = reloads ? () => policyOf(options) : policyOf(options);
        const open = () => relayed(login.url, policy, cut || Infinity, budget, tokens, gives, undefined, reuse);
        const seen = await outcome(open, toSession, cut);
        // What is open under the other policy does not go on.
        if (reloads) fc.pre(!seen.words.includes('ErrorResponse:0A000'));
        const said = steps.map((step) => step.says).join(' ');
        expect(shown(alike(seen.words)), said).toEqual(shown(alike(expected.words)));
        expect(seen.rows, said).toEqual(expected.rows);
      }),
      { numRuns: RUNS, ...SEED, endOnFailure: true },
    );
  },
);
