/** The control socket of a guard that is one process, or of the primary for all. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { reasonOf } from '../core/error-text.ts';
import { mergedTop, type ShownTop } from '../operations/control/commands/top.ts';
import { type ControlReply, type ControlRequest, done, failed } from '../operations/control/protocol.ts';
import { openControl, type RunningControl } from '../operations/control/server.ts';
import type { ReloadReport } from '../server/reload.ts';
import type { RunningGuard } from './keep-running.ts';
import type { Shutdown } from './shutdown.ts';
import { StartError } from './start-error.ts';

/** The guard as its control commands see it. */
export interface Controlled {
  /** One report for each process that serves. */
  reload(by: string): Promise<readonly ReloadReport[]>;
  drain(): void;
  /** By each process that serves; those that did not answer in time are only counted. */
  everywhere(request: ControlRequest, by: string): Promise<Everywhere>;
  /** By one process, for all. */
  command(request: ControlRequest, by: string): Promise<ControlReply>;
}

export interface Everywhere {
  readonly replies: readonly ControlReply[];
  readonly silent: number;
}

/** A guard that ends at once would be gone before it has answered. */
const ANSWER_FIRST_MS = 100;

/** Undefined if the configuration says `none`, or if the default path cannot be used: then the log says so. */
export async function openControlSocket(
  { control, timeZone }: Config,
  log: Logger,
  guard: Controlled,
): Promise<RunningControl | undefined> {
  if (!control) return undefined;
  const { path, group, isDefault } = control;
  try {
    return await openControl({ path, ...(group !== undefined && { group }), log, timeZone, answer: answerFor(guard) });
  } catch (error) {
    const problem = `could not open the control socket ${path}: ${reasonOf(error)}`;
    if (!isDefault) throw new StartError([problem]);
    log.error(`${problem}; "control" in rowgate.yaml may name another place, or none`);
    return undefined;
  }
}

/** Of a guard that is one process; where the socket cannot be opened as it was asked for, the guard does not stay either. */
export async function openControlOf(
  guard: RunningGuard,
  ending: Shutdown,
  config: Config,
  log: Logger,
): Promise<RunningControl | undefined> {
  try {
    return await openControlSocket(config, log, {
      reload: async (by) => [await guard.reload(by)],
      drain: () => ending.drain(),
      everywhere: async (request, by) => ({ replies: [await guard.command(request, by)], silent: 0 }),
      command: (request, by) => guard.command(request, by),
    });
  } catch (error) {
    await guard.stop('at-once');
    throw error;
  }
}

function answerFor(guard: Controlled) {
  return async (request: ControlRequest, by: string): Promise<ControlReply> => {
    switch (request.command) {
      case 'reload': {
        const reports = await guard.reload(by);
        return reports.length > 0 ? done({ reports }) : failed('failed', 'no worker serves now');
      }
      case 'drain': {
        const reply = await guard.command(request, by);
        if (reply.ok) setTimeout(() => guard.drain(), ANSWER_FIRST_MS);
        return reply;
      }
      case 'top': {
        const { replies, silent } = await guard.everywhere(request, by);
        const wrong = replies.find((reply) => !reply.ok);
        if (wrong) return wrong;
        const parts = replies.flatMap((reply) => (reply.ok ? [reply.result as ShownTop] : []));
        return done({ ...mergedTop(parts), silent });
      }
      default:
        return guard.command(request, by);
    }
  };
}
