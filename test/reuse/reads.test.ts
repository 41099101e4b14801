/** Tests repeated reads that run by a plan prepared before: the client gets the same bytes as without it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { B, CS, DP, DS, E, H, P, Q, S } from '../session/messages.ts';
import { type Act, ReuseWorld, run, times } from './world.ts';

let world: ReuseWorld;
beforeAll(async () => {
  world = await ReuseWorld.make();
});
afterAll(() => world?.close());

const sql = (text: string) => () => world.database.query(text);

/** The guard reads the catalog again after each change of it, and then drops all plans: so their number is not fixed. */
type Expected = 'reused' | 'not prepared' | 'either';

async function same(script: Act[], expected: Expected, undo?: string, known = false): Promise<readonly string[]> {
  const { server, off, on, plans } = await world.play(script, undo);
  expect(on.frames).toEqual(off.frames);
  // Differences between the server and any guard have their tests elsewhere.
  if (!known) expect(on.words).toEqual(server.words);
  if (expected === 'reused') expect(plans.reused).toBeGreaterThan(0);
  if (expected === 'not prepared') expect(plans.prepared).toBe(0);
  return on.words;
}

const JOIN =
  'SELECT p.id, p.name, v.what FROM pupils p JOIN visits v ON v.pupil = p.id WHERE p.id = $1 ORDER BY p.id, v.id';
const COUNT = 'SELECT count(*) FROM pupils';

describe('a repeated read', () => {
  test('in the extended protocol, with the client’s own parameters', async () => {
    await same(times(9, run(JOIN, ['3'])), 'reused');
  });
  test('without parameters, in both protocols', async () => {
    await same([...times(4, run(COUNT)), ...times(4, [Q(COUNT)])], 'reused');
  });
  test('a Query: rows, none, NULL, and no columns', async () => {
    const texts = [
      'SELECT id, name FROM pupils ORDER BY id',
      'SELECT id FROM pupils WHERE id < 0',
      'SELECT NULL::int, name FROM pupils WHERE id = 1',
    ];
    await same(
      texts.flatMap((text) => times(4, [Q(text)])),
      'reused',
    );
  });
  test('with a Describe of the statement, a Flush, no Describe, or a row count', async () => {
    const text = 'SELECT id FROM pupils WHERE id > $1 ORDER BY id';
    await same(
      [
        ...times(3, run(text, ['3'])),
        ...times(3, [P(text), DS(), B(['3']), E(), S()]),
        ...times(3, [P(text), B(['3']), E(), S()]),
        ...times(3, [P(text), B(['3']), H(), DP(), H(), E(), H(), S()]),
        ...times(3, [P(text), B(['3']), DP(), E('', 4), E('', 4), E(), S()]),
      ],
      'reused',
    );
  });
  test('in binary, with types declared', async () => {
    const text = 'SELECT id, name FROM pupils WHERE id = $1';
    await same(times(4, run(text, ['3'], [23])), 'reused');
  });
  test('the least used is closed', async () => {
    const texts = [1, 2, 3, 4, 5].map((n) => `SELECT ${n}, name FROM pupils WHERE id = $1`);
    await same(times(3, ...texts.map((text) => run(text, ['1']))), 'either');
  });
});

test('the log says how the server ran each', async () => {
  const said = async (...acts: Act[]): Promise<unknown[]> => {
    const before = await world.guard.records();
    const { plans } = await world.play(acts, 'ALTER TABLE pupils ALTER points TYPE integer');
    const records = (await world.guard.records()).slice(before.length);
    // The catalog was read again meanwhile.
    if (plans.dropped > 0 && !acts.some((act) => typeof act === 'function')) return said(...acts);
    return records.filter(({ kind }) => kind === 'outcome').map(({ plan }) => plan);
  };
  const uses = [undefined, 'prepared', 'reused', 'reused'];
  const all = 'SELECT id, points FROM pupils WHERE id < 9';
  for (const act of [run(all), [Q(all)] as Act]) {
    expect(await said(...times(4, act))).toEqual(uses);
    // A statement that cannot be bound is sent as a text.
    const changed = sql('ALTER TABLE pupils ALTER points TYPE bigint');
    // Unless the catalog was read again first: then it is prepared anew.
    const last = async () => (await said(...times(4, act), changed, act)).at(-1);
    await expect.poll(last).toBe(undefined);
  }
});

describe('the client’s own use of the unnamed statement', () => {
  const known = times(3, run(JOIN, ['3']));
  test('bind it again', async () => {
    await same([...known, [B(['4']), DP(), E(), S()], [B(['5']), E(), S()], run(JOIN, ['6'])], 'reused');
  });
  test('bind it again where the server has another one', async () => {
    const other = run('SELECT name FROM pupils WHERE id = $1', ['5']);
    await same(
      [...known, other, run(JOIN, ['3']), [B(['4']), DP(), E(), S()], other, run(JOIN, ['3']), [DS(), S()]],
      'reused',
    );
  });
  test('describe it, and close it', async () => {
    await same([...known, [DS(), S()], [B(['4']), E(), S()], [CS(), S()], [B(['4']), E(), S()], ...known], 'reused');
  });
  test('lose it by a Query, and its portal', async () => {
    await same([...times(4, [Q(COUNT)]), [B(), E(), S()], [E(), S()], [DS(), S()]], 'reused');
  });
  test('parse it alone, twice, or before something else', async () => {
    await same(
      [...known, [P(JOIN), S()], [P(JOIN), P(JOIN), B(['3']), E(), S()], [P(JOIN), CS('x'), B(['3']), E(), S()]],
      'reused',
    );
  });
  test('parse it, and send a Query without a Sync', async () => {
    await same(
      [...known, [P(JOIN), Q(COUNT)], [P(JOIN), B(['3']), E(), Q(COUNT)], ...known],
      'reused',
      undefined,
      true,
    );
  });
  test('use it in a transaction, a failed one too', async () => {
    await same(
      [
        ...known,
        [Q('BEGIN')],
        run(JOIN, ['3']),
        [Q(COUNT)],
        [Q('SELECT 1/0')],
        run(JOIN, ['3']),
        [B(['3']), E(), S()],
        [Q('ROLLBACK')],
        ...known,
      ],
      'reused',
    );
  });
  test('send several batches at once', async () => {
    const batch = [P(JOIN), B(['3']), DP(), E(), S()];
    await same(
      [...known, [...batch, ...batch, Q(COUNT), ...batch], [...batch, P('SELECT 1/0'), B(), E(), S(), ...batch]],
      'reused',
    );
  });
});

describe('errors', () => {
  test('a value that the server cannot read', async () => {
    const words = await same(
      [...times(3, run(JOIN, ['3'])), run(JOIN, ['x']), run(JOIN, ['99999999999']), run(JOIN, ['3'])],
      'reused',
    );
    expect(words).toContain('ErrorResponse:22P02');
  });
  test('too few values, too many formats', async () => {
    await same(
      [
        ...times(3, run(JOIN, ['3'])),
        run(JOIN, []),
        run(JOIN, ['3', '4']),
        [P(JOIN), B(['3'], '', '', [0, 0]), E(), S()],
      ],
      'reused',
    );
  });
  test('an error while rows are read', async () => {
    const text = 'SELECT 100 / (points - 5) FROM pupils';
    await same([...times(4, [Q(text)]), ...times(3, run(text))], 'reused');
  });
  test('constants that planning computes', async () => {
    const words = await same(
      [...times(4, [Q('SELECT 1/0 FROM pupils')]), ...times(3, run('SELECT 1/0 FROM pupils'))],
      'reused',
    );
    expect(words.filter((word) => word === 'ErrorResponse:22012')).toHaveLength(7);
  });
  test('a parameter in a Query', async () => {
    await same(times(4, [Q('SELECT id FROM pupils WHERE id = $1')]), 'not prepared');
  });
  test('beside a parameter nothing can fail: a generic plan would move it', async () => {
    const words = await same(
      times(8, run('SELECT CASE WHEN id > 0 THEN 1 ELSE 1 / $1 END FROM pupils', ['0'])),
      'not prepared',
    );
    expect(words.filter((word) => word === 'ErrorResponse:22012')).toHaveLength(8);
  });
});

describe('nothing stale', () => {
  test('a column’s type changes', async () => {
    const all = 'SELECT points FROM pupils ORDER BY id';
    const changed = sql('ALTER TABLE pupils ALTER points TYPE bigint');
    const words = await same(
      [...times(3, run(all)), ...times(3, [Q(all)]), changed, [Q(all)], run(all), run(all), [Q(all)]],
      'reused',
      'ALTER TABLE pupils ALTER points TYPE integer',
    );
    expect(words).not.toContain('ErrorResponse:0A000');
  });
  test('a column that was dropped, and one renamed', async () => {
    const text = 'SELECT id, points FROM pupils WHERE id = $1';
    const words = await same(
      [...times(3, run(text, ['1'])), sql('ALTER TABLE pupils RENAME points TO scores'), run(text, ['1'])],
      'reused',
      'ALTER TABLE pupils RENAME scores TO points',
      true,
    );
    expect(words.join()).toContain('ErrorResponse:42703');
  });
  test('a literal that a setting reads', async () => {
    const dated = "SELECT id FROM pupils WHERE born = '01/02/2010'";
    const seen = "SELECT id FROM pupils WHERE seen = '2026-01-01 13:00'";
    await same(
      [
        ...times(3, [Q(dated)], [Q(seen)]),
        [Q('SET DateStyle = dmy')],
        [Q("SET TimeZone = 'Europe/Paris'")],
        ...times(3, [Q(dated)], [Q(seen)]),
      ],
      'not prepared',
    );
  });
  test('now', async () => {
    await same(times(3, [Q("SELECT id FROM pupils WHERE born > 'now'")]), 'not prepared');
  });
  test('a label of an enum that was renamed', async () => {
    const text = "SELECT count(*) FROM pupils WHERE feels = 'glad'";
    const words = await same(
      [...times(3, [Q(text)]), sql("ALTER TYPE mood RENAME VALUE 'glad' TO 'merry'"), [Q(text)]],
      'not prepared',
      "ALTER TYPE mood RENAME VALUE 'merry' TO 'glad'",
    );
    expect(words.join()).toContain('ErrorResponse:22P02');
  });
  test('a function of users that says that it is immutable', async () => {
    const text = run("SELECT lookn('a') FROM pupils WHERE id = 1");
    const script = [...times(3, text), sql('UPDATE answers SET n = 2'), text];
    const { on, off, plans } = await world.play(script, undefined, 'caller');
    expect(on.frames).toEqual(off.frames);
    expect(plans.prepared).toBe(0);
  });
  test.each(['DISCARD ALL', 'DEALLOCATE ALL'])('%s takes the names away', async (text) => {
    await same([...times(3, run(JOIN, ['3'])), [Q(text)], ...times(3, run(JOIN, ['3']))], 'reused');
  });
  test('a notice while the text is read comes each time', async () => {
    const name = 'a'.repeat(70);
    const words = await same(times(4, [Q(`SELECT id AS ${name} FROM pupils WHERE id = 1`)]), 'either');
    expect(words.filter((word) => word.startsWith('NoticeResponse'))).toHaveLength(4);
  });
  test('a policy that was read again', async () => {
    const { off, on, plans } = await world.play([
      ...times(3, run(JOIN, ['3'])),
      () => world.guard.reload(),
      ...times(3, run(JOIN, ['3'])),
    ]);
    expect(on.frames).toEqual(off.frames);
    expect(plans.reused).toBeGreaterThan(0);
  });
});

describe('errors at Bind', () => {
  test('a lock that is not given in time', async () => {
    const held = await world.database.connect();
    try {
      const words = await same(
        [
          [Q('SET lock_timeout = 100')],
          ...times(3, run(JOIN, ['3'])),
          async () => held.query('BEGIN; LOCK TABLE pupils IN ACCESS EXCLUSIVE MODE'),
          run(JOIN, ['3']),
          [Q(COUNT)],
          async () => held.query('ROLLBACK'),
          run(JOIN, ['3']),
        ],
        'reused',
      );
      expect(words.filter((word) => word.startsWith('ErrorResponse:55P03'))).toHaveLength(2);
    } finally {
      await held.end();
    }
  });
});

describe('in a transaction', () => {
  const all = 'SELECT points FROM pupils ORDER BY id';
  const numbered = (n: number) =>
    `SELECT id, name, born, points FROM pupils WHERE id = ${n} AND name <> 'none of these' ORDER BY id, name`;
  const changed = sql('ALTER TABLE pupils ALTER points TYPE bigint');
  const undo = 'ALTER TABLE pupils ALTER points TYPE integer';
  const block = (...acts: Act[]): Act[] => [[Q('BEGIN')], ...acts, [Q('COMMIT')]];

  test('both protocols, with savepoints of the client’s', async () => {
    await same(
      [
        ...block(...times(4, run(JOIN, ['3']))),
        ...block(run(JOIN, ['4']), [Q('SAVEPOINT a')], run(JOIN, ['5']), [Q('RELEASE a')], run(JOIN, ['6'])),
        ...block(...[1, 2, 3, 4, 5].map((n): Act => [Q(numbered(n))])),
        ...block([Q(numbered(6))], [Q(numbered(7)), Q(numbered(8))], [P(JOIN), B(['3']), E(), Q(numbered(9))]),
        [P('BEGIN'), B(), E(), S()],
        run(JOIN, ['3']),
        [P(JOIN), B(['4']), DP(), E(), P('ROLLBACK'), B(), E(), S()],
      ],
      'reused',
      undefined,
      true,
    );
  });
  test('a short one, once and more often', async () => {
    await same(times(4, ...block(...times(3, [Q('SELECT 1 FROM pupils')]), run('SELECT 1 FROM pupils'))), 'either');
  });
  test('cursors stay', async () => {
    const fetch: Act = [Q('FETCH 2 FROM c')];
    const script = block([Q('DECLARE c CURSOR FOR SELECT id FROM pupils ORDER BY id')], fetch, run(JOIN, ['3']), fetch);
    await same([...times(3, run(JOIN, ['3'])), ...script], 'reused');
  });
  test('a change by another session fails no transaction', async () => {
    for (const act of [run(all), [Q(all)] as Act]) {
      const words = await same(
        [
          ...times(3, act),
          changed,
          [Q('BEGIN')],
          [Q("UPDATE visits SET what = 'kept' WHERE id = 1")],
          act,
          [Q('SAVEPOINT a')],
          act,
          [Q('COMMIT')],
        ],
        'either',
        undo,
      );
      expect(words.join()).not.toContain('ErrorResponse');
      expect(words).toContain('CommandComplete:COMMIT');
    }
  });
  test('a change after ROLLBACK TO, which gives locks back, fails no transaction', async () => {
    const words = await same(
      [
        ...times(3, run(all)),
        [Q('BEGIN')],
        [Q('SAVEPOINT a')],
        run(all),
        [Q('ROLLBACK TO a')],
        changed,
        run(all),
        [Q('COMMIT')],
      ],
      'reused',
      undo,
    );
    expect(words.join()).not.toContain('ErrorResponse');
  });
  test.each<[string, Act]>([
    ['that is parsed alone', [P(JOIN), S()]],
    ['that is bound, and not executed', [P(JOIN), B(['3']), S()]],
    ['that is run', run(JOIN, ['3'])],
    ['that is run as a Query', [Q(all)]],
  ])('a statement %s keeps others from changing its tables until the end', async (_, act) => {
    const held: unknown[] = [];
    const look = async (): Promise<void> => {
      held.push(
        await world.database.query(`
          SELECT mode, count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
          WHERE relation IN ('pupils'::regclass, 'visits'::regclass) AND granted AND state = 'idle in transaction' GROUP BY mode`),
      );
    };
    const script = [...times(3, run(JOIN, ['3']), [Q(all)]), [Q('BEGIN')], act, look, [Q('COMMIT')]] as Act[];
    await same(script, 'reused');
    const mode = 'AccessShareLock';
    expect(held[0]).toEqual([{ mode, count: expect.anything() }]);
    for (const at of held) expect(at).toEqual(held[0]);
  });
  test('a value that the server cannot read fails it, as ever', async () => {
    const words = await same(
      [
        ...times(3, run(JOIN, ['3'])),
        [Q('BEGIN')],
        run(JOIN, ['3']),
        run(JOIN, ['x']),
        run(JOIN, ['3']),
        [Q('ROLLBACK')],
      ],
      'reused',
    );
    expect(words).toContain('ErrorResponse:22P02');
    await same([...times(3, run(JOIN, ['3'])), [Q('BEGIN')], run(JOIN, ['x']), [Q('COMMIT')]], 'reused');
  });
  test('one that has failed, and one that is undone in part', async () => {
    const act = run(JOIN, ['3']);
    await same(
      [
        ...times(3, act),
        [Q('BEGIN')],
        act,
        [Q('SAVEPOINT a')],
        [Q('SELECT 1/0')],
        act,
        [Q('ROLLBACK TO a')],
        act,
        act,
        [Q('COMMIT')],
      ],
      'reused',
    );
  });
});

describe('a function of users may do anything to names', () => {
  test('a statement that the client prepared under the name of a plan is not run', async () => {
    const { off, on } = await world.play(
      [
        ...times(3, run('SELECT id FROM pupils WHERE id = 1')),
        run('SELECT takes_names()'),
        ...times(3, run('SELECT id FROM pupils WHERE id = 1')),
        // Planning runs it, though nothing is executed.
        [P('SELECT takes_names()'), B(), S()],
        ...times(3, run('SELECT id FROM pupils WHERE id = 1')),
      ],
      undefined,
      'caller',
    );
    expect(on.frames).toEqual(off.frames);
  });
});
