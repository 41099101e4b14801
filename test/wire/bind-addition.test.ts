/** Tests values that are added to a Bind that comes in pieces: the same bytes as for a whole one, and no added value under the client's control. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bind, bind, decodeBind, decodeBindHead, textValue } from '../../src/protocol/bind.ts';
import { BindAddition, type ResultFormats } from '../../src/protocol/bind-addition.ts';
import { MalformedMessage } from '../../src/protocol/protocol-error.ts';

const RUNS = process.env.ROWGATE_LONG ? 200_000 : 2_000;

const value = fc.oneof(
  fc.constant(Buffer.from([0xff, 0xff, 0xff, 0xff])),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => textValue(Buffer.from(bytes).toString('latin1'))),
);

const message = fc
  .record({
    values: fc.array(value, { maxLength: 6 }),
    // Also such as are longer than what a message is begun with.
    texts: fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }), { minLength: 1, maxLength: 3 }),
    resultFormats: fc.array(fc.constantFrom(0, 1), { maxLength: 4 }),
    binary: fc.boolean(),
  })
  .map(({ values, texts, resultFormats, binary }) => {
    const added = texts.map(textValue);
    const whole: Bind = {
      portal: 'p',
      statement: 's',
      formats: binary ? values.map(() => 1) : [],
      values: Buffer.concat(values),
      valueCount: values.length,
      resultFormats,
    };
    return { whole, texts, added, formats: binary ? [...whole.formats, ...added.map(() => 0)] : [] };
  });

const cuts = fc.array(fc.nat(400), { maxLength: 12 });

function passed(
  bytes: Uint8Array,
  formats: readonly number[],
  added: readonly Uint8Array[],
  cuts: readonly number[],
  results?: ResultFormats,
) {
  const head = decodeBindHead(bytes);
  const addition = new BindAddition(head, bytes.length, formats, added, results);
  const at = [...new Set(cuts.filter((cut) => cut >= head.valuesAt && cut < bytes.length))].sort((a, b) => a - b);
  const ends = [...at, bytes.length];
  const out = addition.begin(bytes.subarray(0, ends[0]));
  for (const [index, start] of at.entries()) out.push(...addition.push(bytes.subarray(start, ends[index + 1])));
  const sent = Buffer.concat(out);
  expect(sent.length).toBe(addition.length);
  expect(sent.readUInt32BE(1)).toBe(sent.length - 1);
  return sent;
}

test('in pieces, the message that would have been made of the whole', () => {
  fc.assert(
    fc.property(message, cuts, ({ whole, texts, added, formats }, cut) => {
      const expected = bind({
        ...whole,
        formats,
        values: Buffer.concat([whole.values, ...added]),
        valueCount: whole.valueCount + added.length,
      });
      expect(passed(bind(whole), formats, added, cut)).toEqual(expected);
      expect(bind({ ...whole, formats }, texts)).toEqual(expected);
      expect(decodeBind(expected).formats).toEqual(formats);
    }),
    { numRuns: RUNS },
  );
});

/** Bytes of it changed, or taken from its end: its length stays true. */
const broken = fc
  .tuple(
    message,
    fc.array(fc.tuple(fc.nat(200), fc.constantFrom(0, 1, 4, 8, 0x7f, 0xff)), { maxLength: 3 }),
    fc.nat(12),
  )
  .map(([{ whole, added, formats }, changes, shorter]) => {
    const bytes = Buffer.from(bind(whole));
    const { valuesAt } = decodeBindHead(bytes);
    for (const [at, byte] of changes) if (valuesAt + at < bytes.length) bytes[valuesAt + at] = byte;
    const cut = bytes.subarray(0, Math.max(valuesAt, bytes.length - shorter));
    cut.writeUInt32BE(cut.length - 1, 1);
    return { bytes: cut, added, formats };
  });

test('broken in any way, it is never read as one with other values of ours', () => {
  let malformed = 0;
  fc.assert(
    fc.property(broken, cuts, ({ bytes, added, formats }, cut) => {
      const sent = passed(bytes, formats, added, cut);
      let whole: Bind | undefined;
      try {
        whole = decodeBind(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessage);
        malformed += 1;
        expect(() => decodeBind(sent)).toThrow(MalformedMessage);
        return;
      }
      const seen = decodeBind(sent);
      expect(Buffer.from(seen.values)).toEqual(Buffer.concat([whole.values, ...added]));
    }),
    { numRuns: RUNS * 3 },
  );
  expect(malformed).toBeGreaterThan(RUNS / 10);
});

/** Where the result has a column more: the last value is padding. */
const results = fc.constantFrom<ResultFormats>('one more', 'none');

test('formats of result columns are fitted, and the padding takes up the difference', () => {
  fc.assert(
    fc.property(message, results, cuts, ({ whole, added, formats }, result, cut) => {
      const padded = [...added.slice(0, -1), textValue('')];
      const seen = decodeBind(passed(bind(whole), formats, padded, cut, result));
      const own = whole.resultFormats;
      expect(seen.resultFormats).toEqual(result === 'none' ? [] : own.length > 1 ? [...own, 0] : own);
      const unused = result === 'none' ? own.length * 2 : own.length > 1 ? 0 : 2;
      const values = [whole.values, ...added.slice(0, -1), textValue(' '.repeat(unused))];
      expect(Buffer.from(seen.values)).toEqual(Buffer.concat(values));
      expect(seen.valueCount).toBe(whole.valueCount + added.length);
    }),
    { numRuns: RUNS },
  );
});

test('broken in any way, the same with a column more', () => {
  let malformed = 0;
  fc.assert(
    fc.property(broken, results, cuts, ({ bytes, added, formats }, result, cut) => {
      const sent = passed(bytes, formats, [...added.slice(0, -1), textValue('')], cut, result);
      let whole: Bind | undefined;
      try {
        whole = decodeBind(bytes);
      } catch {
        malformed += 1;
        expect(() => decodeBind(sent)).toThrow(MalformedMessage);
        return;
      }
      const seen = decodeBind(sent).values;
      const own = Buffer.concat([whole.values, ...added.slice(0, -1)]);
      expect(Buffer.from(seen.subarray(0, own.length))).toEqual(own);
    }),
    { numRuns: RUNS * 3 },
  );
  expect(malformed).toBeGreaterThan(RUNS / 10);
});
