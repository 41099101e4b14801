/** `rowgate serve` with several workers: the primary process, which starts them and ends with them. */
import { Buffer } from 'node:buffer';
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import type { Forwarding } from '../decision-log/forward/start.ts';
import { claimSocketFile } from '../net/unix-socket.ts';
import { Fleet, type WorkerReport } from '../operations/admin/fleet.ts';
import { forwardFamilies } from '../operations/admin/metrics.ts';
import { type ControlReply, failed } from '../operations/control/protocol.ts';
import { Supervisor, WorkersFailed } from '../operations/workers/supervisor.ts';
import { type Controlled, openControlSocket } from './control-socket.ts';
import { mockSecret } from './mock-secret.ts';
import { openAdmin } from './open-admin.ts';
import { openDelivery } from './open-alarms.ts';
import { openForwarding } from './open-forwarding.ts';
import { openStore } from './open-store.ts';
import { operatorLog } from './operator-log.ts';
import { StartError } from './start-error.ts';

/** A worker that takes longer to say what it does is too busy to be waited for. */
const ANSWER_MS = 2_000;

/** Workers that do not end in time are killed: they have a little more than they give themselves. */
const SLACK_MS = 8_000;

export interface RunningWorkers {
  /** Where they listen, as it is shown. */
  readonly listening: readonly string[];
  reload(): void;
  /** Told once they drain, told again they stop. */
  tell(): void;
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
}

/** Throws StartError. `text`: of the configuration file, as it was read. */
export async function startWorkers(config: Config, text: string, verbose: boolean): Promise<RunningWorkers> {
  refuseSharedLog(config.log.file);
  for (const { path } of config.listen) if (path !== undefined) await claimSocketFile(path);
  const secret = Buffer.from(mockSecret(config)).toString('base64');
  const log = operatorLog(verbose ? 'debug' : config.log.level);
  const store = await openStore(config, log);
  const supervisor = new Supervisor({
    workers: config.workers,
    assignment: (slot) => ({ slot, configuration: { path: config.file, text }, mockSecret: secret }),
    store,
    drainMs: config.drainMs + SLACK_MS,
    stopMs: SLACK_MS / 2,
    log,
  });
  const reporting = () =>
    supervisor.serving().map(({ id, channel }) => ({
      id,
      report: () => channel.ask('report', null) as Promise<WorkerReport>,
    }));
  const delivery = await openDelivery(config, log);
  let forwarding: Forwarding | undefined;
  const own = () => forwardFamilies(forwarding?.lags() ?? []);
  const admin = await openAdmin(config, log, new Fleet(reporting, own));
  forwarding = await openForwarding(config, log);
  let told = false;
  try {
    const listening = await supervisor.start();
    const control = await openControlSocket(config, log, controlled(supervisor));
    return {
      listening,
      reload: () => supervisor.reload(),
      tell: () => {
        if (told) supervisor.stop();
        else supervisor.drain();
        told = true;
      },
      ended: supervisor.ended.finally(() =>
        Promise.all([store.close(), admin?.stop(), control?.close(), delivery?.stop(), forwarding?.stop()]),
      ),
    };
  } catch (error) {
    await admin?.stop();
    await forwarding.stop();
    supervisor.stop();
    await supervisor.ended;
    await store.close();
    if (error instanceof WorkersFailed) throw new StartError(error.lines);
    throw error;
  }
}

/** A command that is not of all is for the first worker, always the same: its changes are made one after the other. */
function controlled(supervisor: Supervisor): Controlled {
  return {
    async reload(by) {
      const asked = supervisor.serving().map(({ channel }) => channel.ask('reload', { by }));
      return (await Promise.all(asked)).filter((report) => report !== null);
    },
    drain: () => supervisor.drain(),
    async everywhere(request, by) {
      const asked = supervisor.serving().map(({ channel }) => {
        const late = sleep(ANSWER_MS, undefined, { ref: false });
        return Promise.race([channel.ask('command', { request, by }).catch(() => undefined), late]);
      });
      const replies = await Promise.all(asked);
      const heard = replies.filter((reply) => reply !== undefined) as ControlReply[];
      return { replies: heard, silent: replies.length - heard.length };
    },
    async command(request, by) {
      const [first] = supervisor.serving();
      if (!first) return failed('failed', 'no worker serves now');
      return (await first.channel.ask('command', { request, by })) as ControlReply;
    },
  };
}

/** A pipe or a device has no second name, and lines of several writers would not be one sequence. */
function refuseSharedLog(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat && !stat.isFile())
    throw new StartError([`log.file ${file} is not a regular file, which several workers need`]);
}
