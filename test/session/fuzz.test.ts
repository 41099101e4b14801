/**
 * Tests a whole session between a client and a server whose bytes are changed at random: the guard throws no error of its own, sends no unjudged
 * statement upstream, keeps nothing beyond its bounds, and carries nothing to another session.
 */
import { expect, test } from 'vitest';
import { FrameReader, SERVER_LIMITS } from '../../src/protocol/frame-reader.ts';
import { functionCallBoundToFail } from '../../src/protocol/function-call.ts';
import { terminate } from '../../src/protocol/simple-frontend.ts';
import type { DecisionEntry, OutcomeEntry } from '../../src/session/log-entries.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { Session } from '../../src/session/session.ts';
import { fuzz, fuzzRuns, Random } from '../support/random.ts';
import { cut, mutated } from '../wire/mutations.ts';
import { FakeServer } from './fake-server.ts';
import { B, CP, CS, D, DONE, DP, DS, E, FAIL, H, P, Q, S } from './messages.ts';
import { type PolicyOptions, policyOf } from './policies.ts';
import { UNLIMITED } from './unlimited.ts';

const TEXTS = [
  'select 1',
  'select many',
  'select $1',
  'select fails',
  'select late',
  'insert into late values (1)',
  'select :school_id',
  'select 1 /*refuse*/',
  'insert into u values (1) returning a',
  'insert into u select many returning a',
  'insert into u values (1)',
  'begin',
  'commit',
  'rollback',
  'savepoint s',
  'rollback to s',
  'declare c cursor with hold for select many',
  'fetch many from c',
  'close c',
  'prepare p as select 5',
  'execute p',
  'deallocate all',
  'discard all',
  'copy u from stdin',
  'copy u to stdout',
  "set application_name = 'x'",
  '',
];
const SEVERAL = [
  'begin; select many; commit',
  'insert into u values (1); select many',
  'select 1; select 1 /*refuse*/',
  'copy u from stdin; select 1',
];
const NAMES = ['', 'a', 'p', 'c'];

/** Some messages of a client's, in an order that makes sense or does not. */
function conversation(random: Random): Buffer {
  const messages: Uint8Array[] = [];
  for (let n = 1 + random.int(14); n > 0; n -= 1) {
    const [text, name, other] = [random.pick(TEXTS), random.pick(NAMES), random.pick(NAMES)];
    switch (random.int(14)) {
      case 0:
      case 1:
        messages.push(Q(random.once(4) ? random.pick(SEVERAL) : text));
        break;
      case 2:
      case 3:
      case 4:
        messages.push(
          P(text, name),
          B(text.includes('$1') ? ['x'.repeat(random.pick([0, 5, 5, 5, 300_000]))] : [], other, name),
          E(other, random.int(3)),
        );
        if (random.once(2)) messages.push(S());
        break;
      case 5:
        messages.push(random.pick([DS, DP, CS, CP])(name));
        break;
      case 6:
        messages.push(B([], name, other), E(name));
        break;
      case 7:
        messages.push(H());
        break;
      case 8:
        messages.push(Q('copy u from stdin'), D('1\n'), random.pick([DONE, FAIL, S(), Q('select 1')]));
        break;
      case 9:
        messages.push(random.once(9) ? terminate() : functionCallBoundToFail());
        break;
      case 10:
        messages.push(D('1\n'), DONE);
        break;
      default:
        messages.push(S());
    }
  }
  return Buffer.concat(messages);
}

const POLICIES: readonly PolicyOptions[] = [
  {},
  { limits: { rowsPerStatement: 3 }, attributes: { school_id: '7' } },
  { limits: { bytesPerStatement: 20 } },
  { access: 'unrestricted' },
  { mode: 'observe', limits: { rowsPerStatement: 3 } },
];

/** Plays a session, with a budget that answers at once or in a moment. */
function play(client: Buffer, random: Random, options: PolicyOptions, changesServer: boolean) {
  const judged = new Set<string>();
  const one = policyOf(options);
  const other = policyOf(options);
  const policy = (): SessionPolicy => {
    const now = random.once(30) ? other : one;
    return { ...now, judge: (sql, types) => judge(now, sql, types) };
  };
  const judge = (by: SessionPolicy, sql: string, types: readonly number[] | undefined) => {
    const judgement = by.judge(sql, types);
    if (judgement.effect !== 'refuse') judged.add(sql);
    return judgement;
  };
  const kept = policy();
  const server = new FakeServer(!changesServer);
  const records: (DecisionEntry | OutcomeEntry)[] = [];
  const seen = { faults: [] as unknown[], toClient: [] as Buffer[], sent: 0, ended: false, cancels: 0 };
  let queue: Uint8Array[] = [];
  let made = 0;
  const session = new Session({
    toServer: (bytes) => {
      seen.sent += bytes.length;
      const answer = server.push(bytes);
      if (answer.length > 0) queue.push(changesServer && random.once(6) ? mutated(answer, random) : answer);
    },
    toClient: (bytes) => void seen.toClient.push(Buffer.from(bytes)),
    record: (entry) => !random.once(200) && (entry.kind === 'seen' || records.push(entry) > 0),
    cancel: () => {
      seen.cancels += 1;
    },
    budget: UNLIMITED,
    pauseClient: () => {},
    pauseServer: () => {},
    drainServer: () => {},
    end: () => {
      seen.ended = true;
    },
    policy: () => (random.once(50) ? policy() : kept),
    now: () => 0,
    newId: () => `01TEST${String(++made).padStart(20, '0')}`,
    fault: (error) => void seen.faults.push(error),
  });
  const answerAll = () => {
    for (let steps = 0; queue.length > 0 || seen.cancels > 0; steps += 1) {
      // Each answer lets at most what the client has sent go on.
      expect(steps).toBeLessThan(10_000);
      const chunks = queue;
      queue = [];
      for (const chunk of chunks) for (const piece of cut(chunk, random)) session.onServer(Uint8Array.from(piece));
      if (seen.cancels > 0) {
        seen.cancels -= 1;
        session.onCancelDone();
      }
    }
  };
  for (const piece of client.length > 100_000 ? [client] : cut(client, random)) {
    session.onClient(Uint8Array.from(piece));
    if (random.once(2)) answerAll();
  }
  answerAll();
  const activity = session.activity();
  if (random.once(2)) session.onServerClosed();
  else session.onClientClosed();
  return { seen, records, server, judged, activity };
}

/** Nothing but what was judged, in the form that the policy gave it, and the guard's own. */
function unjudged(whole: string, judged: ReadonlySet<string>): boolean {
  // PREPARE and DECLARE carry the client's own words with them.
  const [, text = whole, words] = /^(.*)\n\/\*rowgate_words ([\w+/=]+)\*\/$/s.exec(whole) ?? [];
  if (words !== undefined && !judged.has(Buffer.from(words, 'base64').toString())) return true;
  if (/^(BEGIN|COMMIT|ROLLBACK|SELECT "rowgate_01TEST\d{20}"|rowgate_01TEST\d{20})$/.test(text)) return false;
  const plain = text.replaceAll(/\nLIMIT (\$?\d+)/g, '').replaceAll(/'7'::integer|\$[12](?=\s*$)/g, ':school_id');
  const candidates = new Set([text, plain, text.replaceAll(/\nLIMIT (\$?\d+)/g, '')]);
  if ([...judged].some((one) => candidates.has(one) || candidates.has(one.trim()))) return false;
  // A statement of a message that went in turn.
  return ![...judged].some((one) => one.split(';').some((part) => candidates.has(part.trim())));
}

const TIMEOUT = 3_600_000;

test.each([
  ['only the client’s bytes', false, 1_500, 300_000],
  ['the server’s as well', true, 1_500, 300_000],
] as const)('%s are changed', { timeout: TIMEOUT }, (_what, changesServer, short, long) => {
  let ran = 0;
  const runs = fuzzRuns(short, long);
  fuzz(runs, (random) => {
    const whole = conversation(random);
    const client = random.once(3) ? whole : mutated(whole, random);
    const { seen, records, server, judged } = play(client, random, random.pick(POLICIES), changesServer);
    expect(seen.faults).toEqual([]);
    for (const text of server.texts) {
      expect(unjudged(text, judged), text).toBe(false);
      ran += 1;
    }
    expect(seen.sent).toBeLessThan(client.length * 20 + 2_000);
    const decisions = records.filter(({ kind }) => kind === 'decision').map(({ id }) => id);
    const outcomes = records.filter(({ kind }) => kind === 'outcome').map(({ id }) => id);
    expect(new Set(outcomes).size).toBe(outcomes.length);
    expect(outcomes.filter((id) => !decisions.includes(id))).toEqual([]);
    if (changesServer) return;
    // The client gets whole messages, whatever it sent.
    const reader = new FrameReader(SERVER_LIMITS);
    for (const bytes of seen.toClient) reader.push(bytes);
    for (let frame = reader.next(); frame; frame = reader.next()) expect(frame.last).toBe(true);
    expect(reader.rest()).toHaveLength(0);
    // A server that keeps to the protocol is not taken for one that breaks it.
    expect(Buffer.concat(seen.toClient).toString('latin1')).not.toMatch(/server (sent|is ready|completed)/);
  });
  // They come as far as to statements.
  expect(ran).toBeGreaterThan(runs < short ? -1 : runs);
});

test('nothing is carried from one session to the next', { timeout: TIMEOUT }, () => {
  const show = () => {
    const calm = new Random(7);
    const { seen, server, activity } = play(conversation(new Random(3)), calm, POLICIES[1]!, false);
    return { shown: Buffer.concat(seen.toClient).toString('latin1'), texts: server.texts, activity };
  };
  const before = show();
  fuzz(fuzzRuns(200, 20_000), (random) => {
    play(mutated(conversation(random), random), random, random.pick(POLICIES), true);
    if (random.once(50)) expect(show()).toEqual(before);
  });
  expect(show()).toEqual(before);
});
