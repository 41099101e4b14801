/**
 * Indexes closed files of the logs in the background, by the command, so that opening a page need not wait for it. Files without an index are read in
 * full.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { chainsOf, isOpen } from '../decision-log/read/log-files.ts';
import type { Ground } from './ground.ts';

const LOOK_MS = 30_000;

/** Goes on until the signal. */
export async function keepIndexed(ground: Ground, log: Logger, signal: AbortSignal): Promise<void> {
  let indexed = '';
  while (!signal.aborted) {
    const closed = closedFiles(ground);
    if (closed !== '' && closed !== indexed) {
      try {
        const { exitCode, stderr } = await ground.command.run({
          words: ['log', 'index', ...ground.logWords()],
          signal,
        });
        if (exitCode !== 0) log.warn({ said: stderr.slice(0, 2_000) }, 'the log has not been indexed whole');
        indexed = closed;
      } catch (error) {
        // It took longer than a question may: each file that is done stays so, and it goes on with the next.
        if (!signal.aborted) log.warn({ err: error }, 'the log has not been indexed yet');
      }
    }
    await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}

function closedFiles({ guards }: Ground): string {
  const files = guards.flatMap(({ log }) => {
    try {
      return chainsOf(log).flat();
    } catch {
      return []; // said where the log is followed
    }
  });
  return files.filter((file) => !isOpen(file)).join('\n');
}
