/** Kinds of flood: what one client sends over and over, each time a little different, without waiting for more than its socket takes. */
import { generateKeyPairSync } from 'node:crypto';
import { passwordMessage, saslInitialResponse, saslResponse } from '../../src/protocol/authentication.ts';
import { cancelRequest, sslRequest, startupMessage } from '../../src/protocol/startup.ts';
import { encoded, signature } from '../identity/issuer.ts';
import { B, CP, CS, D, DONE, DS, E, H, P, Q, S } from '../session/messages.ts';

/** @param round how often it was called before. */
export type Flood = (round: number) => Uint8Array;

const many = (n: number, of: (i: number) => Uint8Array): Buffer =>
  Buffer.concat(Array.from({ length: n }, (_, i) => of(i)));
const list = (n: number, of: (i: number) => string, between = ','): string =>
  Array.from({ length: n }, (_, i) => of(i)).join(between);
const both = (...messages: Uint8Array[]): Buffer => Buffer.concat(messages);

/** Eight relations, most of them views over views. */
const joined = (
  i: number,
): string => `select p.id, f.first_name, m.mark, k.mark as a${i}, x.day, g.mark, c.name, t.last_name
  from pupils p join files f on f.id = p.id join marks m on m.student_id = p.id join marks k on k.student_id = f.id
  join missed x on x.student_id = p.id join grades g on g.student_id = p.id join classes c on c.id = p.class_id
  join teachers t on t.school_id = c.school_id where p.id = ${i} and f.mark > 3`;

/** Many messages with little work each. */
export const MESSAGES: Readonly<Record<string, Flood>> = {
  'Parses of eight relations, no Sync': (r) => many(200, (i) => P(joined(r * 200 + i))),
  'Parses of eight relations, a Sync behind each': (r) => many(200, (i) => both(P(joined(r * 200 + i)), S())),
  'Queries of eight relations': (r) => many(200, (i) => Q(joined(r * 200 + i))),
  'small Parses': (r) =>
    both(
      many(2_000, (i) => P(`select ${r} as a${i}`)),
      S(),
    ),
  'the same Parse': () =>
    both(
      many(3_000, () => P('select 1')),
      S(),
    ),
  'Parses that are refused': (r) => many(1_000, (i) => both(P(`select ine as a${r * 1_000 + i} from students`), S())),
  'Queries that are refused': (r) => many(1_000, (i) => Q(`select address as a${r * 1_000 + i} from students`)),
  'Queries that are no SQL': (r) => many(2_000, (i) => Q(`select from where ${r * 2_000 + i}`)),
  'Queries that differ in literals': (r) =>
    many(1_000, (i) => Q(`select last_name from students where id = ${r * 1_000 + i}`)),
  'empty Queries': () => many(5_000, () => Q('')),
  'Closes of statements': () =>
    both(
      many(5_000, () => CS('none')),
      S(),
    ),
  'Closes of portals': () =>
    both(
      many(5_000, () => CP('none')),
      S(),
    ),
  Syncs: () => many(10_000, () => S()),
  Flushes: () => many(20_000, () => H()),
  'messages behind an error': () =>
    both(
      P('select nope'),
      many(20_000, () => DS('none')),
      S(),
    ),
  'Binds of nothing': () =>
    both(
      many(5_000, () => B([], '', 'none')),
      S(),
    ),
  'Binds and Executes': () =>
    both(
      P('select last_name from students where id = $1'),
      many(1_500, () => both(B(['3']), E())),
      S(),
    ),
  'Binds of many values': () =>
    both(
      P(`select 1 where 5 in (${list(5_000, (i) => `$${i + 1}::int`)})`),
      many(50, () => both(B(Array.from({ length: 5_000 }, (_, i) => String(i))), E())),
      S(),
    ),
  'COPY in small messages': (r) =>
    both(
      Q('copy notes from stdin'),
      many(20_000, (i) => D(`${i}\t${r}\n`)),
      DONE,
    ),
  'COPY in empty messages': () =>
    both(
      Q('copy notes from stdin'),
      many(50_000, () => D('')),
      DONE,
    ),
  savepoints: () =>
    both(
      Q('begin'),
      many(2_000, (i) => Q(`savepoint s${i}`)),
      Q('rollback'),
    ),
  'PREPARE as SQL': (r) => many(1_000, (i) => Q(`prepare p${r}_${i} as select ${i}`)),
};

/** Texts that take long by themselves; one of them is judged in a few pieces at most. */
export const TEXTS: Readonly<Record<string, Flood>> = {
  'short runs of operator characters': (r) => P(`select ${r} ${`${'-+'.repeat(31)} `.repeat(16_000)} 1`),
  'short runs of operators': (r) => P(`select ${r} ${`${'@/'.repeat(30)} `.repeat(16_000)} 1`),
  'a megabyte in IN': (r) => Q(`select last_name from students where id in (${list(140_000, (i) => String(i + r))})`),
  'a megabyte of keys in an array': (r) =>
    Q(`select last_name from students where id = any ('{${list(140_000, (i) => String(i + r))}}')`),
  'a megabyte of keys for EXECUTE': (r) =>
    Q(
      `prepare keys${r} as select last_name from students where id = any ($1); execute keys${r} ('{${list(140_000, (i) => String(i + r))}}')`,
    ),
  'lists of keys that are read': (r) =>
    Q(
      list(
        14,
        (k) => `select last_name from students where id in (${list(9_500, (i) => String((r * 14 + k) * 9_500 + i))})`,
        ';',
      ),
    ),
  'a megabyte of rows': (r) => Q(`insert into notes values ${list(40_000, (i) => `(${i}, 'x${r}')`)}`),
  'many parameters': (r) => P(`select ${r} where 5 in (${list(60_000, (i) => `$${i + 1}::int`)})`),
  'many statements': (r) => Q(list(5_000, (i) => `select ${i + r}`, ';')),
  'many settings': (r) => Q(list(3_000, (i) => `set application_name = 'a${i + r}'`, ';')),
  'many columns': (r) => Q(`select ${r}, ${'id,'.repeat(1_600)}id from students`),
  'more columns than there can be': (r) => Q(`select ${r}, ${'id,'.repeat(9_000)}id from students`),
  'many relations': (r) => Q(`select ${r} from ${list(300, (i) => `files f${i}`)}`),
  'many leaky conditions': (r) =>
    Q(`select 1 from students where ${list(600, (i) => `last_name::int = ${i + r}`, ' or ')}`),
  'a long comment': (r) => Q(`/*${'x'.repeat(900_000)}*/ select ${r}`),
  'comments that do not end': (r) => Q(`select ${r} ${'/*'.repeat(20_000)}`),
  'a literal of backslashes': (r) => Q(`select ${r} as a${r} where 'a' like '${'\\'.repeat(60_000)}x'`),
  'a literal of digits': (r) => Q(`select ${r} as b${r} where 'a' = '${'1'.repeat(60_000)}x'`),
  'a long literal': (r) => Q(`select '${'é'.repeat(450_000)}${r}'`),
};

/** Runs for some tenths of a second, and then fails. */
const SLOW = 'select 1 / (count(*) - 2000000) from generate_series(1, 2000000)';
const NAMED = P('select last_name from students where id = $1', 'named');
const PIPELINE = both(
  P(SLOW, 'slow'),
  NAMED,
  B([], '', 'slow'),
  E(),
  many(4_900, () => both(B(['3'], '', 'named'), E())),
  S(),
);
const SETTINGS = Q(`set statement_timeout = 'a';${list(3_500, (i) => `set application_name = 'a${i}'`, ';')}`);

/** Sent once: what they cost comes at their end. `leaves`: and then the client hangs up. */
export const ENDS: Readonly<Record<string, { readonly sent: Uint8Array; readonly leaves?: true }>> = {
  'a pipeline behind what fails late': { sent: PIPELINE },
  'a pipeline of a client that hangs up': { sent: PIPELINE, leaves: true },
  'Binds that are not executed': {
    sent: both(
      NAMED,
      many(4_000, (i) => B([String(i)], `p${i}`, 'named')),
      S(),
    ),
  },
  'many settings behind one that fails': { sent: SETTINGS },
};

/**
 * What connections that have not logged in send: `many` are opened at once, each step goes to all of them as soon as each has an answer to the one before, and
 * then they are given up.
 */
export interface Wave {
  readonly many: number;
  /** @param reply the bytes that the connection got for the step before. @param at which of the connections it is. */
  readonly steps: readonly ((reply: Buffer, at: number) => Uint8Array)[];
}

const startup = (user: string, ...more: readonly (readonly [string, string])[]): Buffer =>
  startupMessage(3, 0, [['user', user], ['database', 'nowhere'], ...more]);
const scramFirst = (): Buffer => saslInitialResponse('SCRAM-SHA-256', 'n,,n=,r=abcdefghijklmnopqr');

/** A proof of the right form, by another password. */
function wrongProof(reply: Buffer): Buffer {
  const nonce = /r=([^,]*)/.exec(reply.toString('latin1'))?.[1] ?? '';
  return saslResponse(`c=biws,r=${nonce},p=${Buffer.alloc(32, 7).toString('base64')}`);
}

export const TOKENS = { issuer: 'https://id.example', kid: 'one' };

/** A token signed by a key that the issuer does not have, under the name of one that it has. @param more a claim, as JSON. */
function forged(at: number, more: string): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const seconds = Math.floor(Date.now() / 1000);
  const claims = JSON.stringify({
    iss: TOKENS.issuer,
    aud: 'rowgate',
    sub: `a${at}@b`,
    iat: seconds,
    exp: seconds + 600,
  });
  const input = `${encoded({ alg: 'ES256', kid: TOKENS.kid, typ: 'JWT' })}.${encoded(`${claims.slice(0, -1)},"more":${more}}`)}`;
  return `${input}.${signature(input, privateKey, 'ES256').toString('base64url')}`;
}

const bearer = (token: string): Buffer => saslInitialResponse('OAUTHBEARER', `n,,\x01auth=Bearer ${token}\x01\x01`);

/** @param hello a TLS client's first message, as it wrote it. */
export function strangers(hello: Uint8Array): Readonly<Record<string, Wave>> {
  const forgeries = (more: string): string[] => Array.from({ length: 200 }, (_, i) => forged(i, more));
  const [small, large, deep] = ['1', `"${'x'.repeat(30_000)}"`, `${'['.repeat(9_000)}${']'.repeat(9_000)}`].map(
    forgeries,
  );
  return {
    'connections that say nothing': { many: 400, steps: [] },
    'half a startup packet': { many: 200, steps: [() => startup('office').subarray(0, 20)] },
    'startup packets': { many: 200, steps: [(_, at) => startup(`user${at}`)] },
    'startup packets over the limit of connections': { many: 800, steps: [(_, at) => startup(`user${at}`)] },
    'startup packets of many settings': {
      many: 200,
      steps: [() => startup('office', ...Array.from({ length: 600 }, (_, i): [string, string] => [`s.s${i}`, `${i}`]))],
    },
    'startup packets of no layout': {
      many: 200,
      steps: [() => Buffer.from([0, 0, 39, 0, 0, 3, 0, 0, ...Buffer.alloc(9_976, 65)])],
    },
    noise: { many: 200, steps: [() => Buffer.alloc(16_000, 255)] },
    'requests for encryption': {
      many: 200,
      steps: [() => Buffer.concat([Buffer.from([0, 0, 0, 8, 4, 210, 22, 48]), sslRequest()])],
    },
    'cancel requests': { many: 200, steps: [(_, at) => cancelRequest(at + 1, Buffer.alloc(4, at))] },
    'wrong proofs': { many: 200, steps: [() => startup('office'), scramFirst, wrongProof] },
    'wrong proofs of names that are not there': {
      many: 200,
      steps: [(_, at) => startup(`user${at}`), scramFirst, wrongProof],
    },
    'SCRAM messages of no form': {
      many: 200,
      steps: [() => startup('office'), () => saslInitialResponse('SCRAM-SHA-256', 'n,,n=,r='.repeat(7_000))],
    },
    'SASL payloads of 64 kilobytes': {
      many: 200,
      steps: [() => startup('office'), () => saslInitialResponse('OAUTHBEARER', `n,,${'\x01a=b'.repeat(15_000)}`)],
    },
    'password messages where none was asked for': {
      many: 200,
      steps: [() => startup('office'), () => passwordMessage('p'.repeat(60_000))],
    },
    'forged tokens': { many: 200, steps: [() => startup('tokens'), (_, at) => bearer(small![at]!)] },
    'large forged tokens': { many: 200, steps: [() => startup('tokens'), (_, at) => bearer(large![at]!)] },
    'deep forged tokens': { many: 200, steps: [() => startup('tokens'), (_, at) => bearer(deep![at]!)] },
    'TLS handshakes that end': { many: 200, steps: [sslRequest, () => hello] },
    'TLS handshakes that begin at once': { many: 200, steps: [() => hello] },
    'TLS handshakes of noise': {
      many: 200,
      steps: [sslRequest, () => Buffer.concat([hello.subarray(0, 90), Buffer.alloc(400, 1)])],
    },
  };
}
