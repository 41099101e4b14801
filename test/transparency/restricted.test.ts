/**
 * What the suites of client libraries ask gives a restricted role to which all is granted what it gives directly. A suite makes its tables as it runs,
 * which only an owner may: it is recorded as it runs directly, and replayed on two servers kept in step, where owners run the definitions.
 */
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Server, startServer } from '../../src/demo/server.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { freshDatabase } from '../support/postgres.ts';
import { describeWith, LONG } from '../support/tools.ts';
import { Pair } from './replay/pair.ts';
import { recorder } from './replay/recorded.ts';
import { RECONNECT, type Step } from './replay/step.ts';
import { Tally } from './replay/tally.ts';
import { SUITES } from './suites.ts';
import { environmentOf, loginsOf, makeUsers } from './world.ts';

interface Replayed {
  readonly suite: string;
  /** How many statements at least are compared. */
  readonly compares: number;
  /** Why those that differ do so, as in `docs/clients.md`, by what they are. */
  readonly differs: Readonly<Record<string, string>>;
}

const NO_USER = '`search_path` lacks `"$user"`';
const UNGRANTED = 'a setting without a grant';

const REPLAYED: readonly Replayed[] = [
  {
    suite: 'lib/pq',
    compares: 800,
    differs: { 'rows: SELECT current_setting($1)': NO_USER },
  },
  { suite: "SQLAlchemy's for dialects, on psycopg2", compares: 8000, differs: {} },
  { suite: 'node-postgres', compares: 6000, differs: { 'rows: SHOW search_path': NO_USER } },
  {
    suite: 'postgres.js',
    compares: 700,
    differs: {
      "42501 permission denied for PREPARE TRANSACTION: prepare transaction 'tx1'": 'two-phase commit',
      '42501 permission denied for parameter "…": select current_setting(\'postgres_js.test\') as x': UNGRANTED,
      "42501 permission denied for parameter \"…\": select set_config('postgres_js.test', 'testing', true)": UNGRANTED,
    },
  },
  {
    suite: 'Kysely',
    compares: 6500,
    differs: {
      '42501 permission denied for parameter "…": SET session_replication_role = \'origin\'':
        '`session_replication_role`',
      '42501 permission denied for parameter "…": SET session_replication_role = \'replica\'':
        '`session_replication_role`',
    },
  },
  {
    suite: 'Knex',
    compares: 4000,
    differs: {},
  },
];

describe.each(REPLAYED)('$suite', ({ suite: name, compares, differs }) => {
  const suite = SUITES.find((one) => one.name === name)!;
  describeWith(suite.needs, LONG)('its statements', () => {
    const servers: Server[] = [];
    beforeAll(async () => {
      await suite.build?.();
      await loadParser();
      for (const side of ['direct', 'guarded']) {
        const folder = await mkdtemp(join(tmpdir(), `rowgate-suite-${side}-`));
        servers.push(await startServer({ folder, settings: SETTINGS, temporary: true }));
      }
    }, 300_000);
    afterAll(async () => {
      for (const server of servers) await server.stop();
    });

    it('give a restricted role the same', { timeout: 1_800_000 }, async () => {
      const steps = await recorded(servers[0]!);
      const pair = new Pair(servers[0]!.url, servers[1]!.url);
      for (const text of suite.before ?? []) await pair.prepare(text);
      await pair.prepared();
      const tally = new Tally();
      await pair.run(steps, tally);
      const different = tally.different.map(({ reason, text }) => `${reason}: ${text.replace(/\s+/g, ' ')}`);
      expect([...new Set(different)].sort(), tally.summary()).toEqual(Object.keys(differs).sort());
      expect(tally.compared).toBeGreaterThanOrEqual(compares);
      process.stdout.write(`${name}: ${tally.same} of ${tally.compared}, ${tally.astray} astray\n`);
    });

    async function recorded(server: Server): Promise<Step[]> {
      const { written } = suite;
      const database = await freshDatabase(written?.database, server.url);
      if (written) await makeUsers(database, written);
      for (const sql of suite.before ?? []) await database.query(sql);
      const recording = await recorder(written ? loginsOf(database, written)[0]!.url : database.url);
      const outcomes = await suite.run(environmentOf(recording.url));
      await recording.stop();
      await database.drop();
      const passed = [...outcomes.values()].filter((outcome) => /^PASS/.test(outcome));
      expect(passed.length).toBeGreaterThanOrEqual(suite.passes);
      return recording.steps().filter((step) => step === RECONNECT || !NEVER_THE_SAME.test(step.text));
    }
  });
});

/** The time, what is drawn by lot, which server it is, what other sessions do, and what a time limit strikes. */
const NEVER_THE_SAME =
  /^\s*select\b.*\b(?:now\s*\(|current_timestamp|gen_random_uuid|default_uuid_table|pg_control_system|pg_stat_activity)|\bstatement_timeout\b/is;

/** A client of the suite waits for a lock or sleeps until it cancels. Autovacuum would change estimates of rows on one server before the other. */
const SETTINGS = { statement_timeout: '20s', lock_timeout: '1s', autovacuum: 'off' };

it('docs/clients.md says what differs, and why', async () => {
  const page = await readFile(resolve(import.meta.dirname, '../../docs/clients.md'), 'utf8');
  for (const reason of REPLAYED.flatMap(({ differs }) => Object.values(differs))) expect(page).toContain(reason);
});
