/** pgbench's own scripts and its initialisation leave the same rows behind through Rowgate as directly, from the same seed. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith, tool } from '../support/tools.ts';
import { run } from './run.ts';
import { type TwoWays, twoWays } from './world.ts';

const PGBENCH = tool('pgbench');

/** All rows of its tables, of the accounts those that have changed; of the history all but the time. */
const ROWS = `
SELECT (SELECT count(*) FROM pgbench_accounts) AS accounts,
       (SELECT string_agg(a::text, ' ' ORDER BY aid) FROM pgbench_accounts AS a WHERE abalance <> 0) AS changed,
       (SELECT string_agg(b::text, ' ' ORDER BY bid) FROM pgbench_branches AS b) AS branches,
       (SELECT string_agg(t::text, ' ' ORDER BY tid) FROM pgbench_tellers AS t) AS tellers,
       (SELECT count(*) FROM pgbench_history) AS entries,
       (SELECT string_agg(concat_ws(' ', tid, bid, aid, delta, filler), ', ' ORDER BY tid, bid, aid, delta) FROM pgbench_history) AS history`;

/** Its objects: kinds, options, constraints. */
const OBJECTS = `
SELECT relname, relkind, reloptions, relispartition, ARRAY(SELECT pg_get_constraintdef(c.oid) FROM pg_constraint AS c WHERE c.conrelid = r.oid ORDER BY 1) AS constraints
FROM pg_class AS r WHERE relname LIKE 'pgbench%' ORDER BY relname`;

describeWith(PGBENCH)('pgbench', () => {
  let world: TwoWays;
  beforeAll(async () => {
    world = await twoWays();
  });
  afterAll(() => world?.stop());

  /** What it says both ways, without what depends on time. */
  async function bench(...args: string[]): Promise<void> {
    const said: string[] = [];
    for (const env of [world.direct, world.guarded]) {
      const { printed } = await run(PGBENCH.path!, args, '/', env);
      expect(printed).not.toMatch(/error|fatal|aborted/i);
      said.push(printed.replace(/^(latency|tps|initial connection time|.*done in|.* of \d+ tuples) .*$/gm, ''));
    }
    expect(said[1]).toBe(said[0]);
  }

  async function expectSame(sql: string): Promise<unknown> {
    const [direct, guarded] = await world.ask(sql);
    expect(guarded).toEqual(direct);
    return direct[0];
  }

  it.each([
    ['by COPY', []],
    ['at the server, with foreign keys', ['-I', 'dtGvpf']],
    ['by COPY into partitions', ['--partitions=3', '--partition-method=hash']],
    ['by COPY, in simple tables', ['-I', 'dtgvp', '--fillfactor=90']],
  ])('initialises %s', async (_how, args) => {
    await bench('-i', '-q', ...args);
    const rows = await expectSame(ROWS);
    expect(rows).toMatchObject({ accounts: '100000', branches: '(1,0,)', entries: '0' });
    await expectSame('SELECT md5(string_agg(a::text, NULL ORDER BY aid)) FROM pgbench_accounts AS a');
    await expectSame(OBJECTS);
  });

  const SCRIPTS = ['tpcb-like', 'simple-update', 'select-only'];
  const MODES = ['simple', 'extended', 'prepared'];

  it.each(SCRIPTS.flatMap((script) => MODES.map((mode) => [script, mode] as const)))('%s, %s', async (script, mode) => {
    const before = await entries();
    await bench('-n', '-b', script, '-M', mode, '-t', '100', '--random-seed=42');
    await expectSame(ROWS);
    expect((await entries()) - before).toBe(script === 'select-only' ? 0 : 100);
  });

  async function entries(): Promise<number> {
    const [, [row]] = (await world.ask('SELECT count(*)::int AS n FROM pgbench_history')) as [unknown, [{ n: number }]];
    return row.n;
  }
});
