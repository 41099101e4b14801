/**
 * The suites of JavaScript's libraries, which are in no package: each is run where the developer has its repository, ready for its tests, in a folder of
 * ROWGATE_SUITES.
 */
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PASSWORD } from '../support/password.ts';
import { condition } from '../support/tools.ts';
import { run } from './run.ts';
import type { Outcomes, Suite } from './suites.ts';
import type { Environment } from './world.ts';

const SUITES = process.env.ROWGATE_SUITES ?? '';
const OURS = join(import.meta.dirname, 'javascript');
const LIMIT_MS = 600_000;
const PRELOADED = `--require ${join(OURS, 'preload.cjs')}`;

/** `ready`: a file that is there once it can run. */
const has = (name: string, ready: string) =>
  condition(SUITES !== '' && existsSync(join(SUITES, name, ready)), `ROWGATE_SUITES with ${name} and its ${ready}`);

export const JAVASCRIPT: readonly Suite[] = [
  {
    name: 'node-postgres',
    needs: has('node-postgres', 'packages/pg-protocol/dist/index.js'),
    passes: 400,
    differs: { 'gh-issues/130-tests.js': 'it logs in to `template1`; there is one database' },
    long: true,
    async run(env) {
      const folder = join(SUITES, 'node-postgres/packages/pg');
      const files = await readdir(join(folder, 'test/integration'), { recursive: true });
      const outcomes = new Map<string, string>();
      for (const file of files.filter((name) => name.endsWith('-tests.js')).sort()) {
        const { printed, status } = await run(process.execPath, [join('test/integration', file)], folder, {
          ...env,
          NODE_NO_WARNINGS: '1',
          NODE_OPTIONS: PRELOADED,
        });
        for (const [, test] of printed.matchAll(/^ {2}(.+) ✔$/gm)) outcomes.set(`${file}: ${test}`, 'PASS');
        outcomes.set(file, status === 0 ? 'PASS' : 'FAIL');
      }
      for (const pack of ['pg-pool', 'pg-cursor'])
        for (const [test, outcome] of await mocha(join(SUITES, 'node-postgres/packages', pack), ['test/*.js'], env))
          outcomes.set(`${pack}: ${test}`, outcome);
      return outcomes;
    },
  },
  {
    name: 'postgres.js',
    needs: has('postgres.js', 'tests/index.js'),
    passes: 240,
    differs: {},
    long: true,
    written: {
      database: 'postgres_js_test',
      users: { owner: PASSWORD, postgres_js_test: PASSWORD, postgres_js_test_scram: 'postgres_js_test_scram' },
    },
    before: ['ALTER DATABASE postgres_js_test OWNER TO postgres_js_test'],
    async run(env) {
      const folder = await mkdtemp(join(tmpdir(), 'rowgate-suite-'));
      try {
        const own = join(SUITES, 'postgres.js');
        await cp(join(own, 'tests'), join(folder, 'tests'), { recursive: true });
        await symlink(join(own, 'src'), join(folder, 'src'));
        await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
        for (const name of ['bootstrap.js', 'test.js'])
          await cp(join(OURS, 'postgres-js.mjs'), join(folder, 'tests', name));
        const { printed } = await run(process.execPath, ['tests/index.js'], folder, withPort(env, 5432), LIMIT_MS);
        return named([...printed.matchAll(/^--- (PASS|FAIL): (.*)$/gm)].map(([, outcome, name]) => [name!, outcome!]));
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  },
  {
    name: 'Kysely',
    needs: has('kysely', 'test/node/dist'),
    passes: 670,
    differs: {},
    long: true,
    written: { database: 'kysely_test', users: { kysely: 'kysely' } },
    run: (env) =>
      mocha(join(SUITES, 'kysely'), ['test/node/dist/**/*.test.js'], {
        ...withPort(env, 5434),
        DIALECTS: 'postgres',
      }),
  },
  {
    name: 'Knex',
    needs: has('knex', 'node_modules/mocha'),
    passes: 470,
    differs: {},
    long: true,
    written: { database: 'knex_test', users: { testuser: 'knextest' } },
    run: (env) =>
      mocha(join(SUITES, 'knex'), ['--exit', '--config', 'test/mocha-integration-config-test.js'], {
        ...withPort(env, 25432),
        DB: 'postgres',
      }),
  },
];

async function mocha(folder: string, args: readonly string[], env: Environment): Promise<Outcomes> {
  const program = [folder, join(folder, '../..')]
    .map((one) => join(one, 'node_modules/mocha/bin/mocha.js'))
    .find(existsSync);
  const command = [program!, '--reporter', 'json-stream', '--timeout', '15000', ...args];
  const { printed } = await run(process.execPath, command, folder, env, LIMIT_MS);
  const lines = [...printed.matchAll(/^\["(pass|fail)",(\{.*\})\]$/gm)];
  return named(lines.map(([, outcome, test]) => [JSON.parse(test!).fullTitle, outcome!.toUpperCase()]));
}

/** Some have the same name. */
function named(all: readonly (readonly [name: string, outcome: string])[]): Outcomes {
  const outcomes = new Map<string, string>();
  for (const [name, outcome] of all) {
    let one = name;
    for (let at = 2; outcomes.has(one); at++) one = `${name} (${at})`;
    outcomes.set(one, outcome);
  }
  return outcomes;
}

function withPort(env: Environment, written: number): Environment {
  return {
    ...env,
    ROWGATE_WRITTEN_PORT: String(written),
    ROWGATE_PORT: env.PGPORT!,
    NODE_OPTIONS: PRELOADED,
  };
}
