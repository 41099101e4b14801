/** One of several processes of `rowgate serve`: the same guard, with a primary over it that says when to begin and when to end. */

import { Buffer } from 'node:buffer';
import { formatProblem } from '../config/config.ts';
import { parseConfig } from '../config/load.ts';
import type { WorkerReport } from '../operations/admin/fleet.ts';
import type { ControlRequest } from '../operations/control/protocol.ts';
import { linkToPrimary } from '../operations/workers/primary-link.ts';
import { shownListening } from '../server/listen-address.ts';
import { operatorLog } from './operator-log.ts';
import { startGuard } from './run-guard.ts';
import { Shutdown } from './shutdown.ts';
import { StartError } from './start-error.ts';

/** Resolves with the exit code when the guard has ended. */
export async function serveAsWorker(verbose: boolean): Promise<number> {
  const { assignment, shared, store, ready, failed, sealed } = await linkToPrimary();
  const { slot, configuration, policyInForce } = assignment;
  const { config, problems } = parseConfig(configuration.path, configuration.text, process.env);
  if (!config) {
    await failed(problems.map(formatProblem));
    return 1;
  }
  const log = operatorLog(verbose ? 'debug' : config.log.level).child({ worker: slot + 1 });
  try {
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
