/** `rowgate console`: the web console, a separate process for any number of guards. It runs until it is stopped. */
import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { atKey, consoleTlsProblems } from '../app/named-files.ts';
import { operatorLog } from '../app/operator-log.ts';
import { environmentFor } from '../app/placeholders.ts';
import { printOut, printProblems } from '../app/print.ts';
import { formatProblem } from '../config/config.ts';
import { CONSOLE_ROLES, type ConsoleRole } from '../config/console.ts';
import { loadConfig } from '../config/load.ts';
import { startConsole } from '../console/start.ts';

const HELP = `
Examples:
  rowgate console
  rowgate console --config /etc/rowgate/rowgate.yaml --role auditor

Without "console.oidc" it prints a link that logs you in: once, within ten minutes. Enter prints another one, on a terminal; so does SIGHUP, which
reads the certificate anew besides. It needs no more than the commands need: to read the log, the policies, the catalog, and a place at the
control socket.
Exit code: 0 when it was told to stop, 1 where it could not start.`;

interface Options {
  readonly config: string;
  readonly role: ConsoleRole;
  readonly verbose?: boolean;
}

export function register(program: Command): void {
  program
    .command('console')
    .description('a web console on the log, the policies and the running guards')
    .option('--config <file>', 'the configuration', 'rowgate.yaml')
    .addOption(
      new Option('--role <role>', 'what the printed link lets you do').choices(CONSOLE_ROLES).default('operator'),
    )
    .option('-v, --verbose', 'log more')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await serve(options);
    });
}

async function serve({ config: file, role, verbose }: Options): Promise<number> {
  // Secrets of the guard need not be there: what needs them says so.
  const { config, placeOf, problems } = loadConfig(file, environmentFor(''));
  if (!config) return printProblems(problems.map(formatProblem));
  const named = consoleTlsProblems(config);
  if (named.length > 0) return printProblems(named.map((problem) => formatProblem(atKey(problem, placeOf))));
  const log = operatorLog(verbose ? 'debug' : config.log.level);
  let running: Awaited<ReturnType<typeof startConsole>>;
  try {
    running = await startConsole({ config, program: [process.execPath, process.argv[1] ?? ''], log });
  } catch (error) {
    const { host, port } = config.console.listen;
    return printProblems([
      `could not begin to listen on ${host}:${port}: ${error instanceof Error ? error.message : error}`,
    ]);
  }
  const print = (): void => {
    const link = running.link({ name: personHere(), role });
    printOut(`The console: ${link ?? running.url}\n`);
  };
  print();
  process.on('SIGHUP', () => {
    try {
      running.reload();
    } catch (error) {
      log.error({ err: error }, 'certificate not reloaded; the one in use stays');
    }
    print();
  });
  if (process.stdin.isTTY) process.stdin.on('data', print);
  await new Promise<void>((told) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => told());
    // The process that started this one as a part of itself, such as the demo, has ended.
    if (process.channel) process.on('disconnect', () => told());
  });
  process.stdin.pause();
  process.channel?.unref();
  await running.stop();
  return 0;
}

/** As the commands ask: who called sudo. */
function personHere(): string {
  const { username } = userInfo();
  return (username === 'root' ? process.env.SUDO_USER : undefined) ?? username;
}
