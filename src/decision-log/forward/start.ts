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
import { newestFile } from './next-file.ts';
import { type Position, Positions } from './position.ts';

export interface Forwarding {
  /** For each collector: the age of the oldest record that it has not accepted, in seconds; 0 if it has all. */
  lags(): readonly { readonly to: string; readonly seconds: number }[];
  /** What is written by now is still sent, for a moment; the rest waits for the next start. */
  stop(): Promise<void>;
}

const STOP_MS = 5_000;
/** For a process that also serves clients. */
const BATCH_MS = 1_000;

/** Call it before the logs are written: everything from then on is sent. Throws if the position cannot be stored. */
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
  // A log that is no longer written may have unsent records.
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

/** Undefined if nothing was written yet: then it begins with the first record. */
async function beginningOf(log: string): Promise<Position | undefined> {
  const file = await newestFile(log);
  await file?.handle.close();
  return file && { chain: file.chain, file: file.first, offset: 0, seq: file.first - 1 };
}
