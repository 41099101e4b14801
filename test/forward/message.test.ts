/** Tests records as messages: in each form, no longer than the collector takes, and harmless to a terminal. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../src/decision-log/fields.ts';
import { type ForwardForm, type MessageOptions, syslogOf, textOf } from '../../src/decision-log/forward/message.ts';
import type { ForwardedRecord } from '../../src/decision-log/forward/source.ts';
import { violations } from './facts.ts';

const decision: LogRecord = {
  time: '2026-11-25T09:00:00.000Z',
  kind: 'decision',
  guard: 'g1',
  seq: 4711,
  id: '01JD',
  session: '01JS',
  principal: 'p'.repeat(64),
  role: 'teacher',
  client: '10.12.0.7:50412',
  database: 'd'.repeat(64),
  application: 'a'.repeat(64),
  command: 'SELECT',
  fingerprint: '3b9b2a41d098c92e',
  statement: 'SELECT 1',
  tables: ['public.students'],
  columns: ['public.students.ine'],
  effect: 'allow',
  policy: `sha256:${'a'.repeat(64)}`,
  hash: 'h'.repeat(43),
};
const outcome: LogRecord = {
  time: decision.time,
  kind: 'outcome',
  guard: 'g1',
  seq: 4712,
  id: '01JD',
  rows: 1,
  status: 'ok',
};

const entry = (record: LogRecord, about?: LogRecord): ForwardedRecord => ({
  record,
  decision: about,
  position: { file: 1, offset: 0, seq: Number(record.seq) },
});
const options = (form: ForwardForm, longest = 4096): MessageOptions => ({ form, longest, version: '0.1.0', host: 'h' });
const FORMS = ['ocsf', 'ecs', 'json'] as const;

describe.each(FORMS)('as %s', (form) => {
  it('a record of any length fits, whole or with what is missing named', () => {
    const word = fc.string({ unit: 'binary', maxLength: 300 });
    const long = fc.record({
      statement: fc.integer({ min: 0, max: 20_000 }).map((length) => 'é'.repeat(length)),
      columns: fc.array(word, { maxLength: 200 }),
      tables: fc.array(word, { maxLength: 50 }),
      problems: fc.option(fc.array(word, { maxLength: 50 }), { nil: undefined }),
      attributes: fc.dictionary(word, word, { maxKeys: 20 }),
      message: fc.option(fc.string({ unit: 'binary', maxLength: 9_000 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(long, fc.boolean(), fc.integer({ min: 4096, max: 9000 }), (fields, joined, longest) => {
        const whole: LogRecord = { ...decision, ...fields };
        const sent = joined ? entry(outcome, whole) : entry(whole);
        const frame = syslogOf(sent, options(form, longest)).toString();
        const [, length, message] = /^([0-9]+) ([\s\S]*)$/.exec(frame) ?? [];
        expect(Buffer.byteLength(message ?? '')).toBe(Number(length));
        expect(Number(length)).toBeLessThanOrEqual(longest);
        const event = JSON.parse(message?.replace(/^.*?\[rowgate@32473 [^\]]*\] /, '') ?? '') as Record<
          string,
          unknown
        >;
        if (form === 'ocsf') expect(violations(JSON.parse(JSON.stringify(event)))).toEqual([]);
        const full = textOf(sent, options(form, Number.MAX_SAFE_INTEGER));
        const isWhole = JSON.stringify(event) === JSON.stringify(JSON.parse(full));
        expect(isWhole || JSON.stringify(event).includes('"shortened":[')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('stays one line that no terminal obeys', () => {
    const application = 'a\u009b2J\u007f\u0085\u001b[31m\u202etxt\u2066\u2029\né😀';
    const text = textOf(entry({ ...decision, application }), options(form, 100_000));
    expect(text).not.toMatch(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u);
    expect(JSON.stringify(JSON.parse(text))).toContain(JSON.stringify(application).slice(1, -1));
  });
});

it('the structured data names the guard, number and id of a record', () => {
  const frame = syslogOf(entry(decision), options('json', 8192)).toString();
  expect(frame).toContain('rowgate - decision [rowgate@32473 guard="g1" seq="4711" id="01JD"] {"time"');
  expect(frame).toMatch(/^[0-9]+ <110>1 2026-11-25T09:00:00.000Z h /);
});

it.each([
  ['a canary', { kind: 'canary' }, 105],
  ['a lock', { kind: 'lock' }, 105],
  ['a refusal', { effect: 'refuse' }, 108],
  ['an outcome that was cut', { kind: 'outcome', status: 'cut' }, 108],
  ['a refused login', { kind: 'login-refused' }, 108],
  ['a policy', { kind: 'policy' }, 109],
  ['a statement', {}, 110],
])('is as urgent as what it says: %s', (_, fields, priority) => {
  expect(syslogOf(entry({ ...decision, ...fields }), options('json', 8192)).toString()).toContain(`<${priority}>1 `);
});
