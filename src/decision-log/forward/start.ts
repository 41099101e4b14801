/** Starts a forwarder for each collector of a configuration. */
import { createHash } from 'node:crypto';
import { renameSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../../config/config.ts';
import type { ForwardConfig } from '../../config/forward.ts';
import { workerConfig } from '../../config/worker-config.ts';
import { collectorOf } from './collector.ts';
import { Forwarder } from './forwarder.ts';
import { Positions } from './position.ts';
import { beginningOf } from './start-position.ts';

export interface Forwarding {
  /** Of each collector: the age of the oldest record that it has not taken, in seconds; 0 where it has them all. */
  lags(): readonly { readonly to: string; readonly seconds: number }[];
  /** What is written by now is still sent, for a moment; what is not waits for the next start. */
  stop(): Promise<void>;
}

const STOP_MS = 5_000;
/** Of a process that serves clients as well. */
const BATCH_MS = 1_000;

/** To be called before the logs are written: what is written from then on is sent. Throws where it cannot be kept how far that has come. */
export async function startForwarding(config: Config, version: string, log: Logger): Promise<Forwarding> {
  const { forward, file } = config.log;
  if (forward.length > 0 && statSync(file, { throwIfNoEntry: false })?.isFile() === false)
    throw new Error(`log.file ${file} is not a regular file, from which it could be sent`);
  const forwarders = await Promise.all(
    forward.map((collector) => start(config, collector, version, log.child({ to: collector.to }))),
  );
  return {
    lags: () => forwarders.map((forwarder, n) => ({ to: forward[n]?.to ?? '', seconds: forwarder.lag(Date.now()) })),
    stop: async () => void (await Promise.all(forwarders.map((forwarder) => forwarder.stop(STOP_MS)))),
  };
}

async function start(config: Config, collector: ForwardConfig, version: string, log: Logger): Promise<Forwarder> {
  const { to, destination, form, longest } = collector;
  const positions = openPositions(config.log.file, to, log);
  const folder = dirname(config.log.file);
  for (const path of logsOf(config)) {
    const name = basename(path);
    const beginning = positions.isNew && positions.of(name) === undefined ? await beginningOf(path) : undefined;
    if (beginning) positions.set(name, beginning);
  }
  positions.save();
  // A log that is written no more may still hold what was not sent.
  const logs = new Set([...logsOf(config), ...positions.logs().map((name) => join(folder, name))]);
  const options = { form, longest, version, host: hostname() };
  return new Forwarder({
    logs: [...logs],
    collector: collectorOf(destination, options),
    positions,
    log,
    ...(config.workers === 1 && { batchMs: BATCH_MS }),
  });
}

function openPositions(file: string, to: string, log: Logger): Positions {
  const path = `${file}.forward-${createHash('sha256').update(to).digest('hex').slice(0, 12)}`;
  try {
    return new Positions(path, to);
  } catch (error) {
    renameSync(path, `${path}.damaged`);
    log.error(
      { err: error, path },
      'it is not known how far the decision log was forwarded; all that is kept is sent again',
    );
    return new Positions(path, to, false);
  }
}

/** The open files: each worker has its own. */
function logsOf(config: Config): string[] {
  if (config.workers === 1) return [config.log.file];
  return Array.from({ length: config.workers }, (_, slot) => workerConfig(config, slot).log.file);
}
