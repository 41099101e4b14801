/** `rowgate serve`: the guard in front of a database. It runs until it is stopped. */
import { Buffer } from 'node:buffer';
import cluster from 'node:cluster';
import type { Command } from 'commander';
import { openControlOf } from '../app/control-socket.ts';
import { atKey, tlsProblems } from '../app/named-files.ts';
import { openForwarding } from '../app/open-forwarding.ts';
import { operatorLog } from '../app/operator-log.ts';
import { printOut, printProblems } from '../app/print.ts';
import { type RunningWorkers, startWorkers } from '../app/serve-workers.ts';
import { Shutdown } from '../app/shutdown.ts';
import { StartError } from '../app/start-error.ts';
import { type Config, formatProblem } from '../config/config.ts';
import { loadConfig, parseConfig } from '../config/load.ts';
import type { WorkerReport } from '../operations/admin/fleet.ts';
import type { ControlRequest } from '../operations/control/protocol.ts';
import { linkToPrimary } from '../operations/workers/primary-link.ts';
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
      // A connection that does not close, or a worker's channel to the primary, would keep a guard that has ended alive.
      process.exit(await serve(options.config, options.verbose ?? false));
    });
}

async function serve(file: string, verbose: boolean): Promise<number> {
  if (cluster.isWorker) return serveAsWorker(verbose);
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

/** What serves clients is most of the code: the primary of several workers does without. */
const loadGuard = () => import('../app/run-guard.ts');

/** One process that does all of it. */
async function startAlone(config: Config, verbose: boolean): Promise<RunningWorkers> {
  const log = operatorLog(verbose ? 'debug' : config.log.level);
  const forwarding = await openForwarding(config, log);
  try {
    const { startGuard } = await loadGuard();
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

/** One of several processes: the primary says when to begin and when to end. Resolves with the exit code when the guard has ended. */
async function serveAsWorker(verbose: boolean): Promise<number> {
  const { assignment, shared, store, ready, failed, sealed } = await linkToPrimary();
  const { slot, configuration, policyInForce } = assignment;
  const { config, problems } = parseConfig(configuration.path, configuration.text, process.env);
  if (!config) {
    await failed(problems.map(formatProblem));
    return 1;
  }
  const log = operatorLog(verbose ? 'debug' : config.log.level).child({ worker: slot + 1 });
  try {
    const { startGuard } = await loadGuard();
    const mockSecret = Buffer.from(assignment.mockSecret, 'base64');
    const guard = await startGuard(config, log, { slot, shared, store, mockSecret, policyInForce, sealed });
    const ending = new Shutdown(guard);
    ready(guard.listening.map(shownListening), {
      cancel: (key) => guard.cancel(key),
      policy: () => guard.policyHash(),
      report: async (): Promise<WorkerReport> => ({
        ...(guard.watched?.readiness() ?? { notReady: null, withheld: [] }),
        metrics: (await guard.watched?.metrics()) ?? [],
      }),
      reload: (by) => guard.reload(by),
      heard: (name, head) => guard.heard(name, head),
      command: (request, by) => guard.command(request as ControlRequest, by),
      drain: () => ending.drain(),
      stop: () => ending.stop(),
    });
    // A signal to the whole process group reaches the primary as well, which then tells the workers: handling it twice must be harmless.
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => ending.drain());
    process.on('SIGHUP', () => void guard.reload());
    await ending.ended;
    return 0;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    await failed(error.lines);
    return 1;
  }
}
