/** The first reading of policies and catalog. The database may not be up yet: then the guard starts, refuses all logins, and waits. */
import type { Logger } from 'pino';
import type { PolicyReading } from '../server/guard-runtime.ts';
import { ServerUnavailable } from './ask-server.ts';

/** Undefined if no server can be asked now. Throws if waiting would not help: a wrong password, an unknown database. */
export async function firstReading(
  read: () => Promise<PolicyReading>,
  log: Logger,
): Promise<PolicyReading | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) throw error;
    log.warn({ detail: error.message }, 'the database server cannot be reached; logins are refused until it can');
    return undefined;
  }
}

const FIRST_MS = 250;
const LONGEST_MS = 5_000;

/** Tries again, less and less often, until `ready`; returns how to stop. */
export function keepTrying(attempt: () => Promise<void>, ready: () => boolean): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const next = (wait: number): void => {
    if (stopped || ready()) return;
    timer = setTimeout(async () => {
      await attempt();
      next(Math.min(wait * 2, LONGEST_MS));
    }, wait);
  };
  next(FIRST_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
