/** Tests pgbench through the guard: no transaction fails, in any protocol, for an unrestricted role, one that holds its tables whole, and one with a row filter. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith, tool } from '../support/tools.ts';
import { statementsIn } from './decision-log.ts';
import { type Ran, run } from './psql.ts';
import { startWorld, type World } from './world.ts';

const PGBENCH = tool('pgbench');

/** pgbench's tables whole, with writes: teller. The accounts of one branch only, to read: clerk. */
const ROLES = {
  teller: `
role: teller
tables:
  pgbench_accounts: { select: { columns: "*" }, insert: { columns: [aid, bid, abalance, filler] }, update: { columns: [aid, bid, abalance, filler] }, delete: {} }
  pgbench_branches: { select: { columns: "*" }, update: { columns: [bid, bbalance, filler] } }
  pgbench_tellers: { select: { columns: "*" }, update: { columns: [tid, bid, tbalance, filler] } }
  pgbench_history: { select: { columns: "*" }, insert: { columns: [tid, bid, aid, delta, mtime, filler] } }
limits: { rows_per_statement: 10 }
`,
  clerk: `
role: clerk
attributes: { branch: integer }
tables:
  pgbench_accounts: { rows: bid = :branch, select: { columns: [aid, bid, abalance] } }
  pgbench_branches: { select: { columns: [bid] } }      # pgbench counts them at its start
limits: { rows_per_statement: 10 }
`,
};

async function addRoles(folder: string): Promise<void> {
  for (const [name, text] of Object.entries(ROLES)) await writeFile(join(folder, 'roles', `${name}.yaml`), text);
  const file = join(folder, 'principals.yaml');
  const principals = await readFile(file, 'utf8');
  // Their passwords are those of the samples whose verifiers they take.
  const verifierOf = (name: string) =>
    new RegExp(`^ {2}${name}:\\n(?: {4}.*\\n)*? {4}password: (.*)$`, 'm').exec(principals)?.[1] ?? '';
  await writeFile(
    file,
    `${principals}  clerk:\n    role: clerk\n    attributes: { branch: 1 }\n    password: ${verifierOf('teacher')}\n  teller:\n    role: teller\n    password: ${verifierOf('teacher')}\n`,
  );
}

describeWith(PGBENCH)('pgbench', () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld({
      prepare: async (database) => {
        const made = await run(PGBENCH.path!, ['-i', '-q', '-s', '2', database.url], {});
        if (made.status !== 0) throw new Error(made.stderr);
      },
      policies: addRoles,
    });
  });
  let folder: string | undefined;
  afterAll(async () => {
    await world?.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  const conninfo = (principal: string): string => {
    const password = principal === 'dba' ? 'demo-dba' : 'demo-teacher';
    return `host=127.0.0.1 port=${world.port} dbname=${world.database.name} user=${principal} password=${password}`;
  };

  const bench = (principal: string, mode: string, ...args: string[]): Promise<Ran> =>
    run(PGBENCH.path!, ['-n', '-M', mode, '-c', '4', '-j', '2', ...args, conninfo(principal)], {});

  /** The counts that pgbench printed. */
  function counted({ status, stdout, stderr }: Ran): { processed: string | undefined; failed: string | undefined } {
    expect(stderr).not.toMatch(/error|fatal/i);
    expect(status).toBe(0);
    return {
      processed: /actually processed: (.*)/.exec(stdout)?.[1],
      failed: /failed transactions: (\d+)/.exec(stdout)?.[1],
    };
  }

  const MODES = ['simple', 'extended', 'prepared'];

  it.each(MODES.flatMap((mode) => ['dba', 'teller'].map((principal) => [mode, principal] as const)))(
    'TPC-B, %s, as %s',
    async (mode, principal) => {
      const before = await balances();
      expect(counted(await bench(principal, mode, '-t', '75'))).toEqual({ processed: '300/300', failed: '0' });
      const after = await balances();
      expect(after.entries - before.entries).toBe(300);
      expect(new Set([after.accounts, after.branches, after.tellers])).toEqual(new Set([after.deltas]));
    },
  );

  it.each(MODES.flatMap((mode) => ['dba', 'teller', 'clerk'].map((principal) => [mode, principal] as const)))(
    'SELECT only, %s, as %s',
    async (mode, principal) => {
      expect(counted(await bench(principal, mode, '-S', '-t', '75'))).toEqual({ processed: '300/300', failed: '0' });
    },
  );

  it('in the pipelines of psql’s meta-commands \\startpipeline and \\endpipeline', async () => {
    folder = await mkdtemp(join(tmpdir(), 'rowgate-pgbench-'));
    const file = join(folder, 'pipeline.sql');
    await writeFile(
      file,
      '\\set a random(1, 200000)\n\\startpipeline\nBEGIN;\nSELECT abalance FROM pgbench_accounts WHERE aid = :a;\nUPDATE pgbench_accounts SET abalance = abalance WHERE aid = :a;\nCOMMIT;\n\\endpipeline\n',
    );
    for (const mode of ['extended', 'prepared']) {
      expect(counted(await bench('teller', mode, '-f', file, '-t', '50'))).toEqual({
        processed: '200/200',
        failed: '0',
      });
    }
  });

  it('a clerk sees the accounts of one branch, and may not run TPC-B', async () => {
    const ran = await bench('clerk', 'simple', '-t', '1');
    expect(ran.stdout + ran.stderr).toContain('permission denied for table pgbench_accounts');
    expect(ran.status).not.toBe(0);
  });

  it('recorded: each statement, and for SELECT only of the clerk as many rows as there are accounts of the branch among those asked for', async () => {
    const log = await world.log();
    const statements = statementsIn(log);
    const selected = statements.filter(
      ({ principal, statement }) =>
        principal === 'clerk' && statement.startsWith('SELECT abalance FROM pgbench_accounts'),
    );
    expect(selected).toHaveLength(900);
    const found = selected.reduce((sum, { rows }) => sum + rows, 0);
    expect(found).toBeGreaterThan(300);
    expect(found).toBeLessThan(600);
    const updated = statements.filter(
      ({ statement, principal }) => principal === 'teller' && statement.startsWith('UPDATE pgbench_tellers'),
    );
    expect(updated).toHaveLength(900);
    expect(updated.every(({ changed, status }) => changed === 1 && status === 'ok')).toBe(true);
    expect(statements.filter(({ status }) => status === 'error' || status === 'lost')).toEqual([]);
  });

  interface Balances {
    readonly accounts: number;
    readonly branches: number;
    readonly tellers: number;
    readonly deltas: number;
    readonly entries: number;
  }

  async function balances(): Promise<Balances> {
    const [row] = await world.database.query(`SELECT
      (SELECT sum(abalance) FROM pgbench_accounts)::float8 AS accounts, (SELECT sum(bbalance) FROM pgbench_branches)::float8 AS branches,
      (SELECT sum(tbalance) FROM pgbench_tellers)::float8 AS tellers, (SELECT coalesce(sum(delta), 0) FROM pgbench_history)::float8 AS deltas,
      (SELECT count(*) FROM pgbench_history)::int AS entries`);
    return row as unknown as Balances;
  }
});
