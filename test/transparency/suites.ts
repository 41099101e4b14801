/** Test suites that client libraries bring in their own packages, and what of them may turn out otherwise through Rowgate. */
import { join } from 'node:path';
import { build, CACHE } from '../drivers/build.ts';
import { GO, GO_ENVIRONMENT, GO_PATH, goWith } from '../drivers/compiled.ts';
import { python } from '../drivers/python.ts';
import type { Need } from '../support/tools.ts';
import { JAVASCRIPT } from './javascript.ts';
import { run } from './run.ts';
import type { Environment, Written } from './world.ts';

/** By test: pass, fail or skip, in the words of its runner. */
export type Outcomes = ReadonlyMap<string, string>;

export interface Suite {
  readonly name: string;
  readonly needs: Need;
  /** How many tests at least must pass directly; fewer, and the suite did not run. */
  readonly passes: number;
  /** Tests that turn out otherwise through Rowgate, and why: as in `docs/clients.md`. */
  readonly differs: Readonly<Record<string, string>>;
  /** Run with ROWGATE_LONG=1 alone. */
  readonly long?: boolean;
  build?(): Promise<void>;
  /** What must be there before it runs. */
  readonly before?: readonly string[];
  readonly written?: Written;
  run(env: Environment): Promise<Outcomes>;
}

const ACCOUNT = 'it expects to be current_user; that is the account with which Rowgate logs in';

const goSuite = (
  name: string,
  pack: string,
  { packages = [], ...more }: Pick<Suite, 'passes' | 'differs' | 'long'> & { readonly packages?: readonly string[] },
): Suite => {
  const folder = join(GO_PATH, 'src/github.com', pack);
  const program = `${name.replaceAll('/', '-')}.test`;
  return {
    name,
    needs: goWith(pack, ...packages),
    build: () =>
      build(
        program,
        GO.path!,
        (output) => ['test', '-c', '-vet=off', '-o', output, `github.com/${pack}`],
        GO_ENVIRONMENT,
      ),
    async run(env) {
      const address = `host=${env.PGHOST} port=${env.PGPORT} user=${env.PGUSER} password=${env.PGPASSWORD}`;
      const conninfo = `${address} dbname=${env.PGDATABASE} sslmode=disable`;
      const variables = ['PGX_TEST_DATABASE', 'PGX_TEST_CONN_STRING', 'PGX_TEST_TCP_CONN_STRING'];
      // Its tests read files beside them.
      const { printed } = await run(join(CACHE, program), ['-test.v', '-test.timeout', '150s'], folder, {
        ...env,
        ...Object.fromEntries(variables.map((variable) => [variable, conninfo])),
      });
      return outcomesIn(printed, /^ *--- (PASS|FAIL|SKIP): (\S+)/gm, 1, 2);
    },
    ...more,
  };
};

const sqlalchemySuite = (dialect: string): Suite => {
  const needs = python('pytest', 'sqlalchemy', dialect);
  return {
    name: `SQLAlchemy's for dialects, on ${dialect}`,
    needs,
    passes: 1200,
    differs: {},
    long: dialect !== 'psycopg2',
    before: ['CREATE SCHEMA test_schema'],
    async run(env) {
      const url = `postgresql+${dialect}://${env.PGUSER}:${env.PGPASSWORD}@${env.PGHOST}:${env.PGPORT}/${env.PGDATABASE}`;
      const folder = join(import.meta.dirname, 'sqlalchemy');
      const { printed } = await run(needs.path!, ['-B', '-m', 'pytest', 'test_suite.py', '--dburi', url], folder, env);
      return outcomesIn(printed, /^test_suite\.py::(.*) (PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS)\b/gm, 2, 1);
    },
  };
};

export const SUITES: readonly Suite[] = [
  goSuite('lib/pq', 'lib/pq', { passes: 220, differs: {} }),
  goSuite('pgconn', 'jackc/pgconn', { passes: 95, differs: {}, long: true }),
  goSuite('pgx', 'jackc/pgx/v4', {
    passes: 200,
    differs: { TestConnect: ACCOUNT },
    packages: ['cockroachdb/apd'],
    long: true,
  }),
  goSuite('pgx/stdlib', 'jackc/pgx/v4/stdlib', {
    passes: 90,
    differs: {},
    packages: ['Masterminds/semver'],
    long: true,
  }),
  goSuite('pgx/pgxpool', 'jackc/pgx/v4/pgxpool', { passes: 50, differs: {}, long: true }),
  sqlalchemySuite('psycopg2'),
  sqlalchemySuite('psycopg'),
  sqlalchemySuite('asyncpg'),
  ...JAVASCRIPT,
];

function outcomesIn(printed: string, line: RegExp, outcome: number, test: number): Outcomes {
  return new Map([...printed.matchAll(line)].map((found) => [found[test]!, found[outcome]!]));
}
