/** `rowgate serve`: the guard in front of a database, until it is told to stop. */
import type { Command } from 'commander';
import { formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { shownAddress, shownListening } from '../proxy/listen-address.ts';
import { operatorLog } from './operator-log.ts';
import { type RunningGuard, StartError, startGuard } from './run-guard.ts';

const HELP = `
Examples:
  rowgate serve
  rowgate serve --config /etc/rowgate/rowgate.yaml

Signals: SIGHUP reads policies and certificates anew and reopens the decision log; SIGTERM and SIGINT end the guard.
Exit code: 0 when it was told to stop, 1 where it could not start.`;

export function register(program: Command): void {
  program
    .command('serve')
    .description('run the guard in front of the database that the configuration names')
    .option('--config <file>', 'the configuration', 'rowgate.yaml')
    .option('-v, --verbose', 'log sessions, and connections that did not speak the protocol')
    .addHelpText('after', HELP)
    .action(async (options: { config: string; verbose?: boolean }) => {
      process.exitCode = await serve(options.config, options.verbose ?? false);
    });
}

async function serve(file: string, verbose: boolean): Promise<number> {
  const { config, problems } = loadConfig(file, process.env);
  if (!config) return failed(problems.map(formatProblem));
  let guard: RunningGuard;
  try {
    guard = await startGuard(config, operatorLog(verbose));
  } catch (error) {
    if (error instanceof StartError) return failed(error.lines);
    throw error;
  }
  const places = guard.listening.map(shownListening).join(', ');
  const { host, port: upstreamPort, database } = config.upstream;
  const upstream = `${shownAddress(host, upstreamPort)}/${database}`;
  process.stdout.write(`rowgate listens on ${places}, in front of ${upstream}\n`);
  process.on('SIGHUP', () => void guard.reload());
  await told('SIGTERM', 'SIGINT');
  await guard.stop();
  return 0;
}

/** Resolves at the first of these signals; a second one does what it does by default. */
function told(...signals: NodeJS.Signals[]): Promise<void> {
  return new Promise((done) => {
    for (const signal of signals) process.once(signal, () => done());
  });
}

function failed(lines: readonly string[]): number {
  for (const line of lines) process.stderr.write(`rowgate: ${line}\n`);
  return 1;
}
