/** Tests all code that reads a stranger's bytes, with messages that are nearly right: it gives a value or an intended error, never anything else. */
import { beforeAll, describe, expect, test } from 'vitest';
import {
  decodeAuthentication,
  decodePasswordMessage,
  decodeSaslInitialResponse,
  decodeSaslResponse,
  passwordMessage,
  saslInitialResponse,
  saslResponse,
} from '../../src/protocol/authentication.ts';
import { backendKeyData, decodeBackendKeyData } from '../../src/protocol/backend-key-data.ts';
import { bind, decodeBind, decodeBindHead, textValue } from '../../src/protocol/bind.ts';
import { decodeCommandComplete } from '../../src/protocol/command-complete.ts';
import { decodeTarget, describe as describeMessage } from '../../src/protocol/describe.ts';
import { decodeErrorBeginning, decodeErrorFields, errorResponse } from '../../src/protocol/error-response.ts';
import { decodeExecute, execute } from '../../src/protocol/execute.ts';
import {
  CLIENT_LIMITS,
  type Frame,
  type FrameLimits,
  FrameReader,
  SERVER_LIMITS,
} from '../../src/protocol/frame-reader.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { decodeParameterDescription, parameterDescription } from '../../src/protocol/parameter-description.ts';
import { decodeParameterStatus, parameterStatus } from '../../src/protocol/parameter-status.ts';
import { decodeParse, decodeParseName, parse } from '../../src/protocol/parse.ts';
import { MalformedMessage, ProtocolError } from '../../src/protocol/protocol-error.ts';
import { decodeProxyPrefix, decodeProxySource, PROXY_PREFIX_BYTES } from '../../src/protocol/proxy-protocol.ts';
import { decodeQuery, query } from '../../src/protocol/query.ts';
import { decodeReadyForQuery, readyForQuery } from '../../src/protocol/ready-for-query.ts';
import { decodeRowDescription, rowDescription } from '../../src/protocol/row-description.ts';
import { acceptServerFinal, answerServerFirst, clientFirst } from '../../src/protocol/scram-client.ts';
import { answerClientFinal, answerClientFirst } from '../../src/protocol/scram-server.ts';
import { makeVerifier, type ScramVerifier } from '../../src/protocol/scram-verifier.ts';
import { flush, sync } from '../../src/protocol/simple-frontend.ts';
import { cancelRequest, StartupReader, sslRequest, startupMessage } from '../../src/protocol/startup.ts';
import { fuzz, fuzzRuns } from '../support/random.ts';
import { cut, mutated } from './mutations.ts';

const TIMEOUT = 3_600_000;

/** Only what is meant may be thrown. */
function meant<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof MalformedMessage) return undefined;
    throw error;
  }
}

const field = { name: 'id', table: 16400, attnum: 1, type: 23, size: 4, typmod: -1, format: 0 };
const BIND = bind({
  portal: 'p',
  statement: 's',
  formats: [0, 1],
  values: Buffer.concat([textValue('Zoé'), Buffer.from([0xff, 0xff, 0xff, 0xff])]),
  valueCount: 2,
  resultFormats: [1],
});
const ERROR = errorResponse(new Map([...'SVCMDHPWFLR'].map((code) => [code, `${code} of it`])));

/** A message of each kind, and what reads it. */
const decoders: readonly (readonly [string, Uint8Array, (bytes: Uint8Array) => unknown])[] = [
  ['Bind', BIND, decodeBind],
  ['Bind, its head', BIND, decodeBindHead],
  ['Parse', parse({ name: 's', text: 'select $1', types: [23, 0] }), decodeParse],
  ['Parse, its name', parse({ name: 's', text: 'select $1', types: [23] }), decodeParseName],
  ['Query', query('select é'), decodeQuery],
  ['Execute', execute({ portal: 'p', maxRows: 5 }), decodeExecute],
  ['Describe', describeMessage({ of: 'portal', name: 'p' }), decodeTarget],
  ['SASLInitialResponse', saslInitialResponse('SCRAM-SHA-256', 'n,,n=,r=abcdefgh'), decodeSaslInitialResponse],
  ['PasswordMessage', passwordMessage('abc'), decodePasswordMessage],
  ['SASLResponse', saslResponse('c=biws,r=abcdefgh'), decodeSaslResponse],
  ['ErrorResponse', ERROR, decodeErrorFields],
  ['ErrorResponse, its beginning', ERROR, decodeErrorBeginning],
  ['RowDescription', rowDescription([field, { ...field, name: 'name' }]), decodeRowDescription],
  ['ParameterDescription', parameterDescription([23, 25]), decodeParameterDescription],
  ['ParameterStatus', parameterStatus({ name: 'TimeZone', value: 'UTC' }), decodeParameterStatus],
  ['CommandComplete', new MessageWriter(0x43).string('INSERT 0 1').finish(), decodeCommandComplete],
  ['ReadyForQuery', readyForQuery('T'), decodeReadyForQuery],
  ['BackendKeyData', backendKeyData({ processId: 7, secretKey: Buffer.alloc(32, 1) }), decodeBackendKeyData],
  [
    'AuthenticationSASL',
    new MessageWriter(0x52).int32(10).string('SCRAM-SHA-256').byte(0).finish(),
    decodeAuthentication,
  ],
  ['AuthenticationMD5Password', new MessageWriter(0x52).int32(5).int32(77).finish(), decodeAuthentication],
];

test.each(decoders)('%s', { timeout: TIMEOUT }, (_what, bytes, decode) => {
  let read = 0;
  const runs = fuzzRuns(300, 50_000);
  fuzz(runs, (random) => {
    // The header is the frame reader's: what it let through has a length that is true.
    const body = mutated(bytes.subarray(5), random);
    const message = Buffer.concat([bytes.subarray(0, 5), body]);
    if (meant(() => decode(message)) !== undefined) read += 1;
  });
  expect(read).toBeGreaterThan(runs < 100 ? -1 : 0);
});

test('startup packets', { timeout: TIMEOUT }, () => {
  const packets = [
    startupMessage(3, 2, [
      ['user', 'teacher'],
      ['database', 'ent'],
      ['options', '-c geqo=off'],
    ]),
    sslRequest(),
    cancelRequest(42, Buffer.alloc(4, 7)),
    cancelRequest(42, Buffer.alloc(32, 7)),
  ];
  fuzz(fuzzRuns(2_000, 200_000), (random) => {
    const reader = new StartupReader();
    const bytes = mutated(Buffer.concat([random.pick(packets), random.pick(packets)]), random);
    meant(() => {
      for (const piece of cut(bytes, random)) {
        reader.push(piece);
        for (let steps = 0; reader.next() !== undefined; steps += 1) expect(steps).toBeLessThan(bytes.length);
        expect(reader.buffered).toBeLessThanOrEqual(10_000 + piece.length);
      }
    });
  });
});

test('the PROXY protocol', { timeout: TIMEOUT }, () => {
  const header = Buffer.concat([
    Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex'),
    Buffer.from([10, 12, 0, 7, 10, 0, 0, 1, 0xc4, 0xda, 0x19, 0x20]),
  ]);
  fuzz(fuzzRuns(500, 50_000), (random) => {
    const bytes = mutated(header, random);
    if (bytes.length < PROXY_PREFIX_BYTES) return;
    meant(() =>
      decodeProxySource(decodeProxyPrefix(bytes.subarray(0, PROXY_PREFIX_BYTES)), bytes.subarray(PROXY_PREFIX_BYTES)),
    );
  });
});

describe('frames', () => {
  const fromClient = Buffer.concat([
    query('select 1'),
    parse({ name: '', text: 'select $1', types: [] }),
    BIND,
    flush(),
    sync(),
  ]);
  const fromServer = Buffer.concat([
    rowDescription([field]),
    Buffer.from([0x44, 0, 0, 0, 10, 0, 1, 0, 0, 0, 0]),
    new MessageWriter(0x44).int16(1).int32(200).bytes(Buffer.alloc(200)).finish(),
    ERROR,
    readyForQuery('I'),
  ]);
  /** With bounds that short messages reach. */
  const small = (limits: FrameLimits): FrameLimits => ({
    ...limits,
    maxFrame: 300,
    streamed: new Map([...limits.streamed].map(([type, { head }]) => [type, { above: 60, head: Math.min(head, 20) }])),
  });

  test.each([
    ['of a client', fromClient, CLIENT_LIMITS],
    ['of a server', fromServer, SERVER_LIMITS],
    ['of a client, long for its bounds', fromClient, small(CLIENT_LIMITS)],
    ['of a server, long for its bounds', fromServer, small(SERVER_LIMITS)],
  ])(
    '%s: each byte comes out once, in its place, or the reading ends',
    { timeout: TIMEOUT },
    (_what, transcript, limits) => {
      fuzz(fuzzRuns(500, 100_000), (random) => {
        const bytes = mutated(transcript, random);
        const reader = new FrameReader(limits);
        const out: Frame[] = [];
        const ended = meant(() => {
          for (const piece of cut(bytes, random)) {
            reader.push(Uint8Array.from(piece));
            for (let frame = reader.next(); frame; frame = reader.next()) {
              out.push({ ...frame, bytes: Uint8Array.from(frame.bytes) });
              expect(out.length).toBeLessThanOrEqual(bytes.length);
            }
          }
          return true;
        });
        const read = Buffer.concat(out.map((frame) => frame.bytes));
        expect(read.equals(bytes.subarray(0, read.length))).toBe(true);
        // The rest is the start of a frame that has not come whole.
        if (ended && out.every(({ last }) => last))
          expect(bytes.length - read.length).toBeLessThan(maxOf(bytes.subarray(read.length), limits));
        for (const [at, frame] of out.entries()) expect(frame.first).toBe(at === 0 || out[at - 1]!.last);
      });
    },
  );
});

/** The bytes that a frame which begins so may need before it comes out. */
function maxOf(rest: Uint8Array, limits: FrameLimits): number {
  if (rest.length < 5) return 5;
  const length = Buffer.from(rest).readUInt32BE(1) + 1;
  const streaming = limits.streamed.get(rest[0]!);
  return streaming && length > streaming.above ? streaming.head : length;
}

describe('SCRAM', () => {
  const password = 'correct horse';
  const input = { mechanism: 'SCRAM-SHA-256', password, nonce: 'cccccccccccc', channelBinding: undefined } as const;
  let verifier: ScramVerifier;
  let good: {
    readonly first: string;
    readonly serverFirst: string;
    readonly final: string;
    readonly serverFinal: string;
  };
  const server = () =>
    ({
      mechanism: 'SCRAM-SHA-256',
      verifiers: [verifier],
      nonce: 'ssssssssssssssssss',
      channelBinding: undefined,
    }) as const;
  const begun = () => {
    const answer = answerClientFirst(server(), Buffer.from(good.first));
    if (answer.kind !== 'challenge') throw new Error(answer.message);
    return answer;
  };

  beforeAll(async () => {
    verifier = await makeVerifier(password, Buffer.alloc(16, 5), 1);
    const first = clientFirst(input);
    const challenge = answerClientFirst(server(), Buffer.from(first));
    if (challenge.kind !== 'challenge') throw new Error(challenge.message);
    const answer = await answerServerFirst(input, Buffer.from(challenge.message));
    const accepted = answerClientFinal(challenge.exchange, Buffer.from(answer!.message));
    if (accepted.kind !== 'accepted') throw new Error('the right password was not accepted');
    good = { first, serverFirst: challenge.message, final: answer!.message, serverFinal: accepted.message };
  });

  test('the first message of a client', { timeout: TIMEOUT }, () => {
    fuzz(fuzzRuns(500, 50_000), (random) => {
      expect(['challenge', 'malformed']).toContain(
        answerClientFirst(server(), mutated(Buffer.from(good.first), random)).kind,
      );
    });
  });

  test('its last one: nothing but the right proof is accepted', { timeout: TIMEOUT }, () => {
    const { exchange } = begun();
    fuzz(fuzzRuns(500, 50_000), (random) => {
      const message = mutated(Buffer.from(good.final), random);
      const { kind } = answerClientFinal(exchange, message);
      expect(kind === 'accepted').toBe(message.toString('latin1') === good.final);
    });
  });

  test('one exchange says nothing about another', () => {
    const other = answerClientFirst({ ...server(), nonce: 'tttttttttttttttttt' }, Buffer.from(good.first));
    if (other.kind !== 'challenge') throw new Error(other.message);
    expect(answerClientFinal(other.exchange, Buffer.from(good.final)).kind).toBe('malformed');
    expect(answerClientFinal(begun().exchange, Buffer.from(good.final)).kind).toBe('accepted');
  });

  test('the messages of a server', { timeout: TIMEOUT }, async () => {
    const right = await answerServerFirst(input, Buffer.from(good.serverFirst));
    const challenges: Buffer[] = [];
    fuzz(fuzzRuns(100, 5_000), (random) => {
      const message = mutated(Buffer.from(good.serverFirst), random);
      // Iterations are work that was asked for: not here.
      if (!/i=\d{4,}/.test(message.toString('latin1'))) challenges.push(message);
      const last = mutated(Buffer.from(good.serverFinal), random);
      expect(acceptServerFinal(right!, last)).toBe(last.toString('latin1') === good.serverFinal);
    });
    for (const message of challenges) {
      const answer = await answerServerFirst(input, message);
      if (answer && message.toString('latin1') !== good.serverFirst)
        expect(acceptServerFinal(answer, Buffer.from(good.serverFinal))).toBe(false);
    }
  });
});
