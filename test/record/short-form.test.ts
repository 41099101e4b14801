/**
 * Tests logs that were written before December 2026: they are read, verified and reported as they were then. `short-form/` holds such a guard's log:
 * the guard was renamed and started again on the way; its first file is closed. `whole.jsonl` is the output of "rowgate log query --json" of that
 * time.
 */
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LogRecord } from '../../src/decision-log/fields.ts';
import { RecordStream } from '../../src/decision-log/forward/source.ts';
import { ChainReader } from '../../src/decision-log/read/chain-reader.ts';
import { chainsOf } from '../../src/decision-log/read/log-files.ts';
import { ShortForm } from '../../src/decision-log/read/short-form.ts';
import { openSource } from '../../src/decision-log/read/source.ts';
import { breachOf } from '../../src/decision-log/reports/breach.ts';
import { refusalsOf } from '../../src/decision-log/reports/refusals.ts';
import { verifyLog } from '../../src/decision-log/verify/verify.ts';
import { openLog } from '../../src/decision-log/writer/log.ts';
import * as plain from '../audit/totals.ts';

const OLD = join(import.meta.dirname, 'short-form');
const WHOLE = readFileSync(join(OLD, 'whole.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as LogRecord);

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-short-form-'));
  cpSync(OLD, folder, { recursive: true });
  rmSync(join(folder, 'whole.jsonl'));
  chmodSync(join(folder, 'decisions.jsonl.key'), 0o600);
  file = join(folder, 'decisions.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function read(): Promise<LogRecord[]> {
  const found: LogRecord[] = [];
  for (const chain of chainsOf(file)) {
    const reader = new ChainReader(chain);
    for (let some = await reader.next(); some; some = await reader.next()) found.push(...some);
    expect(reader.strange).toBe(0);
  }
  return found.map(({ hash: _, ...said }) => said);
}

const verified = () => verifyLog({ log: file, keys: [], anchors: [], longestUnsealedMs: 3_600_000 });

/** Reports say what a plain computation says of the same records, whole. */
async function expectSums(records: readonly LogRecord[], indexed: boolean): Promise<void> {
  const until = Date.UTC(2100, 0);
  const source = await openSource({ chains: chainsOf(file), indexed, notice: (message) => expect.fail(message) });
  try {
    const { by, ...totals } = plain.refusalsOf(records, 0, until);
    const found = await refusalsOf(source, { since: 0, until, timeZone: 'UTC' });
    expect(totals.statements).toBeGreaterThan(3);
    expect(found).toMatchObject(totals);
    const times = found.byPrincipal.filter((each) => each.times > 0).map((each) => [each.name, each.times] as const);
    expect(new Map(times)).toEqual(by[0]?.principal);
    for (const principal of ['college_12', 'portal']) {
      const asked = { principal, since: 0, until, timeZone: 'UTC' };
      expect((await breachOf(source, asked)).totals).toEqual(plain.totalsOf(plain.statementsOf(records, asked)));
    }
    expect(source.strange).toBe(0);
  } finally {
    source.close();
  }
}

it('is read whole', async () => {
  expect(await read()).toEqual(WHOLE);
});

it('is verified', async () => {
  const { findings, chains } = await verified();
  expect(findings).toEqual([]);
  expect(chains).toMatchObject([{ guard: 'portal', last: WHOLE.length }]);
});

it.each([false, true])('is reported, by indexes: %s', (indexed) => expectSums(WHOLE, indexed));

it('is sent whole to a collector, each outcome with its decision', async () => {
  const source = new RecordStream(file, undefined, {
    lost: () => expect.fail('lost'),
    said: (text) => expect.fail(text),
  });
  const sent: LogRecord[] = [];
  for (let entry = await source.next(async () => {}); entry; entry = await source.next(async () => {})) {
    const { hash: _, ...record } = entry.record;
    sent.push(record);
    if (record.kind === 'outcome') expect(entry.decision).toMatchObject({ kind: 'decision', id: record.id });
  }
  await source.close();
  expect(sent).toEqual(WHOLE);
});

it('goes on in whole records, in the file that was open', async () => {
  const guard = openLog({ file, durability: 'batched', text: 'normalized', guard: 'portal', clock: Date.now });
  const session = guard.session({
    session: 'new',
    principal: 'canteen',
    role: 'canteen',
    attributes: {},
    client: '10.0.0.1:2',
    database: 'ent',
    application: '',
  });
  session.append({
    kind: 'decision',
    id: 'new',
    command: 'SELECT',
    fingerprint: 'f',
    statement: 'SELECT address FROM students',
    tables: ['public.students'],
    columns: [],
    effect: 'refuse',
    reason: 'column-withheld',
    policy: 'sha256:ac',
    text: '',
  });
  session.append({ kind: 'outcome', id: 'new', rows: 0, bytes: 0, changed: 0, ms: 1, status: 'refused' });
  await guard.close();
  expect((await verified()).findings).toEqual([]);
  const all = await read();
  expect(all.slice(0, WHOLE.length)).toEqual(WHOLE);
  expect(all.filter(({ id }) => id === 'new')).toMatchObject([{ principal: 'canteen', effect: 'refuse' }, { rows: 0 }]);
  await expectSums(all, false);
});

it('in a file without its beginning keeps the numbers of fields that cannot be restored', () => {
  const reader = new ShortForm();
  expect(reader.whole({ time: 't', kind: 'decision', seq: 9, id: 'a', who: 3, what: 4 })).toEqual({
    ...{ time: 't', kind: 'decision', guard: undefined, seq: 9, id: 'a' },
    ...{ who: 3, what: 4 },
  });
  expect(reader.whole({ time: 't', kind: 'outcome', seq: 10, decision: 5 })).toMatchObject({
    decision: 5,
    status: 'ok',
  });
});
