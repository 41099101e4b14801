/** Random logs: a list of events, and the files in which they are written, over rotations and workers, with torn lines. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { closedName } from '../../src/decision-log/chain/files.ts';

export type Whole = Readonly<Record<string, unknown>>;

const START = Date.UTC(2026, 9, 24, 20);
/** Over a change of the clocks. */
const SPAN_MINUTES = 60 * 24 * 3;

const name = fc.constantFrom('homework', 'office', "o'brien; DROP", '<b>é</b>');
const person = fc.integer({ min: 0, max: 30 });
const shape = fc.record({
  command: fc.constantFrom('SELECT', 'SELECT', 'UPDATE', 'BEGIN', 'SET'),
  fingerprint: fc.constantFrom('f1', 'f2', 'f3'),
  statement: fc.constantFrom('SELECT $1', "SELECT '\u001b[31m' FROM students", undefined),
  tables: fc.subarray(['public.students', 'public.absences', 'public.grades']),
  columns: fc.subarray(['public.students.id', 'public.students.address', 'public.absences.reason']),
});
const who = fc.record(
  {
    user: fc.constantFrom('7731', '12'),
    role: fc.constantFrom('teacher', 'office'),
    client: fc.constantFrom('10.0.0.1:4000', '10.0.0.1:4001', '[::1]:9', '192.168.7.2:1'),
    application: fc.constantFrom('psql', ''),
    database: fc.constant('ent'),
    policy: fc.constantFrom('sha256:a', 'sha256:b'),
  },
  { requiredKeys: ['role', 'client', 'application', 'database', 'policy'] },
);
const shown = fc.record({
  seen: fc.uniqueArray(person, { maxLength: 5 }),
  last: fc.uniqueArray(person, { maxLength: 5 }),
  without: fc.integer({ min: 0, max: 3 }),
  questions: fc.integer({ min: 0, max: 1 }),
  values: fc.integer({ min: 0, max: 2 }),
  key: fc.constantFrom('k3', 'k3', 'k4'),
});
const statement = fc.record({
  minute: fc.integer({ min: 0, max: SPAN_MINUTES }),
  lasts: fc.integer({ min: 0, max: 90 }),
  principal: name,
  session: fc.integer({ min: 0, max: 3 }),
  who,
  shape,
  effect: fc.constantFrom('allow', 'rewrite', 'rewrite', 'refuse', 'lock'),
  would: fc.constantFrom(undefined, undefined, 'refuse'),
  end: fc.constantFrom('ok', 'ok', 'ok', 'cut', 'error', 'row-check', 'none', 'no decision'),
  rows: fc.integer({ min: 0, max: 500 }),
  bytes: fc.integer({ min: 0, max: 90_000 }),
  changed: fc.constantFrom(0, 0, 3),
  shown,
});
const event = fc.record({
  minute: fc.integer({ min: 0, max: SPAN_MINUTES }),
  principal: name,
  kind: fc.constantFrom('lock', 'login', 'login-refused', 'login-refused', 'warning'),
  /** How many refused logins the record counts. */
  count: fc.option(fc.integer({ min: 1, max: 5_000 }), { nil: undefined }),
});

/** Statements and events, and how their files are written. */
export const randomLog = fc.record({
  statements: fc.array(statement, { maxLength: 40 }),
  events: fc.array(event, { maxLength: 8 }),
  workers: fc.integer({ min: 1, max: 2 }),
  rotations: fc.array(fc.nat({ max: 120 }), { maxLength: 3 }),
  torn: fc.array(fc.nat({ max: 120 }), { maxLength: 3 }),
});
type RandomLog = typeof randomLog extends fc.Arbitrary<infer T> ? T : never;

/** The whole records of each worker, in order. */
export function recordsOf(log: RandomLog): Whole[][] {
  const workers: Whole[][] = [];
  for (let worker = 0; worker < log.workers; worker++) {
    const mine = [
      ...log.statements
        .filter((_, index) => index % log.workers === worker)
        .flatMap((each, index) => ofStatement(each, `${worker}-${index}`)),
      ...log.events.filter((_, index) => index % log.workers === worker).map(ofEvent),
    ].toSorted((a, b) => a.at - b.at);
    workers.push(
      mine.map(({ at, kind, fields }, index) => ({
        time: new Date(at).toISOString(),
        kind,
        guard: `g1/${worker + 1}`,
        seq: index + 1,
        ...fields,
      })),
    );
  }
  return workers;
}

interface Happened {
  readonly at: number;
  readonly kind: string;
  readonly fields: Whole;
}

function ofEvent({ minute, principal, kind, count }: RandomLog['events'][number]): Happened {
  const at = START + minute * 60_000;
  const isCounted = kind === 'login-refused' && count !== undefined;
  return {
    at,
    kind,
    fields: {
      principal,
      ...(isCounted && { count, since: new Date(at - 30_000).toISOString() }),
      ...(kind === 'lock' && { by: 'guard', reason: 'overruns' }),
    },
  };
}

function ofStatement(each: RandomLog['statements'][number], id: string): Happened[] {
  const { minute, lasts, principal, effect, end } = each;
  const at = START + minute * 60_000;
  const stopped = effect === 'refuse' || effect === 'lock';
  const quiet = ['BEGIN', 'SET'].includes(each.shape.command);
  const { statement: text, ...shape } = each.shape;
  const decision: Whole = {
    id,
    session: `s${each.session}`,
    principal,
    ...each.who,
    ...shape,
    ...(text !== undefined && { statement: text }),
    effect,
    ...(each.would !== undefined && { would: each.would }),
    ...(stopped && { reason: effect === 'lock' ? 'locked' : 'column-withheld' }),
  };
  const { seen, last, key, without, questions, values } = each.shown;
  const ids = (people: readonly number[]): string[] => people.map((number) => `${key}:${number}`);
  const fresh = last.filter((number) => !seen.includes(number));
  const told = { people: seen.length + fresh.length + without, questions, values };
  const shows = !stopped && !quiet && told.people + questions + values > 0;
  const status = stopped ? 'refused' : end === 'cut' ? 'cut' : end === 'error' || end === 'row-check' ? 'error' : 'ok';
  const outcome: Whole = {
    id,
    principal,
    rows: stopped || quiet ? 0 : each.rows,
    bytes: stopped || quiet ? 0 : each.bytes,
    changed: stopped || quiet ? 0 : each.changed,
    ms: 1.25,
    status,
    ...(!stopped && end === 'row-check' && { reason: 'row-check' }),
    ...(!stopped && end === 'cut' && { limit: { name: 'rows_per_statement', used: 500, of: 500 } }),
    ...(shows && { subjects: { student: { ...told, ids: ids(fresh) } } }),
  };
  const ended = at + lasts * 60_000;
  return [
    ...(end === 'no decision' ? [] : [{ at, kind: 'decision', fields: decision }]),
    ...(shows && seen.length > 0
      ? [{ at, kind: 'seen', fields: { id, principal, subjects: { student: { ids: ids(seen) } } } }]
      : []),
    ...(end === 'none' || (quiet && status === 'ok') ? [] : [{ at: ended, kind: 'outcome', fields: outcome }]),
  ];
}

/** Writes the files; the name of the log. Some closed files are compressed. */
export function writeLog(folder: string, log: RandomLog): string {
  mkdirSync(folder, { recursive: true });
  recordsOf(log).forEach((records, worker) => {
    const open = join(folder, log.workers === 1 ? 'decisions.jsonl' : `decisions.${worker + 1}.jsonl`);
    const cuts = [...new Set([0, ...log.rotations.filter((cut) => cut < records.length), records.length])].toSorted(
      (a, b) => a - b,
    );
    for (const [index, from] of cuts.slice(0, -1).entries()) {
      const to = cuts[index + 1] ?? records.length;
      const text = written(records.slice(from, to), log);
      const closed = closedName(open, from + 1);
      if (to === records.length) writeFileSync(open, text);
      else if (index % 2 === 0) writeFileSync(closed, text);
      else writeFileSync(`${closed}.gz`, gzipSync(text));
    }
    if (records.length === 0) writeFileSync(open, '');
  });
  return join(folder, 'decisions.jsonl');
}

/** Writes as a guard does. */
function written(records: readonly Whole[], { torn }: RandomLog): string {
  const [first] = records;
  const segment = { ...first, kind: 'segment', chain: 'x', format: 1 };
  const { time, kind, guard, seq, chain, format } = segment as Whole;
  const lines = records.map((record, index) => {
    const line = JSON.stringify(record);
    return torn.includes(index) ? `${line.slice(0, index + 1)}\n${line}\n` : `${line}\n`;
  });
  return [`${JSON.stringify({ time, kind, guard, seq, chain, format })}\n`, ...lines].join('');
}
