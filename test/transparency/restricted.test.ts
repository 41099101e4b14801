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
import { Pair } from '../carry/pair.ts';
import { recorder } from '../carry/recorded.ts';
import type { ScriptStep } from '../carry/script.ts';
import { Tally } from '../carry/tally.ts';
import { freshDatabase } from '../support/postgres.ts';
import { describeWith, LONG } from '../support/tools.ts';
import { SUITES } from './suites.ts';
import { environmentOf } from './world.ts';

interface Replayed {
  readonly suite: string;
  /** How many statements at least are compared. */
  readonly compares: number;
  /** Why those that differ do so, as in `docs/clients.md`, by what they are. */
  readonly differs: Readonly<Record<string, string>>;
}

const REPLAYED: readonly Replayed[] = [
  {
    suite: 'lib/pq',
    compares: 800,
    differs: { 'rows: SELECT current_setting($1)': '`search_path` lacks `"$user"`' },
  },
  { suite: "SQLAlchemy's for dialects, on psycopg2", compares: 8000, differs: {} },
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
      for (const text of suite.before ?? []) await pair.prepare({ text });
      await pair.prepared();
      const tally = new Tally();
      tally.begin(name);
      await pair.run(steps, tally);
      const different = tally.different.map(({ reason, text }) => `${reason}: ${text.replace(/\s+/g, ' ')}`);
      expect([...new Set(different)].sort(), tally.summary()).toEqual(Object.keys(differs).sort());
      expect(tally.compared).toBeGreaterThanOrEqual(compares);
      process.stdout.write(`${tally.ofFile()}, ${tally.astray.length} astray\n`);
    });

    async function recorded(server: Server): Promise<ScriptStep[]> {
      const database = await freshDatabase(undefined, server.url);
      for (const sql of suite.before ?? []) await database.query(sql);
      const recording = await recorder(database.url);
      const outcomes = await suite.run(environmentOf(recording.url));
      await recording.stop();
      await database.drop();
      const passed = [...outcomes.values()].filter((outcome) => /^PASS/.test(outcome));
      expect(passed.length).toBeGreaterThanOrEqual(suite.passes);
      return recording.steps();
    }
  });
});

/** A client of the suite waits for a lock or sleeps until it cancels. */
const SETTINGS = { statement_timeout: '20s', lock_timeout: '1s' };

it('docs/clients.md says what differs, and why', async () => {
  const page = await readFile(resolve(import.meta.dirname, '../../docs/clients.md'), 'utf8');
  for (const reason of REPLAYED.flatMap(({ differs }) => Object.values(differs))) expect(page).toContain(reason);
});
