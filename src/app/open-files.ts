/** Whether the system lets this process open as many files as the configured connections need. Every session takes two, a login one or two, and as many wait refused. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';

/** For libraries, log, policies, the admin address. */
const OTHERS = 64;

/**
 * A warning if the limit is too low; undefined if it is not, or if the system does not report it. Node raises the soft limit to the hard one by
 * itself, so the operator must allow more (`LimitNOFILE` in systemd, `ulimit -Hn`).
 */
export function tooFewFiles({ limits, workers }: Pick<Config, 'limits' | 'workers'>): string | undefined {
  const allowed = openFiles(limitsOfThisProcess());
  // Connections go to the workers in turn, which keeps them about even: a quarter more than the share.
  const share = workers > 1 ? 1.25 / workers : 1;
  const needed = Math.ceil((2 * limits.connections + 3 * limits.logins) * share) + OTHERS;
  if (allowed === undefined || needed <= allowed) return undefined;
  return `limits.connections and limits.logins may need ${needed} open files, and this process may open ${allowed}`;
}

/** The soft limit, from the text of `/proc/PID/limits`. */
export function openFiles(text: string | undefined): number | undefined {
  const match = /^Max open files\s+([0-9]+|unlimited)\s/m.exec(text ?? '');
  if (!match) return undefined;
  return match[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match[1]);
}

function limitsOfThisProcess(): string | undefined {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined; // not Linux
  }
}
