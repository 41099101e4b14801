#!/usr/bin/env node
/** The command `rowgate`: registers one file per subcommand, and loads only the files of the first word. Exit code 2 for a wrong call. */
import { Command, CommanderError } from 'commander';
import { printError } from '../app/print.ts';
import { version } from '../app/version.ts';
import { reasonOf } from '../core/error-text.ts';

interface CommandFile {
  readonly register: (program: Command) => void;
}

/** By their first word, in the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandFile>[]>> = {
  serve: () => [import('./serve.ts')],
  demo: () => [import('./demo.ts')],
  init: () => [import('./init.ts')],
  learn: () => [import('./learn.ts')],
  check: () => [import('./check.ts')],
  test: () => [import('./test.ts')],
  diff: () => [import('./diff.ts')],
  replay: () => [import('./replay.ts')],
  explain: () => [import('./explain.ts')],
  access: () => [import('./access.ts')],
  catalog: () => [import('./catalog.ts')],
  compile: () => [import('./compile.ts')],
  password: () => [import('./password.ts')],
  canary: () => [import('./canary.ts')],
  log: () => [
    import('./log-query.ts'),
    import('./log-report.ts'),
    import('./log-index.ts'),
    import('./log-verify.ts'),
    import('./log-anchor.ts'),
    import('./log-policies.ts'),
    import('./log-key.ts'),
  ],
  console: () => [import('./console.ts')],
  top: () => [import('./top.ts')],
  reload: () => [import('./reload.ts')],
  drain: () => [import('./drain.ts')],
  locks: () => [import('./locks.ts')],
  limits: () => [import('./limits.ts')],
  permit: () => [import('./permit.ts')],
  'break-glass': () => [import('./break-glass.ts')],
  observe: () => [import('./observe.ts')],
};

/** Words that are no commands any more, and the way now. */
const REMOVED: Readonly<Record<string, string>> = {
  login:
    'psql 18 gets its token itself; for other clients set PGPASSWORD to a token from your issuer’s own tool, and PGOPTIONS to "-c rowgate.login=token"',
  completion: '"rowgate --help" and "rowgate COMMAND --help" list all words',
};

/** The files to load for a command word. Unknown words and words about all commands load all files, which takes a second. */
function filesOf(word = ''): Promise<CommandFile[]> {
  return Promise.all(
    Object.hasOwn(COMMANDS, word) ? COMMANDS[word]!() : Object.values(COMMANDS).flatMap((read) => read()),
  );
}

/** The word by which a console starts commands ahead, and says by IPC which ones. */
const AHEAD = 'ahead';
const MEMORY_AHEAD = '200MB';

/** Reads what questions about a log need, and opens that log; then waits for the words of one. */
async function wordsToCome(log: readonly string[]): Promise<readonly string[]> {
  const words = new Promise<readonly string[]>((told) => {
    process.once('disconnect', () => process.exit());
    process.once('message', (said) => {
      process.removeAllListeners('disconnect');
      // Not while Node still hands out what came.
      setImmediate(() => process.disconnect());
      told(said as readonly string[]);
    });
  });
  const [{ limitMemory }, { openLogAhead }, { loadParser }] = await Promise.all([
    import('../decision-log/read/duckdb.ts'),
    import('./log-source.ts'),
    import('../sql/parse/parse.ts'),
    filesOf('log'),
    filesOf('access'),
  ]);
  limitMemory(MEMORY_AHEAD);
  openLogAhead(log);
  await loadParser();
  return words;
}

/** As of a process that SIGPIPE ends. */
const NOBODY_READS = 141;

// A reader that has seen enough, as `head`, ends the command; what serves goes on without one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (['serve', 'demo'].includes(process.argv[2] ?? '')) return;
  if (error.code === 'EPIPE') process.exit(NOBODY_READS);
  // Not 1: that says that something was found.
  printError(`rowgate: could not write the output: ${reasonOf(error)}\n`);
  process.exit(2);
});

const program = new Command('rowgate')
  .description('A query guard for PostgreSQL: who may see what, and how much of it.')
  .version(version())
  .showHelpAfterError('(rowgate --help says more)')
  .exitOverride();
if (process.argv[2] === AHEAD && process.connected)
  process.argv.splice(2, Number.POSITIVE_INFINITY, ...(await wordsToCome(process.argv.slice(3))));
for (const file of await filesOf(process.argv[2])) file.register(program);

try {
  const [, , word = ''] = process.argv;
  if (Object.hasOwn(REMOVED, word)) program.error(`error: there is no "${word}" any more: ${REMOVED[word]}`);
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong; help and version are no mistakes.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    printError(`rowgate: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  }
}
