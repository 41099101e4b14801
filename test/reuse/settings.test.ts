/** Tests SET and reused plans: a session keeps its plans when no parse or plan reads the setting, and prepares them again after any other. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { B, E, P, Q, S } from '../session/messages.ts';
import { type Act, type Counted, ReuseWorld, run, times } from './world.ts';

let world: ReuseWorld;
beforeAll(async () => {
  world = await ReuseWorld.make();
});
afterAll(() => world?.close());

async function same(script: Act[]): Promise<Counted> {
  const { server, off, on, plans } = await world.play(script);
  expect(on.frames).toEqual(off.frames);
  expect(on.words).toEqual(server.words);
  return plans;
}

const READ = 'SELECT id, name FROM pupils WHERE id = $1';

/** None of them is read while a text is parsed or planned. */
const KEPT = [
  "SET application_name = 'reports'",
  'SET statement_timeout = 60000',
  "SET idle_in_transaction_session_timeout TO '1min'",
  'RESET idle_session_timeout',
  'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE',
  'SET default_transaction_isolation = serializable',
  'SET default_transaction_read_only = off',
  'SHOW TimeZone',
  "SELECT set_config('statement_timeout', '60s', false)",
];

/** All plans go whenever the catalog changes, by autovacuum too: a count may be disturbed once. */
const COUNTED = { retry: 4 };

test('settings that neither parsing nor planning reads keep the plans', COUNTED, async () => {
  const each = KEPT.flatMap((text) => [[Q(text)], ...times(2, run(READ, ['4']))]);
  expect(await same([...times(3, run(READ, ['3'])), ...each])).toMatchObject({ prepared: 1, dropped: 0 });
});

test('in a transaction, and behind it', COUNTED, async () => {
  const inside = ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED', 'SET LOCAL lock_timeout = 1000', ...KEPT];
  const each = inside.flatMap((text) => [[P(text), B(), E(), S()], run(READ, ['4'])]);
  const script = [...times(3, run(READ, ['3'])), [Q('BEGIN')], ...each, [Q('COMMIT')], run(READ, ['5'])];
  expect(await same(script)).toMatchObject({ prepared: 1, dropped: 0 });
});

/** The server computes the constant while it plans, by a setting whose changes it does not report. */
const PLANNED = 'SELECT 0.123456789::float8::text, id FROM pupils WHERE id = 1';
const BRIEF = 'SET extra_float_digits = -10';

test.each<[string, Act[]]>([
  ['SET', [[Q(BRIEF)]]],
  ['set_config', [[Q("SELECT set_config('extra_float_digits', '-10', false)")]]],
  ['a setting that is set as a parameter', [run("SELECT set_config('extra_float_digits', $1, false)", ['-10'])]],
  ['RESET ALL', [[Q(BRIEF)], ...times(3, [Q(PLANNED)]), [Q('RESET ALL')]]],
  [
    'SET in a cursor’s query',
    [
      [Q('BEGIN')],
      [Q(`DECLARE c CURSOR FOR SELECT set_config('extra_float_digits', '-10', false)`)],
      [Q('FETCH c')],
      [Q('COMMIT')],
    ],
  ],
  ['EXECUTE', [[Q("PREPARE p AS SELECT set_config('extra_float_digits', '-10', false)")], [Q('EXECUTE p')]]],
])('what was planned by a setting is planned again: %s', COUNTED, async (_, acts) => {
  const plans = await same([...times(4, [Q(PLANNED)], run(PLANNED)), ...acts, ...times(3, [Q(PLANNED)], run(PLANNED))]);
  expect(plans.reused).toBeGreaterThan(0);
});

test.each<[string, Act[], Act[]]>([
  ['COMMIT of SET LOCAL', [[Q('BEGIN')], [Q('SET LOCAL extra_float_digits = -10')]], [[Q('COMMIT')]]],
  ['ROLLBACK of SET', [[Q('BEGIN')], [Q(BRIEF)]], [[Q('ROLLBACK')]]],
  ['ROLLBACK TO', [[Q('BEGIN')], [Q('SAVEPOINT a')], [Q(BRIEF)]], [[Q('ROLLBACK TO a')]]],
  [
    'ROLLBACK, with messages that were sent together',
    [[P('SELECT 1'), B(), E(), S(), P('BEGIN'), B(), E(), S(), P(BRIEF), B(), E(), S()]],
    [[Q('ROLLBACK')]],
  ],
])('it is planned again where the transaction gives the setting back: %s', COUNTED, async (_, begin, end) => {
  const plans = await same([...begin, ...times(5, run(PLANNED)), ...end, ...times(3, run(PLANNED)), [Q('ROLLBACK')]]);
  expect(plans.reused).toBeGreaterThan(0);
});
