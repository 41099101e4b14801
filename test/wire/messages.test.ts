/** Tests messages of both directions: what is written can be read again, and a message that is cut or has bytes after it cannot. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeAuthentication,
  decodePasswordMessage,
  decodeSaslInitialResponse,
  passwordMessage,
  saslInitialResponse,
} from '../../src/protocol/authentication.ts';
import { backendKeyData, decodeBackendKeyData } from '../../src/protocol/backend-key-data.ts';
import { bind, decodeBind, textValue } from '../../src/protocol/bind.ts';
import { commandComplete, decodeCommandComplete } from '../../src/protocol/command-complete.ts';
import { close, decodeTarget, describe as describeMessage } from '../../src/protocol/describe.ts';
import { decodeErrorFields, errorResponse, isFatal } from '../../src/protocol/error-response.ts';
import { decodeExecute, execute } from '../../src/protocol/execute.ts';
import { negotiateProtocolVersion } from '../../src/protocol/negotiate-protocol-version.ts';
import { decodeParameterDescription, parameterDescription } from '../../src/protocol/parameter-description.ts';
import { decodeParameterStatus, parameterStatus } from '../../src/protocol/parameter-status.ts';
import { decodeParse, parse } from '../../src/protocol/parse.ts';
import { MalformedMessage } from '../../src/protocol/protocol-error.ts';
import { decodeQuery, query } from '../../src/protocol/query.ts';
import { decodeReadyForQuery, readyForQuery } from '../../src/protocol/ready-for-query.ts';
import { decodeRowDescription, rowDescription } from '../../src/protocol/row-description.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((value) => !value.includes('\0'));
const oid = fc.nat(0xffffffff);
const int16 = fc.integer({ min: -0x8000, max: 0x7fff });
const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });

interface Case<T> {
  readonly name: string;
  readonly values: fc.Arbitrary<T>;
  readonly write: (value: T) => Uint8Array;
  readonly read: (bytes: Uint8Array) => T;
}
const of = <T>(name: string, values: fc.Arbitrary<T>, write: Case<T>['write'], read: Case<T>['read']) =>
  ({ name, values, write, read }) as Case<unknown>;

const target = fc.record({ of: fc.constantFrom('statement' as const, 'portal' as const), name: text });
const boundValues = fc.array(text, { maxLength: 4 });

const cases = [
  of('Query', text, query, decodeQuery),
  of('Parse', fc.record({ name: text, text, types: fc.array(oid, { maxLength: 4 }) }), parse, decodeParse),
  of(
    'Bind',
    fc
      .tuple(
        text,
        text,
        fc.array(fc.constantFrom(0, 1), { maxLength: 3 }),
        boundValues,
        fc.array(fc.constantFrom(0, 1), { maxLength: 3 }),
      )
      .map(([portal, statement, formats, values, resultFormats]) => ({
        portal,
        statement,
        formats,
        values: Buffer.concat(values.map(textValue)),
        valueCount: values.length,
        resultFormats,
      })),
    bind,
    (bytes) => {
      const { valuesAt, ...message } = decodeBind(bytes);
      const values = Buffer.from(message.values);
      expect(bytes.subarray(valuesAt, valuesAt + values.length)).toEqual(values);
      return { ...message, values };
    },
  ),
  of('Describe', target, describeMessage, decodeTarget),
  of('Close', target, close, decodeTarget),
  of('Execute', fc.record({ portal: text, maxRows: int32 }), execute, decodeExecute),
  of(
    'RowDescription',
    fc.array(
      fc.record({
        name: text,
        table: oid,
        attnum: int16,
        type: oid,
        size: int16,
        typmod: int32,
        format: fc.constantFrom(0, 1),
      }),
      { maxLength: 5 },
    ),
    rowDescription,
    (bytes) => [...decodeRowDescription(bytes)],
  ),
  of('ParameterDescription', fc.array(oid, { maxLength: 5 }), parameterDescription, (bytes) => [
    ...decodeParameterDescription(bytes),
  ]),
  of('CommandComplete', text, commandComplete, decodeCommandComplete),
  of('ReadyForQuery', fc.constantFrom('I' as const, 'T' as const, 'E' as const), readyForQuery, decodeReadyForQuery),
  of('ParameterStatus', fc.record({ name: text, value: text }), parameterStatus, decodeParameterStatus),
  of(
    'BackendKeyData',
    fc.record({ processId: int32, secretKey: fc.uint8Array({ minLength: 4, maxLength: 256 }) }),
    backendKeyData,
    decodeBackendKeyData,
  ),
  of(
    'ErrorResponse',
    fc.array(text, { minLength: 3, maxLength: 3 }).map(
      ([c, m, d]) =>
        new Map([
          ['C', c!],
          ['M', m!],
          ['D', d!],
        ]),
    ),
    errorResponse,
    decodeErrorFields,
  ),
  of('PasswordMessage', text, passwordMessage, decodePasswordMessage),
  of(
    'SASLInitialResponse',
    fc.record({ mechanism: text, data: text }),
    ({ mechanism, data }) => saslInitialResponse(mechanism, data),
    (bytes) => decodeSaslInitialResponse(bytes) as { mechanism: string; data: string },
  ),
];

describe.each(cases)('$name', ({ name, values, write, read }) => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(read(write(value))).toEqual(value);
      }),
    );
  });

  test('cut short, or with something behind it, is malformed', () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, at) => {
        const bytes = write(value);
        const cut = bytes.subarray(0, 5 + (at % Math.max(1, bytes.length - 5)));
        if (cut.length < bytes.length) expectMalformedOrOther(() => read(cut), value);
        // A cancel key is as long as its message: what follows would be more of it.
        if (name !== 'BackendKeyData') {
          expect(() => read(Buffer.concat([bytes, Buffer.from([0, 0, 0])]))).toThrow(MalformedMessage);
        }
      }),
    );
  });
});

test('NegotiateProtocolVersion is its version, and the options that are not known', () => {
  const body = Buffer.from('\0\x03\0\x02\0\0\0\x02_pq_.x\0é\0');
  const header = Buffer.from([0x76, 0, 0, 0, body.length + 4]);
  expect(negotiateProtocolVersion({ major: 3, minor: 2, unknownOptions: ['_pq_.x', 'é'] })).toEqual(
    Buffer.concat([header, body]),
  );
});

/** A prefix may be a message of its own; it is never the one that it was cut from. */
function expectMalformedOrOther(read: () => unknown, value: unknown): void {
  try {
    expect(read()).not.toEqual(value);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
  }
}

test('text that is not UTF-8 is told apart from a message that is not one', () => {
  const bytes = Buffer.concat([Buffer.from([0x51, 0, 0, 0, 7, 0xed, 0xa0, 0x80, 0])]);
  expect(() => decodeQuery(bytes)).toThrow(expect.objectContaining({ sqlstate: '22021' }));
});

test('a byte order mark is a character of the text, as for the server', () => {
  expect(decodeQuery(query('\ufeffselect 1'))).toBe('\ufeffselect 1');
});

test('which errors end a session', () => {
  expect(isFatal(new Map([['S', 'FATAL']]))).toBe(true);
  expect(
    isFatal(
      new Map([
        ['S', 'FATALE'],
        ['V', 'PANIC'],
      ]),
    ),
  ).toBe(true);
  expect(
    isFatal(
      new Map([
        ['S', 'ERREUR'],
        ['V', 'ERROR'],
      ]),
    ),
  ).toBe(false);
});

test.each([
  [[0, 0, 0, 0], { kind: 'ok' }],
  [[0, 0, 0, 3], { kind: 'cleartext-password' }],
  [[0, 0, 0, 10, 0x41, 0, 0x42, 0, 0], { kind: 'sasl', mechanisms: ['A', 'B'] }],
  [[0, 0, 0, 7], { kind: 'other', code: 7 }],
])('authentication %j', (body, expected) => {
  expect(decodeAuthentication(Buffer.from([0x52, 0, 0, 0, 4 + body.length, ...body]))).toEqual(expected);
});
