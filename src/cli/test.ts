/** `rowgate test`: what policies are expected to do, held against what they do. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Command } from 'commander';
import type pg from 'pg';
import { printOut, printProblems, shownPath } from '../app/print.ts';
import { readPolicies } from '../app/read-policies.ts';
import { loadCatalog } from '../catalog/file.ts';
import { readCatalog } from '../catalog/read.ts';
import type { Config } from '../config/config.ts';
import { reasonOf } from '../core/error-text.ts';
import { junitXml } from '../desk/test/junit.ts';
import { countsOf, type Runnable, runTests, type TestRun } from '../desk/test/run.ts';
import { readTestFile } from '../desk/test/test-file.ts';
import { formatRun, runAsJson } from '../desk/test/words.ts';
import { formatDiagnostic } from '../policy/source/diagnostic.ts';
import { suggestion } from '../policy/source/suggestion.ts';
import { readTestFiles } from '../policy-files/folder.ts';
import { Catalog } from '../sql/catalog/catalog.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { failed } from './ask-guard.ts';
import { configOf, savedBeside } from './ground.ts';

const HELP = `
Examples:
  rowgate test                                   *.test.yaml beside the policies, by the catalog.json that lies there too
  rowgate test --embedded schema.sql             with rows, in a PostgreSQL of its own
  rowgate test canteen.test.yaml --coverage
  rowgate test --catalog catalog.json --junit tests.xml --coverage-min 90

"rowgate check --save-catalog policies/catalog.json" saves the catalog. A test that needs what is not there (a database, a place to write) is skipped
by name, and touches nothing.
Exit code: 0 where all tests passed, 1 where one failed or too little is covered, 2 where there was nothing to test, or no way to.`;

interface Options {
  readonly config: string;
  readonly catalog?: string;
  readonly policies?: string;
  readonly database?: string;
  readonly embedded?: string;
  readonly junit?: string;
  readonly coverage?: boolean;
  readonly coverageMin?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('test')
    .description('hold what the policies are expected to do (*.test.yaml) against what they do')
    .argument('[files...]', 'test files; without them, all beside the policies')
    .option('--config <file>', 'the configuration', 'rowgate.yaml')
    .option('--policies <folder>', 'these policies, with their tests, in the place of the configuration’s')
    .option('--catalog <file>', 'a saved catalog')
    .option('--database <url>', 'a live database: its catalog, and rows, which are only read')
    .option('--embedded <schema>', 'SQL that makes the tables: in a PostgreSQL of its own, where tests may write')
    .option('--junit <file>', 'write the results there, as JUnit XML')
    .option('--coverage', 'name the grants, masks, filters, functions and limits that no test touches')
    .option('--coverage-min <percent>', 'fail where less of them is touched')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', HELP)
    .action(test);
}

async function test(names: readonly string[], options: Options, command: Command): Promise<void> {
  const ways = (['catalog', 'database', 'embedded'] as const).filter((way) => options[way] !== undefined);
  if (ways.length > 1) command.error(`error: --${ways.join(' does not go with --')}`, { exitCode: 2 });
  const least = percentOf(options.coverageMin, command);
  // Of the database that the configuration names nothing is asked.
  const read = configOf(options.config, 'none');
  if (!read) return;
  const config = { ...read, ...(options.policies !== undefined && { policies: resolve(options.policies) }) };
  await loadParser({ fingerprints: false });
  let run: Awaited<ReturnType<typeof runAll>>;
  try {
    run = await runAll(names, options, config);
  } catch (error) {
    printProblems(reasonOf(error).split('\n'));
    process.exitCode = 2;
    return;
  }
  const { files, coverage, errors } = run;
  if (options.junit !== undefined) await writeFile(options.junit, junitXml(files));
  printProblems(errors);
  const { tests, failed: bad, skipped } = countsOf(files);
  const covered = least === undefined || coverage.percent >= least;
  if (options.json) printOut(`${JSON.stringify({ ...runAsJson(run), policyErrors: errors })}\n`);
  else {
    printOut(formatRun(run, options.coverage === true || least !== undefined));
    if (!covered) printOut(`covered are ${coverage.percent} %, and --coverage-min asks for ${least} %\n`);
  }
  // A skipped test is not a passed one: if all were skipped, nothing was tested.
  if (bad === 0 && tests > 0 && tests === skipped) return void failed(2, 'no test could be run here: each was skipped');
  process.exitCode = bad > 0 || errors.length > 0 || !covered ? 1 : 0;
}

/** There is nothing to test, or no way to. */
class NothingToTest extends Error {}

async function runAll(
  names: readonly string[],
  options: Options,
  config: Config,
): Promise<TestRun & { readonly errors: readonly string[] }> {
  const files = await runnableFiles(names, config);
  if (options.embedded === undefined && options.database === undefined) return runOn(undefined, files, options, config);
  // A client and a server of PostgreSQL take a while to be read: without a database they are not.
  const { connectForTests, loadSchema, startEmbedded } = await import('../desk/test/embedded.ts');
  const server = options.embedded === undefined ? undefined : await startEmbedded();
  let client: pg.Client | undefined;
  try {
    client = await connectForTests(server?.url ?? options.database);
    if (options.embedded !== undefined)
      await loadSchema(client, await readFile(options.embedded, 'utf8'), options.embedded);
    return await runOn(client, files, options, config);
  } finally {
    await client?.end().catch(() => {});
    await server?.stop();
  }
}

async function runOn(
  client: pg.Client | undefined,
  files: readonly Runnable[],
  options: Options,
  config: Config,
): Promise<TestRun & { readonly errors: readonly string[] }> {
  const catalog = await catalogOf(client, options, config);
  const { policy, errors } = await readPolicies(config, catalog);
  const { searchPath, timeZone, upstream } = config;
  const rows = client && (await import('../desk/test/rows.ts'));
  const database =
    rows && new rows.TestDatabase(client, { catalog, searchPath, writable: options.embedded !== undefined });
  const bench = { policy, catalog, searchPath, timeZone, pooling: upstream.pooling, now: Date.now() };
  return { ...(await runTests(files, bench, database, () => performance.now())), errors };
}

async function catalogOf(client: pg.Client | undefined, options: Options, { policies }: Config): Promise<Catalog> {
  if (client) return new Catalog(await readCatalog(async (sql) => (await client.query(sql)).rows));
  const file = options.catalog ?? savedBeside(policies);
  if (file === undefined) {
    const ways = 'name one with --catalog, a --database, or a schema with --embedded';
    throw new NothingToTest(`there is no ${shownPath(join(policies, 'catalog.json'))}: ${ways}`);
  }
  return new Catalog(await loadCatalog(file));
}

/** All files of the folder, or the named ones: by their path, or by their name in the folder. Throws if one of them has an error. */
async function runnableFiles(names: readonly string[], { policies, timeZone }: Config): Promise<Runnable[]> {
  const ofFolder = (await readTestFiles(policies)).map(({ path, text }) => ({ path: join(policies, path), text }));
  const named = names.map((name) => {
    const found = ofFolder.find(({ path }) => path === resolve(name) || path === join(policies, name));
    if (found) return found;
    const near = suggestion(
      name,
      ofFolder.map(({ path }) => relative(policies, path)),
    );
    throw new NothingToTest(`there is no test file "${name}" in ${shownPath(policies)}${near}`);
  });
  const sources = names.length > 0 ? named : ofFolder;
  if (sources.length === 0) throw new NothingToTest(`there is no *.test.yaml in ${shownPath(policies)}`);
  const when = { now: Date.now(), timeZone };
  const read = sources.map(({ path, text }) => readTestFile({ path: shownPath(path), text }, when));
  const wrong = read.flatMap(({ diagnostics }) => diagnostics);
  if (wrong.length > 0) throw new NothingToTest(wrong.map(formatDiagnostic).join('\n'));
  return Promise.all(
    read.map(async ({ file }, at) => {
      const data = file.data === undefined ? undefined : join(dirname(sources[at]!.path), file.data);
      return { file, data: data === undefined ? undefined : await readFile(data, 'utf8') };
    }),
  );
}

function percentOf(text: string | undefined, command: Command): number | undefined {
  if (text === undefined || (/^[0-9]{1,3}$/.test(text) && Number(text) <= 100))
    return text === undefined ? text : +text;
  return command.error(`error: --coverage-min: expected a percentage, found "${text}"`, { exitCode: 2 });
}
