/** `rowgate serve`: the guard in front of a database. It runs until it is stopped. */
import cluster from 'node:cluster';
import type { Command } from 'commander';
import { openControlOf } from '../app/control-socket.ts';
import { atKey, tlsProblems } from '../app/named-files.ts';
import { openForwarding } from '../app/open-forwarding.ts';
import { operatorLog } from '../app/operator-log.ts';
import { printOut, printProblems } from '../app/print.ts';
import { startGuard } from '../app/run-guard.ts';
import { serveAsWorker } from '../app/serve-worker.ts';
import { type RunningWorkers, startWorkers } from '../app/serve-workers.ts';
import { Shutdown } from '../app/shutdown.ts';
import { StartError } from '../app/start-error.ts';
import { type Config, formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { shownAddress, shownListening } from '../server/listen-address.ts';

const HELP = `
Examples:
  rowgate serve
  rowgate serve --config /etc/rowgate/rowgate.yaml

Signals: SIGHUP reads policies, certificates and the log's level anew and reopens the decision log. SIGTERM and SIGINT take no more
connections and let statements and transactions come to their end, for so long as "drain" says; a second one ends at once.
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
  // The channel to the primary would keep a worker that has ended alive.
  if (cluster.isWorker) process.exit(await serveAsWorker(verbose));
  const { config, text, placeOf, problems } = loadConfig(file, process.env);
  if (!config) return printProblems(problems.map(formatProblem));
  const named = tlsProblems(config);
  if (named.length > 0) return printProblems(named.map((problem) => formatProblem(atKey(problem, placeOf))));
  try {
    const running = await (config.workers > 1 ? startWorkers(config, text, verbose) : startAlone(config, verbose));
    const { hosts, database } = config.upstream;
    const places = running.listening.join(', ');
    printOut(
      `rowgate listens on ${places}, in front of ${hosts.map(({ host, port }) => shownAddress(host, port)).join(',')}/${database}\n`,
    );
    process.on('SIGHUP', () => running.reload());
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => running.tell());
    return await running.ended;
  } catch (error) {
    if (error instanceof StartError) return printProblems(error.lines);
    throw error;
  }
}

/** One process that does all of it. */
async function startAlone(config: Config, verbose: boolean): Promise<RunningWorkers> {
  const log = operatorLog(verbose ? 'debug' : config.log.level);
  const forwarding = await openForwarding(config, log);
  try {
    const guard = await startGuard(config, log);
    guard.watched?.forwarding(() => forwarding.lags());
    const ending = new Shutdown(guard);
    const control = await openControlOf(guard, ending, config, log);
    const closed = () => Promise.all([control?.close(), forwarding.stop()]);
    return {
      listening: guard.listening.map(shownListening),
      reload: () => void guard.reload(),
      tell: () => ending.tell(),
      ended: ending.ended.then(closed).then(() => 0),
    };
  } catch (error) {
    await forwarding.stop();
    throw error;
  }
}
