/** Tests roles with unchanged texts, unrestricted and observed: they reuse plans by the same rules, as long as each name finds the same object. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Guard } from '../../src/guard/guard.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import type { SessionPorts } from '../../src/session/ports.ts';
import { Conversation } from '../../src/session/state/conversation.ts';
import { catalogOf } from '../policy/environment.ts';
import { B, E, P, Q, S } from '../session/messages.ts';
import { policyOf } from '../session/policies.ts';
import { type Act, ReuseWorld, run, times } from './world.ts';

let world: ReuseWorld;
beforeAll(async () => {
  world = await ReuseWorld.make();
});
afterAll(() => world?.close());

/** Columns of temporary tables tell their table's number. */
const data = (frames: readonly string[]): readonly string[] => frames.filter((frame) => !frame.startsWith('T'));

const JOIN = 'SELECT p.id, p.name, v.what FROM pupils p JOIN visits v ON v.pupil = p.id WHERE p.id = $1';
const READ = 'SELECT id, name FROM pupils WHERE id = 3 ORDER BY id';

async function played(script: Act[], principal = 'boss') {
  const { server, off, on, plans } = await world.play(script, undefined, principal);
  expect(data(on.frames)).toEqual(data(off.frames));
  expect(on.words).toEqual(server.words);
  expect(on.rows).toEqual(server.rows);
  return { frames: on.frames, words: on.words, plans };
}

test.each(['boss', 'watched'])(
  '%s: reads and writes that come again, in both protocols and in transactions',
  async (principal) => {
    const { plans } = await played(
      [
        ...times(4, run(JOIN, ['3'])),
        ...[1, 2, 3, 4].map((n): Act => [Q(`SELECT id, name FROM pupils WHERE id = ${n} AND name > 'p'`)]),
        ...['a', 'b', 'c', 'x'].map((what) =>
          run('UPDATE visits SET what = $1 WHERE id = 3 RETURNING id, what', [what]),
        ),
        ...[1, 2, 3, 4].map(
          (n): Act => [Q(`INSERT INTO visits (id, pupil, what) VALUES (${n + 100}, ${n}, 'new ${n}')`)],
        ),
        ...times(4, [Q('INSERT INTO visits (id, pupil) VALUES (90, 99) RETURNING id')]),
        [Q('BEGIN')],
        ...times(3, run(JOIN, ['4'])),
        run(JOIN, ['x']),
        run(JOIN, ['4']),
        [Q('ROLLBACK')],
      ],
      principal,
    );
    expect(plans.reused).toBeGreaterThan(8);
  },
);

test.each(['boss', 'watched'])('%s: what means another thing later is sent as a text', async (principal) => {
  const texts = [
    "SELECT id FROM pupils WHERE born = '01/02/2010'",
    "SELECT id FROM pupils WHERE feels = 'glad'",
    "SELECT lookn('a') FROM pupils WHERE id = 1",
    'SELECT id FROM pupils WHERE id = $1',
    'INSERT INTO answers (code) VALUES (1) ON CONFLICT DO NOTHING',
    'SELECT current_query(), id FROM pupils WHERE id = 3',
    'INSERT INTO ruled VALUES (1)',
  ];
  const { plans } = await played(
    texts.flatMap((text) => times(3, [Q(text)])),
    principal,
  );
  expect(plans.prepared).toBe(0);
});

const F = (oid: number) => new MessageWriter(0x46).int32(oid).int16(0).int16(0).int16(0).finish();

/** All plans go whenever the catalog changes, by autovacuum too: a count may be disturbed once. */
const COUNTED = { retry: 4 };

/** Each may put a table of the session's own before the one that is read. */
test.each<[string, Act[]]>([
  ['CREATE TEMPORARY TABLE', [[Q('CREATE TEMPORARY TABLE pupils (id text, name char(5))')]]],
  ['SELECT INTO', [[Q("SELECT '3' AS id, 'x'::char(5) AS name INTO TEMPORARY pupils")]]],
  ['a function', [run('SELECT hides()')]],
  [
    'a function that is prepared',
    [
      [P('SELECT hides()', 'p'), S()],
      [B([], '', 'p'), E(), S()],
    ],
  ],
  ['a function that EXECUTE runs', [[Q('PREPARE p AS SELECT hides()')], [Q('EXECUTE p')]]],
  [
    'a cursor that calls one',
    [[Q('BEGIN')], [Q('DECLARE c CURSOR FOR SELECT hides()')], [Q('FETCH c')], [Q('COMMIT')]],
  ],
  ['a block', [[Q('DO $$ BEGIN PERFORM hides(); END $$')]]],
  ['a trigger at COMMIT', [[Q('BEGIN')], [Q('INSERT INTO marks VALUES (1)')], ...times(3, [Q(READ)]), [Q('COMMIT')]]],
  [
    'COPY with a trigger',
    [
      [
        Q('COPY marks FROM STDIN'),
        new MessageWriter(0x64).bytes(Buffer.from('1\tx\n')).finish(),
        new MessageWriter(0x63).finish(),
      ],
    ],
  ],
  ['search_path', [[Q('SET search_path = elsewhere, public')]]],
  ['transform_null_equals', [[Q('SET transform_null_equals = on')]]],
  ['search_path by set_config', [run("SELECT set_config('search_path', $1, false)", ['elsewhere, public'])]],
  ['search_path by a name that is a value', [run('SELECT set_config($1, $2, false)', ['search_path', 'elsewhere'])]],
])('behind %s no plan is run', COUNTED, async (name, acts) => {
  const again = [[Q("INSERT INTO pupils (id, name) VALUES ('3', 'ab')")], ...times(4, [Q(READ.replace('3', "'3'"))])];
  const compared = [1, 2, 3].map((n): Act => [Q(`SELECT id FROM pupils WHERE name = 'ab' AND id <> '${n}'`)]);
  for (const principal of name === 'a function' ? ['boss', 'watched'] : ['boss']) {
    const { plans } = await played([...times(3, [Q(READ)]), ...acts, ...again, ...compared], principal);
    expect(plans).toMatchObject({ prepared: 1, reused: 1 });
  }
});

test('no plan is run behind a function called by its OID, until the session is reset', COUNTED, async () => {
  const [found] = await world.database.query<{ oid: number }>("SELECT 'hides'::regproc::oid::int4 AS oid");
  const { plans } = await played([
    ...times(3, [Q(READ)]),
    [F(found!.oid)],
    ...times(3, [Q('SELECT count(*) FROM pupils')]),
    [Q('DISCARD ALL')],
    ...times(4, [Q(READ)]),
  ]);
  expect(plans).toMatchObject({ prepared: 2 });
  expect(plans.reused).toBeGreaterThan(1);
});

test('behind other settings, and what drivers ask of the catalogs, they are prepared again', async () => {
  const { plans } = await played([
    ...times(3, [Q(READ)]),
    [Q("SET TimeZone = 'Europe/Paris'")],
    [Q("SET app.tenant = '5'")],
    [Q('SET enable_seqscan = off')],
    [Q('SELECT pg_catalog.version(), current_schema(), pg_backend_pid() > 0')],
    [Q("SELECT t.oid, typarray FROM pg_type t WHERE t.oid = to_regtype('hstore')")],
    [
      Q(
        "SELECT c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relname = 'pupils' AND pg_catalog.pg_table_is_visible(c.oid) AND a.attnum > 0 ORDER BY a.attnum",
      ),
    ],
    ...times(4, [Q(READ)]),
  ]);
  expect(plans.reused).toBeGreaterThan(0);
});

test('a partition that is not asked for is not locked', async () => {
  const locked =
    "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation::regclass::text LIKE 'parts_%'";
  const read = (n: number): Act => [Q(`SELECT what FROM public.parts WHERE id = ${(n % 2) + 1} AND what <> '${n}'`)];
  const generic: Act = [Q('SET plan_cache_mode = force_generic_plan')];
  await played([
    generic,
    ...times(9, read(0), read(1)),
    [Q('BEGIN')],
    ...times(3, read(0)),
    [Q(locked)],
    [Q('ROLLBACK')],
  ]);
});

test('an error shows no literal as a parameter', async () => {
  const { frames } = await played(
    [1, 2, 3, 4].map((n): Act => [Q(`INSERT INTO visits (id, pupil, what) VALUES (${n}, ${n}, 'new ${n}')`)]),
  );
  expect(frames.join()).not.toContain('with parameters');
});

test.each(['session', 'transaction'] as const)('behind a pooler of %ss nothing is prepared', (pooling) => {
  const ports = { pooling, plans: { after: 1, perSession: 3 }, newId: () => '' };
  expect(new Conversation(ports as unknown as SessionPorts).plans.isOn).toBe(false);
});

test('a name without a schema is known to stay what it is in the first schema of the path alone', async () => {
  const catalog = await catalogOf(world.database.url);
  const judged = (text: string, searchPath: string[]) =>
    new Guard({ catalog, role: policyOf({ access: 'unrestricted' }).role, searchPath }).judge(text).statements[0]
      ?.reusable;
  expect(judged('SELECT id FROM pupils', ['public'])).toBe(true);
  expect(judged('SELECT id FROM answers, (SELECT id FROM visits) AS v', ['elsewhere', 'public'])).toBe(undefined);
  expect(judged('UPDATE visits SET id = 1', ['elsewhere', 'public'])).toBe(undefined);
  expect(judged('UPDATE public.visits SET id = 1', ['elsewhere', 'public'])).toBe(true);
});
